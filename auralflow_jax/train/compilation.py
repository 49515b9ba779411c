"""How training steps are compiled."""

import jax


def compiler_options() -> dict[str, int] | None:
    """Options for XLA: on the CPU, LLVM's second level of optimization, which compiles quicker than the third.

    None on other devices. The same for every run, so that one that goes on computes the same bits.
    """
    return {"xla_backend_optimization_level": 2} if jax.default_backend() == "cpu" else None
