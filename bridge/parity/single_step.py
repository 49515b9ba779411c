"""One evaluation and one training step of a network in both frameworks, and how far apart they end."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from auralflow_core.weights.names import COUNTER, to_torch
from bridge.parity.twins import Twins

RATE = 1e-2  # of the step of gradient descent

Arrays = dict[str, np.ndarray]


class StepResult(NamedTuple):
    """The results of a step, under torch's names.

    Attributes:
        evaluated: output, and mu and sigma where there is a latent variable, in evaluation mode.
        trained: the same in training mode, with the twins' noise.
        gradients: of every parameter.
        weights: the parameters after a step of gradient descent.
        statistics: the running means and variances after it.
    """

    evaluated: Arrays
    trained: Arrays
    gradients: Arrays
    weights: Arrays
    statistics: Arrays


class Tolerances(NamedTuple):
    """The differences that are tolerated: absolute, or relative to the tensor's largest value where that exceeds 1.

    Attributes:
        output: of outputs and latent variables.
        gradient: of gradients; in addition, `gradient_share` of each element's own size.
        gradient_share: see there.
        step: of weights and statistics after the step.
    """

    output: float
    gradient: float
    gradient_share: float
    step: float


FLOAT32 = Tolerances(output=1e-5, gradient=1e-5, gradient_share=1e-4, step=1e-5)
FLOAT64 = Tolerances(output=1e-10, gradient=1e-10, gradient_share=1e-10, step=1e-10)


class TensorDifference(NamedTuple):
    """How far two tensors are apart.

    Attributes:
        quantity: a field of StepResult.
        name: of the tensor.
        difference: the largest absolute difference; inf where one side is not a number.
        tolerance: what is tolerated of the element with that difference.
        ok: whether every element is within its tolerance.
    """

    quantity: str
    name: str
    difference: float
    tolerance: float
    ok: bool


def flax_step(twins: Twins) -> StepResult:
    """Runs the flax network at the highest matmul precision.

    Args:
        twins: both networks; of float64 ones, JAX needs `jax.enable_x64`.
    """
    import jax
    import jax.numpy as jnp

    def run(variables, x):
        def objective(params):
            (output, latent), updated = twins.flax.apply(
                {"params": params, "batch_stats": variables["batch_stats"]},
                x,
                True,
                twins.noise,
                mutable=["batch_stats"],
            )
            spread = sum(jnp.mean(jnp.square(part)) for part in latent or ())
            return jnp.sum(output * twins.cotangent) + spread, (output, latent, updated)

        evaluated = twins.flax.apply(variables, x)
        gradients, (output, latent, updated) = jax.grad(objective, has_aux=True)(variables["params"])
        weights = jax.tree.map(lambda weight, gradient: weight - RATE * gradient, variables["params"], gradients)
        return evaluated, (output, latent), gradients, weights, updated

    with jax.default_matmul_precision("highest"):
        evaluated, trained, gradients, weights, updated = jax.jit(run)(twins.variables, twins.x)
    return StepResult(
        _named(*evaluated),
        _named(*trained),
        to_torch({"params": gradients}),
        to_torch({"params": weights}),
        _statistics(to_torch(updated)),
    )


def torch_step(twins: Twins) -> StepResult:
    """The same in torch; the network keeps the step's weights."""
    import torch

    network, noise = twins.torch, None if twins.noise is None else torch.from_numpy(twins.noise)

    def run(noise) -> dict[str, torch.Tensor]:
        x = torch.from_numpy(twins.x)
        if forward_with_latent := getattr(network, "forward_with_latent", None):
            output, *latent = forward_with_latent(x, noise)
        else:
            output, latent = network(x), None
        return _named(output.reshape(twins.cotangent.shape), latent)  # torch has no targets' axis for a single one

    network.eval()
    with torch.no_grad():
        evaluated = run(None)
    network.train()
    trained = run(noise)
    objective = (trained["output"] * torch.from_numpy(twins.cotangent)).sum()
    for name in trained.keys() - {"output"}:
        objective = objective + trained[name].square().mean()
    network.zero_grad()
    objective.backward()
    torch.optim.SGD(network.parameters(), RATE).step()
    parameters, state = dict(network.named_parameters()), network.state_dict()

    def arrays(tensors: "Mapping[str, torch.Tensor]") -> Arrays:
        return {name: tensor.numpy(force=True) for name, tensor in tensors.items()}

    return StepResult(
        arrays(evaluated),
        arrays(trained),
        arrays({name: parameter.grad for name, parameter in parameters.items() if parameter.grad is not None}),
        arrays(parameters),
        arrays(_statistics({name: state[name] for name in state.keys() - parameters.keys()})),
    )


def _named(output, latent) -> dict:
    return {"output": output} | dict(zip(("mu", "sigma"), latent or (), strict=False))


def _statistics(state: Mapping) -> dict:
    return {name: state[name] for name in sorted(state) if not name.endswith(COUNTER)}


def compare_steps(ours: StepResult, theirs: StepResult, bars: Tolerances) -> Iterator[TensorDifference]:
    """Compares every tensor of two outcomes.

    Raises:
        ValueError: they hold different tensors.
    """
    for quantity in StepResult._fields:
        found, expected = getattr(ours, quantity), getattr(theirs, quantity)
        if found.keys() != expected.keys():
            raise ValueError(f"{quantity}: only one side has {', '.join(sorted(found.keys() ^ expected.keys()))}")
        for name, reference in expected.items():
            tolerance = _tolerance(quantity, reference, bars)
            distance = np.abs(np.asarray(found[name], reference.dtype) - reference)
            distance = np.where(np.isnan(distance), np.inf, distance)
            worst = np.unravel_index(distance.argmax(), distance.shape)
            ok = bool((distance <= tolerance).all())
            yield TensorDifference(quantity, name, float(distance[worst]), float(tolerance[worst]), ok)


def _tolerance(quantity: str, reference: np.ndarray, bars: Tolerances) -> np.ndarray:
    """The tolerance of each element."""
    scale = max(1.0, float(np.abs(reference).max(initial=0)))
    if quantity == "gradients":
        return bars.gradient * scale + bars.gradient_share * np.abs(reference)
    bar = bars.step if quantity in ("weights", "statistics") else bars.output
    return np.full(reference.shape, bar * scale)
