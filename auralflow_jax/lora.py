"""Low-rank adapters of linear layers (Hu et al. 2022, "LoRA: low-rank adaptation of large language models").

A network with adapters is the same network with other weights: those of each linear layer, plus scale · B A. So these
are functions of trees of parameters, of which `BandLinear` alone among the layers knows. Adapters are a tree like the
parameters, in which `lora_A` (..., rank, inputs) and `lora_B` (..., outputs, rank) stand in the place of each matrix
that has some; stacks of matrices have stacks of them.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict

from auralflow_core.errors import InputError
from auralflow_core.weights.linear import is_linear
from auralflow_core.weights.names import torch_layout
from auralflow_jax.layers.conv2d import BatchNorm


def draw_adapters(params: dict, rank: int, key: jax.Array) -> dict:
    """Draws adapters that change nothing yet: A of variance 1 / inputs, B of zeros.

    Args:
        params: of the network.
        rank: of the adapters.
        key: random key.

    Raises:
        InputError: the network has no linear layer.
    """
    adapters = {}
    for index, (path, weight) in enumerate(sorted(flatten_dict(params).items())):
        if is_linear(path, weight.ndim):
            *stack, outputs, inputs = weight.mT.shape if path[-1] == "kernel" else weight.shape
            drawn = jax.random.normal(jax.random.fold_in(key, index), (*stack, rank, inputs), weight.dtype)
            adapters[*path, "lora_A"] = drawn * jnp.asarray(inputs**-0.5, weight.dtype)
            adapters[*path, "lora_B"] = jnp.zeros((*stack, outputs, rank), weight.dtype)
    if not adapters:
        raise InputError("lora_rank is for adapters of linear layers, and the network has none; expected 0")
    return unflatten_dict(adapters)


def adapt(params: dict, adapters: dict, scale: float, beside: bool = False) -> dict:
    """The parameters of a network with adapters.

    Args:
        params: of the network.
        adapters: of some of its linear layers.
        scale: alpha / rank.
        beside: leave stacks of matrices as they are and put their adapters beside them, where `BandLinear` finds them:
            for training, which then needs neither the sums, nor gradients as large as these.
    """
    adapted: dict[tuple[str, ...], Any] = dict(flatten_dict(params, keep_empty_nodes=True))
    factors: dict[tuple[str, ...], Any] = dict(flatten_dict(adapters))
    for path in sorted({path[:-1] for path in factors}):
        a, b = factors[*path, "lora_A"], scale * factors[*path, "lora_B"]
        if beside and a.ndim > 2:
            adapted |= {(*path[:-1], "lora_A"): a, (*path[:-1], "lora_B"): b}
        else:
            added = jnp.matmul(b, a, precision="highest")
            adapted[path] = adapted[path] + (added.mT if path[-1] == "kernel" else added)
    return unflatten_dict(adapted)


def name_factors(adapters: dict, params: dict) -> dict[str, np.ndarray]:
    """Adapters of parameters as a file holds them: `<weight>.lora_A` and `<weight>.lora_B`, under torch's names."""
    names = {place.path: name for name, place in torch_layout({"params": params}).items()}
    return {
        f"{names['params', *path]}.{factor}": np.asarray(leaf)
        for (*path, factor), leaf in flatten_dict(adapters).items()
    }


@contextlib.contextmanager
def frozen_statistics(is_frozen: Callable[[tuple[str, ...]], bool] = lambda path: True) -> Any:
    """Makes batch norms use their running statistics, and leave them as they are, also while training.

    Args:
        is_frozen: tells by the path of a norm, the names of the modules that lead to it, whether it is one of them.
            Default: all are.
    """

    def intercept(call: Any, arguments: tuple, keywords: dict, context: nn.module.InterceptorContext) -> Any:
        norm = context.module
        is_norm = context.method_name == "__call__" and isinstance(norm, BatchNorm | nn.BatchNorm)
        if not is_norm or not is_frozen(norm.path):
            return call(*arguments, **keywords)
        if isinstance(norm, BatchNorm):
            return call(arguments[0], False)
        return call(*arguments, **keywords | {"use_running_average": True})

    with nn.intercept_methods(intercept):
        yield
