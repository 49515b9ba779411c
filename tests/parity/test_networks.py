"""The upper rungs: whole networks, in evaluation and in one training step, over a covering set of their settings."""

import jax
import numpy as np
import pytest

from auralflow_core.config import MODELS
from auralflow_jax.layers import in_parts
from auralflow_jax.networks import scnet
from bridge.parity.cases import covering_set, pairs_of, product, small_config
from bridge.parity.single_step import FLOAT32, FLOAT64, compare_steps, flax_step, torch_step
from bridge.parity.twins import make_twins

CASES = covering_set()


def apart(ours, theirs, bars) -> list:
    return [gap for gap in compare_steps(ours, theirs, bars) if not gap.ok]


def name_of(case) -> str:
    return "-".join(f"{len(value)}t" if isinstance(value, tuple) else str(value) for value in case.values())


def test_the_cases_cover_every_pair():
    covered = set().union(*map(pairs_of, CASES))
    assert all(pairs_of(case) <= covered for model_type in MODELS for case in product(model_type))
    assert len(CASES) <= 60  # which are compiled, with the runs of fifty steps and those in float64
    assert {case["model_type"] for case in CASES} == set(MODELS)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_evaluation_and_a_training_step_agree(case):
    twins = make_twins(small_config(**case))
    assert not apart(flax_step(twins), torch_step(twins), FLOAT32)


@pytest.mark.parametrize("model_type", MODELS)
def test_float64(model_type):
    case = max(product(model_type), key=lambda case: len(str(case)))
    twins = make_twins(small_config(**case), precision="float64")
    with jax.enable_x64(True):
        ours = flax_step(twins)
    assert all(gradient.dtype == np.float64 for gradient in ours.gradients.values())
    assert not apart(ours, torch_step(twins), FLOAT64)


@pytest.mark.parametrize("model_type", ["BSRoformer", "MelBandRoformer", "SCNet"])
def test_rows_of_large_networks_are_computed_in_parts(model_type, monkeypatch):
    """Three sequences at a time where there are more, and one row at a time elsewhere."""
    monkeypatch.setattr(in_parts, "PART", 1)
    monkeypatch.setattr(scnet, "SEQUENCES", 3)
    twins = make_twins(small_config(model_type))
    assert not apart(flax_step(twins), torch_step(twins), FLOAT32)


def test_any_perturbed_tensor_is_found():
    """Each tensor in turn, a hundredth away from what it was."""
    twins = make_twins(small_config("SpectrogramNetVAE", normalize_input=True, normalize_output=True))
    before = {name: tensor.clone() for name, tensor in twins.torch.state_dict().items()}
    ours = flax_step(twins)
    assert not apart(ours, torch_step(twins), FLOAT32)
    for name in before:
        if not name.endswith("num_batches_tracked"):
            twins.torch.load_state_dict(before | {name: before[name] + 0.01})
            assert apart(ours, torch_step(twins), FLOAT32), name


def test_gaps_between_outcomes_are_measured():
    twins = make_twins(small_config("SpectrogramNetSimple"))
    ours, theirs = flax_step(twins), torch_step(twins)
    assert all(gap.ok and gap.difference == 0 for gap in compare_steps(theirs, theirs, FLOAT64))
    bias = theirs.gradients["head.bias"]

    def gap_with(value):
        changed = theirs._replace(gradients=theirs.gradients | {"head.bias": np.full_like(bias, value)})
        return [(gap.name, gap.difference) for gap in apart(changed, theirs, FLOAT32)]

    tolerance = 1e-5 * max(1, abs(bias[0])) + 1e-4 * abs(bias[0])
    assert gap_with(bias[0] + 0.9 * tolerance) == []
    assert gap_with(bias[0] + 1.1 * tolerance) == [("head.bias", pytest.approx(1.1 * tolerance, rel=0.02))]
    assert gap_with(np.nan) == [("head.bias", np.inf)]
    with pytest.raises(ValueError, match="gradients: only one side has head.bias"):
        theirs.gradients.pop("head.bias")
        apart(ours, theirs, FLOAT32)
