"""Several hosts that train one model together."""

import os

import jax

from auralflow_core.errors import InputError


def initialize() -> None:
    """Joins the other processes of a run where the environment says that there are some.

    Either JAX_COORDINATOR_ADDRESS (host:port), JAX_NUM_PROCESSES and JAX_PROCESS_ID are set, or the process
    runs in a cluster that jax detects itself (Slurm, Open MPI, a TPU pod).

    Raises:
        InputError: JAX_COORDINATOR_ADDRESS is set, but one of the other two is missing or no number.
    """
    environment = os.environ
    if "JAX_COORDINATOR_ADDRESS" in environment:
        numbers = {}
        for name in ("JAX_NUM_PROCESSES", "JAX_PROCESS_ID"):
            if not environment.get(name, "").isdigit():
                raise InputError(f"{name} must be a number where JAX_COORDINATOR_ADDRESS is set, "
                                 f"got {environment.get(name)!r}")
            numbers[name] = int(environment[name])
        jax.distributed.initialize(num_processes=numbers["JAX_NUM_PROCESSES"], process_id=numbers["JAX_PROCESS_ID"])
    elif (int(environment.get("SLURM_NTASKS", "1")) > 1 or int(environment.get("OMPI_COMM_WORLD_SIZE", "1")) > 1
          or "," in environment.get("TPU_WORKER_HOSTNAMES", "")):
        jax.distributed.initialize()
