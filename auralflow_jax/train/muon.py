"""Muon for the weights of linear layers, AdamW for all others."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from auralflow_core.errors import InputError
from auralflow_core.weights.linear import is_linear

MOMENTUM = 0.95
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of Jordan's polynomial
ROUNDS = 5
RMS = 0.2  # of an update, like AdamW's


class MuonState(NamedTuple):
    """The state of `scale_by_muon`."""

    momentum: Any  # like the parameters


def muon(learning_rate: optax.ScalarOrSchedule, weight_decay: float) -> optax.GradientTransformation:
    """Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks") and AdamW.

    Updates of matrices are scaled to the size that AdamW's have (Liu et al. 2025, "Muon is scalable for LLM training",
    eq. 4), so that one learning rate and one weight decay serve both. `optax.contrib.muon` takes no stacks of matrices
    in all versions that are supported.

    Args:
        learning_rate: of both.
        weight_decay: of both.
    """
    matrices = optax.chain(
        scale_by_muon(), optax.add_decayed_weights(weight_decay), optax.scale_by_learning_rate(learning_rate)
    )
    others = optax.adamw(learning_rate, weight_decay=weight_decay)
    return optax.partition({"muon": matrices, "adamw": others}, labels)


def labels(params: Any) -> Any:
    """The optimizer of each parameter, `muon` or `adamw`, as a tree like the parameters.

    Raises:
        InputError: there is no linear layer, so that nothing would be left for Muon.
    """
    found = jax.tree_util.tree_map_with_path(
        lambda path, leaf: "muon" if is_linear([key.key for key in path], leaf.ndim) else "adamw", params
    )
    if "muon" not in jax.tree.leaves(found):
        raise InputError("optimizer muon is for the weights of linear layers, and the network has none; adamw does")
    return found


def scale_by_muon() -> optax.GradientTransformation:
    """Makes of the momentum of gradients (..., rows, columns) matrices whose singular values are about alike."""

    def init(params: Any) -> MuonState:
        return MuonState(optax.tree.zeros_like(params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, MuonState]:
        del params
        momentum = jax.tree.map(lambda old, new: MOMENTUM * old + (1 - MOMENTUM) * new, state.momentum, updates)
        # Nesterov's: the gradient counts once more.
        ahead = jax.tree.map(lambda old, new: MOMENTUM * old + (1 - MOMENTUM) * new, momentum, updates)
        return jax.tree.map(lambda x: RMS * max(x.shape[-2:]) ** 0.5 * orthogonalize(x), ahead), MuonState(momentum)

    return optax.GradientTransformation(init, update)


def orthogonalize(x: jax.Array) -> jax.Array:
    """Brings the singular values of matrices (..., rows, columns) near 1 by rounds of Newton and Schulz's iteration."""
    is_tall = x.shape[-2] > x.shape[-1]
    x = x.mT if is_tall else x
    x = x / jnp.maximum(jnp.linalg.norm(x, axis=(-2, -1), keepdims=True), 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if is_tall else x
