"""Devices and hosts that train one model together: how batches and states are laid out on them."""

import contextlib
import os
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from auralflow_core.errors import InputError

Batch = dict[str, jax.Array]


def initialize() -> None:
    """Joins the other processes of a run if the environment names them.

    Either JAX_COORDINATOR_ADDRESS (host:port), JAX_NUM_PROCESSES and JAX_PROCESS_ID are set, or the process
    runs in a cluster that jax detects itself (Slurm, Open MPI, a TPU pod).

    Raises:
        InputError: JAX_COORDINATOR_ADDRESS is set, but one of the other two is missing or not a number.
    """
    if "jax_enable_recoverability" in jax.config.values:
        # Without it jax ends this process, in several lines, as soon as the first host is gone; see `heartbeat`.
        jax.config.update("jax_enable_recoverability", True)
    environment = os.environ
    if "JAX_COORDINATOR_ADDRESS" in environment:
        numbers = {}
        for name in ("JAX_NUM_PROCESSES", "JAX_PROCESS_ID"):
            if not environment.get(name, "").isdigit():
                raise InputError(
                    f"{name} must be a number where JAX_COORDINATOR_ADDRESS is set, got {environment.get(name)!r}"
                )
            numbers[name] = int(environment[name])
        jax.distributed.initialize(num_processes=numbers["JAX_NUM_PROCESSES"], process_id=numbers["JAX_PROCESS_ID"])
    elif (
        int(environment.get("SLURM_NTASKS", "1")) > 1
        or int(environment.get("OMPI_COMM_WORLD_SIZE", "1")) > 1
        or "," in environment.get("TPU_WORKER_HOSTNAMES", "")
    ):
        jax.distributed.initialize()


def make_mesh() -> Mesh:
    """All devices of all hosts in one row, over which a batch is divided; one device is a mesh of one."""
    return jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Each device holds its share of the first axis."""
    return NamedSharding(mesh, PartitionSpec("data"))


def replicated(mesh: Mesh) -> NamedSharding:
    """Each device holds everything."""
    return NamedSharding(mesh, PartitionSpec())


def divided(mesh: Mesh | None) -> contextlib.AbstractContextManager:
    """Tells what is traced inside that batches are divided over a mesh; see `auralflow_jax.fourier`.

    Args:
        mesh: from `make_mesh`; None where the caller lays out batches. A mesh that the caller has set stays in force.
    """
    if mesh is None or mesh.size == 1 or not jax.sharding.get_abstract_mesh().empty:
        return contextlib.nullcontext()
    return jax.sharding.use_abstract_mesh(mesh.abstract_mesh)


def shard_batch(batch: dict[str, Any], mesh: Mesh) -> Batch:
    """Makes global arrays of this process's part of a batch, numpy arrays whose first axis is the batch."""
    sharding = batch_sharding(mesh)
    return {name: jax.make_array_from_process_local_data(sharding, value) for name, value in batch.items()}
