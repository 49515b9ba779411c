"""How programs are compiled: options for XLA on the CPU, and None on other devices, which may not know them."""

from typing import Any

import jax

LEAST_MEMORY = {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}


def step_options() -> dict[str, Any] | None:
    """Options for training steps: LLVM's second level of optimization, which compiles quicker than the third.

    The same for every run, so that one that goes on computes the same bits.
    """
    return _on_cpu({"xla_backend_optimization_level": 2})


def drawing_options() -> dict[str, Any] | None:
    """Options for programs that draw a network's weights.

    They run once, and optimising them takes four times as long. In the usual order of operations the random numbers of
    many tensors wait side by side.
    """
    return _on_cpu({"xla_backend_optimization_level": 0} | LEAST_MEMORY)


def separation_options() -> dict[str, Any] | None:
    """Options for separation: the order of operations that needs the least memory.

    The usual order lets independent operations run side by side, and so begins all arrays that loops fill, such as an
    LSTM's output, before the first of them is needed.
    """
    return _on_cpu(LEAST_MEMORY)


def _on_cpu(options: dict[str, Any]) -> dict[str, Any] | None:
    return options if jax.default_backend() == "cpu" else None
