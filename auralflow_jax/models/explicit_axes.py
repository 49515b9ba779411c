"""Models on meshes whose axes are Explicit."""

from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import AxisType, NamedSharding, PartitionSpec


def with_auto_axes(run: Callable[..., tuple[Any, Any]], audio: jax.Array, *arguments: Any) -> tuple[Any, Any]:
    """`run(audio, *arguments)`, inside of which the compiler lays out arrays on an Explicit mesh.

    On such a mesh every reshape of a divided array would have to name the layout of its result; networks work on any
    layout and name none.

    Args:
        run: returns arrays whose first axis is that of `audio`, and others, which are held whole by each device.
        audio: its first axis may be divided over the mesh.
        arguments: pytrees of arrays.
    """
    sharding = jax.typeof(audio).sharding
    if AxisType.Explicit not in sharding.mesh.axis_types:
        return run(audio, *arguments)
    axis, *_ = sharding.spec
    places = (NamedSharding(sharding.mesh, PartitionSpec(axis)), NamedSharding(sharding.mesh, PartitionSpec()))
    on_mesh: Callable[..., tuple[Any, Any]] = jax.sharding.auto_axes(run, out_sharding=places)  # pyright: ignore
    return on_mesh(audio, *arguments)
