"""`verify`, and the comparison of both networks behind it."""

import numpy as np
import pytest
from small_models import KINDS, make_model, random_weights, small_config

import auralflow_torch
from auralflow_core.config import MODELS
from auralflow_core.weights.file import TORCH, TensorFile, write_tensors
from auralflow_core.weights.names import to_torch
from bridge.cli import main
from bridge.parity import cases
from bridge.parity.outputs import TOLERANCE, compare_networks, difference


@pytest.mark.parametrize(
    "kind, names",
    [
        ("AudioNetVAE", ("down.0.conv", "recurrent.lstm", "variational.to_mu", "merge.1", "up.0")),
        ("HybridNet", ("audio.down.0.gate", "audio", "spectrogram.down.0.conv.1", "spectrogram.head", "spectrogram")),
    ],
)
def test_verify_compares_models_without_masks(here, capsys, kind, names):
    config = small_config(kind, num_channels="2", targets="bass,vocals")
    variables = random_weights(config)
    make_model("model", config, variables)
    assert main(["verify", "model"]) == 0
    out = capsys.readouterr().out
    assert "The networks are the same." in out and "estimate.audio" in out and "estimate.mask" not in out
    assert all(f" {name} " in out for name in names)
    state = to_torch(variables)
    next(array for name, array in state.items() if "down.1" in name and "weight" in name).flat[0] += 0.1
    write_tensors("t.safetensors", TensorFile(TORCH, state, config, {}))
    assert main(["verify", "model", "--torch", "t.safetensors"]) == 1
    assert "The networks differ." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (
            KINDS[0],
            {
                "num_channels": "2",
                "targets": "bass,drums",
                "mask_activation": "relu",
                "joiner": "ratio",
                "high_bins": "mean",
                "normalize_input": "true",
                "normalize_output": "true",
            },
        ),
        (
            KINDS[2],
            {
                "targets": "bass,vocals",
                "mask_activation": "softmax",
                "precision": "bfloat16",
                "depth": "1",
                "recurrent_depth": "1",
            },
        ),
    ],
)
def test_verify_passes_and_one_perturbed_tensor_fails(here, capsys, kind, changes):
    config = small_config(kind, **changes)
    variables = random_weights(config)
    make_model("model", config, variables)
    assert main(["verify", "model"]) == 0
    out = capsys.readouterr().out
    assert "The networks are the same." in out
    names = ("down.0.conv.1", "bottleneck", "head", "estimate.mask", "estimate.audio")
    assert all(f" {name} " in out for name in names)

    for name in ("down.0.conv.1.weight", "bottleneck.norm.1.running_var", "head.bias"):
        state = to_torch(variables)
        state[name].flat[0] += 0.01
        write_tensors("t.safetensors", TensorFile(TORCH, state, config, {}))
        assert main(["verify", "model", "--torch", "t.safetensors"]) == 1, name
        out = capsys.readouterr().out
        assert "The networks differ." in out
        row = next(line for line in out.splitlines() if f" {name.rpartition('.')[0]} " in line)
        assert "!" in row


def test_rounding_is_told_from_a_small_difference_in_float64(here, capsys, monkeypatch):
    config = small_config(depth="1")
    variables = random_weights(config)
    make_model("model", config, variables)
    monkeypatch.setattr("bridge.parity.outputs.TOLERANCE", 1e-8)  # less than float32 can do
    assert main(["verify", "model"]) == 0
    assert "Again in float64" in capsys.readouterr().out
    state = to_torch(variables)
    state["head.bias"] += np.float32(1e-5)
    write_tensors("t.safetensors", TensorFile(TORCH, state, config, {}))
    assert main(["verify", "model", "--torch", "t.safetensors"]) == 1
    assert "Again in float64" in capsys.readouterr().out


@pytest.mark.parametrize("kind", MODELS)
def test_every_module_with_weights_is_compared(kind):
    config = cases.small_config(kind, frames=30)
    rows = compare_networks(config, random_weights(config))
    network = auralflow_torch.networks.build_network(config)
    assert {name for name, module in network.named_modules() if [*module.parameters(recurse=False)]} - {""} <= {
        row.name for row in rows
    }
    assert max(row.relative for row in rows) <= TOLERANCE


def test_a_difference_is_told_in_either_layout_and_of_nan():
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    assert difference("a", x, x).absolute == 0
    assert difference("a", np.moveaxis(x, 1, -1), x).absolute == 0
    y = x.copy()
    y[1, 2, 3, 4] += 0.5
    assert difference("a", np.moveaxis(y, 1, -1), x).absolute == pytest.approx(0.5)
    y[0] = np.nan
    assert difference("a", y, x).absolute == np.inf
    assert difference("a", y, y).relative == difference("a", np.full_like(y, np.inf), y).relative == np.inf
    assert difference("a", 100 * x, 100 * x + 1e-3).relative == pytest.approx(1e-5 / np.abs(x).max(), rel=1e-3)
