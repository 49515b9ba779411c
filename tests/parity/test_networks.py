"""The upper rungs: whole networks, in evaluation and in one training step, over a covering set of their settings."""

import itertools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

import bridge
from auralflow.config import MODELS
from auralflow_torch.networks.blocks import MASK_ACTIVATIONS

FACTORS = {
    "name": tuple(MODELS),
    "num_channels": (1, 2),
    "num_targets": (1, 3),
    "mask": tuple(MASK_ACTIVATIONS),
    "normalize_input": (False, True),
    "normalize_output": (False, True),
    "input_axis": (0, 1),
    "size": ((12, 8), (13, 8), (12, 9), (11, 7)),  # bins, frames; the stride is 4
    "leak_factor": (0.0, 0.1),
}
RATE = 1e-2  # of the one step of gradient descent


def pairs_of(values: dict) -> set[frozenset]:
    return {frozenset(pair) for pair in itertools.combinations(values.items(), 2)}


def all_pairs() -> list[dict]:
    """Every pair of two factors' values that a network accepts."""
    pairs = [{a: x, b: y} for a, b in itertools.combinations(FACTORS, 2) for x in FACTORS[a] for y in FACTORS[b]]
    return [pair for pair in pairs if allowed(pair)]


def allowed(values: dict) -> bool:
    return (values.get("mask"), values.get("num_targets")) != ("softmax", 1)


def covering_set() -> list[dict]:
    """Cases in which every pair occurs: each starts with a missing one and adds greedily what covers most others."""
    cases, covered = [], set()
    for pair in all_pairs():
        if pairs_of(pair) <= covered:
            continue
        case = dict(pair)
        for factor in FACTORS:
            choices = [case | {factor: value} for value in FACTORS[factor]]
            if factor not in case:
                case = max(filter(allowed, choices), key=lambda choice: len(pairs_of(choice) - covered))
        cases.append({factor: case[factor] for factor in FACTORS})
        covered |= pairs_of(case)
    return cases


CASES = covering_set()


def twins_of(case: dict, make_twins, **more) -> SimpleNamespace:
    settings = {key: value for key, value in case.items() if key != "size"}
    num_bins, num_frames = case["size"]
    if case["name"] == "SpectrogramNetSimple":
        del settings["input_axis"]
    else:
        settings["recurrent_depth"] = 2
    return make_twins(num_bins=num_bins, num_frames=num_frames, **settings, **more)


def draw_noise(twins):
    """For the latent variable, (batch, steps, latent); None where there is none."""
    if not hasattr(twins.torch, "forward_with_latent"):
        return None
    steps = -(-twins.x.shape[3 - twins.flax.input_axis] // 2**twins.flax.depth)
    return np.random.default_rng(3).normal(size=(len(twins.x), steps, twins.flax.size)).astype(twins.x.dtype)


def draw_cotangent(twins):
    """What the mask is multiplied by, so that gradients are about 1: (batch, targets, channels, bins, frames)."""
    batch, *rest = twins.x.shape
    return np.random.default_rng(2).normal(0, 0.2, (batch, twins.flax.num_targets, *rest)).astype(twins.x.dtype)


def run_flax(twins, jit) -> SimpleNamespace:
    """Evaluation, then one training step; all that came of it, under torch's names."""
    noise, cotangent, optimizer = draw_noise(twins), draw_cotangent(twins), optax.sgd(RATE)

    @jit
    def run(variables, x):
        def objective(params):
            (mask, latent), updated = twins.flax.apply(
                {"params": params, "batch_stats": variables["batch_stats"]}, x, True, noise, mutable=["batch_stats"])
            spread = sum(jnp.mean(jnp.square(part)) for part in latent or ())
            return jnp.sum(mask * cotangent) + spread, (mask, latent, updated)

        evaluated = twins.flax.apply(variables, x)
        gradients, (mask, latent, updated) = jax.grad(objective, has_aux=True)(variables["params"])
        steps, _ = optimizer.update(gradients, optimizer.init(variables["params"]))
        updated["params"] = optax.apply_updates(variables["params"], steps)
        return evaluated, (mask, latent), gradients, updated

    evaluated, trained, gradients, after = run(twins.variables, twins.x)
    # In torch a single target has no axis of its own.
    outputs = [(mask[:, 0] if mask.shape[1] == 1 else mask, *(latent or ())) for mask, latent in (evaluated, trained)]
    return SimpleNamespace(evaluated=outputs[0], trained=outputs[1],
                           gradients=bridge.to_torch({"params": gradients}), after=bridge.to_torch(after))


def evaluate_torch(twins, noise=None) -> tuple:
    """The mask, and mu and sigma where there are any."""
    x = torch.from_numpy(twins.x)
    if hasattr(twins.torch, "forward_with_latent"):
        return twins.torch.forward_with_latent(x, noise if noise is None else torch.from_numpy(noise))
    return (twins.torch(x),)


def run_torch(twins) -> SimpleNamespace:
    """The same in torch."""
    with torch.no_grad():
        twins.torch.eval()
        evaluated = evaluate_torch(twins)
    twins.torch.train()
    mask, *latent = evaluate_torch(twins, draw_noise(twins))
    weights = torch.from_numpy(draw_cotangent(twins)).reshape(mask.shape)
    ((mask * weights).sum() + sum(part.square().mean() for part in latent)).backward()
    torch.optim.SGD(twins.torch.parameters(), RATE).step()
    return SimpleNamespace(
        evaluated=evaluated, trained=(mask.detach(), *(part.detach() for part in latent)),
        gradients={name: array.grad for name, array in twins.torch.named_parameters()},
        after=twins.torch.state_dict())


def close(ours, theirs, tolerance: float, name: str = ""):
    """To a tolerance relative to the largest value, or absolute where all are small."""
    theirs = np.asarray(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * max(1, np.abs(theirs).max()), err_msg=name)


def compare(ours, theirs, output: float, gradient: tuple[float, float], step: float):
    """Asserts the tolerances: of outputs, of gradients (relative and absolute), and of what a step leaves."""
    for kind in ("evaluated", "trained"):
        for part, expected in zip(getattr(ours, kind), getattr(theirs, kind), strict=True):
            close(part, expected, output, kind)
    assert ours.gradients.keys() == theirs.gradients.keys()
    for name, expected in theirs.gradients.items():
        relative, absolute = gradient[0], gradient[1] * max(1, float(expected.abs().max()))
        np.testing.assert_allclose(ours.gradients[name], expected, relative, absolute, err_msg=f"gradient of {name}")
    assert ours.after.keys() == theirs.after.keys()
    for name, expected in theirs.after.items():
        if not name.endswith("num_batches_tracked"):
            close(ours.after[name], expected, step, name)


def test_the_cases_cover_every_pair():
    covered = set().union(*map(pairs_of, CASES))
    assert all(pairs_of(pair) <= covered for pair in all_pairs())
    assert len(CASES) <= 60 and all(map(allowed, CASES))


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_evaluation_and_a_training_step_agree(case, make_twins, quick_jit):
    twins = twins_of(case, make_twins)
    compare(run_flax(twins, quick_jit), run_torch(twins), 1e-5, (1e-4, 1e-5), 1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_float64(name, make_twins, quick_jit):
    case = {"name": name, "num_channels": 2, "num_targets": 3, "mask": "softmax", "normalize_input": True,
            "normalize_output": True, "input_axis": 1, "size": (11, 7), "leak_factor": 0.1}
    twins = twins_of(case, make_twins, dtype=np.float64)
    with jax.enable_x64(True):
        ours = run_flax(twins, quick_jit)
    compare(ours, run_torch(twins), 1e-10, (1e-10, 1e-10), 1e-10)


def test_any_perturbed_tensor_is_found(make_twins, quick_jit):
    """Each tensor in turn, a hundredth away from what it was."""
    twins = make_twins("SpectrogramNetVAE", np.float64, recurrent_depth=2, normalize_input=True, normalize_output=True)
    with jax.enable_x64(True):
        mask, latent = quick_jit(twins.flax.apply)(twins.variables, twins.x)
    twins.torch.eval()

    def check():
        for ours, theirs in zip((mask[:, 0], *latent), evaluate_torch(twins), strict=True):
            close(ours, theirs, 1e-10)

    with torch.no_grad():
        check()
        for name, tensor in twins.torch.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                kept = tensor.clone()
                tensor.add_(0.01)
                with pytest.raises(AssertionError, match="Not equal"):
                    check()
                tensor.copy_(kept)
        check()
