"""A network in both frameworks, with the same random weights, ready to be compared."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from auralflow_core.config import Config
from auralflow_core.weights.names import to_torch

if TYPE_CHECKING:
    from flax import linen
    from torch import nn


@dataclasses.dataclass(frozen=True)
class Twins:
    """Two networks that ought to be one.

    Attributes:
        flax: the linen module.
        variables: its `params` and `batch_stats`, numpy arrays, every leaf random.
        torch: the torch module, which holds the same.
        x: the input of both, noise in the shape that the model's front end hands on; for a mask network positive,
            (batch, channels, bins, frames).
        noise: of the latent variable, standard normal; None for a network that has none.
        cotangent: what the output is multiplied by, in its shape, so that gradients are about 1.
    """

    flax: "linen.Module"
    variables: dict[str, dict]
    torch: "nn.Module"
    x: np.ndarray
    noise: np.ndarray | None
    cotangent: np.ndarray


def make_twins(config: Config, batch: int = 3, precision: str = "float32", seed: int = 0) -> Twins:
    """Builds both networks of a configuration, without dropout, which no two frameworks draw alike.

    Args:
        config: the network's, whatever its family.
        batch: of the input.
        precision: float32 or float64, of weights and computation.
        seed: of weights and input.
    """
    import jax
    import msgspec
    import torch

    from auralflow_jax.models.base import abstract_variables
    from auralflow_jax.models.registry import build
    from auralflow_torch.networks import build_network
    from auralflow_torch.weights import load_state

    if hasattr(config.model, "dropout_p"):
        config = msgspec.structs.replace(config, model=msgspec.structs.replace(config.model, dropout_p=0.0))
    rng = np.random.default_rng((seed, 1))
    variables = random_variables(abstract_variables(config), seed)
    twin = build_network(config)
    load_state(twin, to_torch(variables))
    twin.to(getattr(torch, precision))
    variables = jax.tree.map(lambda array: array.astype(precision), variables)
    shape, output, latent = network_shapes(config, batch)

    def draw(shape, scale=1.0):
        return rng.normal(0, scale, shape).astype(np.float32).astype(precision)  # the same values in either precision

    return Twins(
        flax=build(config).network.clone(dtype=np.dtype(precision)),
        variables=variables,
        torch=twin,
        x=draw(shape) if config.model.FAMILY == "complex" else np.abs(draw(shape)),
        noise=None if latent is None else draw(latent[0].shape),
        cotangent=draw(output.shape, 4 * np.prod(output.shape) ** -0.5),
    )


def network_shapes(config: Config, batch: int) -> tuple[tuple[int, ...], Any, Any]:
    """The shape that the front end of a configuration's model hands to the network; those that come out of it.

    Args:
        config: the model's, whatever its family.
        batch: of crops.

    Returns:
        The input's shape, then the output's shape and type, and of mu and sigma where there is a latent variable.
    """
    import jax

    from auralflow_jax.models.base import abstract_variables
    from auralflow_jax.models.registry import build

    model = build(config)
    listener = _Listener(model.network)
    mixture = jax.ShapeDtypeStruct((batch, config.model.num_channels, config.crop_samples), np.float32)
    jax.eval_shape(dataclasses.replace(model, network=listener).apply, abstract_variables(config), mixture)
    return listener.shape, *listener.returned


def random_variables(shapes: Mapping, seed: int = 0) -> dict:
    """Every leaf random, statistics and biases too, in sizes that keep a signal's level about constant.

    Args:
        shapes: nested dicts of anything with a `shape`, as of `jax.eval_shape`.
        seed: of the leaves.

    Returns:
        float32 arrays, nested in the same way.
    """
    import jax

    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        name, shape = path[-1].key, leaf.shape
        if name in ("scale", "var", "gamma"):
            return rng.uniform(0.5, 1.5, shape).astype(np.float32)
        if name == "kernel" or name.startswith("weight"):
            # The inputs of a kernel are all axes but the last, those of torch's own arrays the last.
            fan_in = shape[-1] if name.startswith("weight") else np.prod(shape[:-1])
            return (rng.normal(size=shape) * fan_in**-0.5).astype(np.float32)
        return rng.normal(scale=0.3, size=shape).astype(np.float32)

    return jax.tree_util.tree_map_with_path(draw, shapes)


class _Listener:
    """In the place of a flax network, in an abstract evaluation: hears the shapes that go in and would come out."""

    def __init__(self, network: "linen.Module"):
        self.network = network

    def apply(self, variables: Mapping, x: Any, *_, **__) -> tuple[tuple, dict]:
        import jax

        self.shape = x.shape
        self.returned = jax.eval_shape(self.network.apply, variables, x)
        return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), self.returned), {}
