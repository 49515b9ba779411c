"""A run of many steps in both frameworks, from the same weights and batches."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from auralflow_core.weights.names import to_torch
from bridge.parity.twins import Twins

if TYPE_CHECKING:
    import optax
    from torch import optim

KL_WEIGHT = 0.01  # of the divergence of a latent variable


class Batch(NamedTuple):
    """One step's arrays.

    Attributes:
        x: what the network gets, in the shape of the twins' own.
        target: what each target's output times `x` ought to be, same shape.
        noise: of the latent variable, or None.
    """

    x: np.ndarray
    target: np.ndarray
    noise: np.ndarray | None


class Run(NamedTuple):
    """The results of a run.

    Attributes:
        losses: before each step.
        state: weights and statistics after the last, under torch's names.
    """

    losses: list[float]
    state: dict[str, np.ndarray]


def draw_batches(twins: Twins, steps: int, seed: int = 4) -> list[Batch]:
    """Random batches, of which a network can learn how much of its input to keep."""
    rng, dtype = np.random.default_rng(seed), twins.x.dtype
    xs = rng.uniform(0, 1, (steps, *twins.x.shape)).astype(dtype)
    targets = (xs * rng.uniform(0, 1, xs.shape)).astype(dtype)
    noises = [None] * steps if twins.noise is None else rng.normal(size=(steps, *twins.noise.shape)).astype(dtype)
    return [Batch(*arrays) for arrays in zip(xs, targets, noises, strict=True)]


def flax_run(twins: Twins, batches: Sequence[Batch], optimizer: "optax.GradientTransformation") -> Run:
    """Trains the flax network at the highest matmul precision.

    Args:
        twins: both networks; of float64 ones, JAX needs `jax.enable_x64`.
        batches: one for each step.
        optimizer: what makes steps of gradients.
    """
    import jax
    import jax.numpy as jnp
    import optax

    from auralflow_jax.losses.functional import kl_div_loss
    from auralflow_jax.train.optimizer import update

    def step(params, stats, state, batch):
        def objective(params):
            (output, latent), updated = twins.flax.apply(
                {"params": params, "batch_stats": stats}, batch.x, True, batch.noise, mutable=["batch_stats"]
            )
            loss = jnp.mean(jnp.square(output * batch.x[:, None] - batch.target[:, None]))
            loss = loss if latent is None else loss + KL_WEIGHT * kl_div_loss(*latent)
            return loss, updated.get("batch_stats", {})

        (loss, stats), gradients = jax.value_and_grad(objective, has_aux=True)(params)
        updates, state = update(optimizer, gradients, state, params)
        return loss, optax.apply_updates(params, updates), stats, state

    step = jax.jit(step)
    params, stats = twins.variables["params"], twins.variables["batch_stats"]
    state, losses = optimizer.init(params), []
    with jax.default_matmul_precision("highest"):
        for batch in batches:
            loss, params, stats, state = step(params, stats, state, batch)
            losses.append(float(loss))
    return Run(losses, to_torch({"params": params, "batch_stats": stats}))


def torch_run(twins: Twins, batches: Sequence[Batch], optimizer: "optim.Optimizer") -> Run:
    """The same in torch.

    Args:
        twins: both networks; the torch one keeps the weights of the last step.
        batches: one for each step.
        optimizer: of the torch network's parameters.
    """
    import torch

    from auralflow_torch.losses import kl_div_loss

    network, losses = twins.torch.train(), []
    for batch in batches:
        x, target = torch.from_numpy(batch.x), torch.from_numpy(batch.target)
        noise = None if batch.noise is None else torch.from_numpy(batch.noise)
        output, latent = cast(Any, network).estimate(x, noise)
        output = output.reshape(len(x), -1, *x.shape[1:])  # torch has no targets' axis for a single one
        loss = (output * x[:, None] - target[:, None]).square().mean()
        loss = loss if latent is None else loss + KL_WEIGHT * kl_div_loss(*latent)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return Run(losses, {name: tensor.numpy(force=True) for name, tensor in network.state_dict().items()})
