"""Models under torch's tools: compiled, exported, traced, in other precisions, copied."""

import copy
import io
import pickle
import shutil
import warnings

import pytest
import torch
from torch import nn

from auralflow_torch.losses import L1Loss
from auralflow_torch.models import SpectrogramMaskModel


@pytest.fixture
def magnitude(audio):
    """(batch, channels, bins, frames)."""
    return torch.rand(2, 1, 33, 26, generator=torch.Generator().manual_seed(2))


def trained(model, audio):
    """A model after one step, with gradients and, of a VAE, a latent variable left by `forward`."""
    model.train()(model.to_spectrogram(audio).abs())
    model.estimate(audio).audio.square().mean().backward()
    torch.optim.SGD(model.parameters(), 0.01).step()
    return model


def copies(model):
    yield copy.deepcopy(model)
    yield pickle.loads(pickle.dumps(model))
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    yield torch.load(file, weights_only=False)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    fresh = SpectrogramMaskModel(model.config)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    yield fresh


@pytest.mark.parametrize("after_training", [False, True])
def test_copies_compute_the_same(model, audio, after_training):
    if after_training:
        trained(model, audio)
    expected = model.eval().estimate(audio)
    for copied in copies(model):
        assert copied.config == model.config
        found = copied.eval().estimate(audio)
        for field in ("audio", "spectrum", "mask"):
            torch.testing.assert_close(getattr(found, field), getattr(expected, field), rtol=0, atol=0)


def test_state_dicts_are_strict(make_model):
    simple, recurrent = make_model(), make_model("SpectrogramNetLSTM")
    with pytest.raises(RuntimeError, match="Missing key.*network.recurrent"):
        recurrent.load_state_dict(simple.state_dict())


def test_compiled_masks_and_a_compiled_training_pass(make_model, audio, magnitude):
    torch._dynamo.reset()
    model = make_model("SpectrogramNetVAE").eval()  # it has all that the others have
    torch.testing.assert_close(torch.compile(model, backend="aot_eager")(magnitude), model(magnitude))
    estimate = torch.compile(model.estimate, backend="aot_eager")
    torch.testing.assert_close(estimate(audio).audio, model.estimate(audio).audio)
    model.train()
    estimate(audio).audio.square().mean().backward()
    assert all(array.grad is not None and array.grad.isfinite().all() for array in model.parameters())


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
def test_inductor_trains_a_latent_variable(make_model, magnitude, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch._dynamo.reset()
    network = make_model("SpectrogramNetVAE", dropout_p=0.0, recurrent_depth=1).network
    x = magnitude[:, :, :29]
    torch.compile(network.train())(x).square().mean().backward()
    assert network.mu.shape == network.sigma.shape and (network.sigma > 0).all()
    assert all(array.grad.isfinite().all() for array in network.parameters())


def test_exported_and_traced_masks(model, audio, magnitude):
    trained(model, audio).eval()
    larger = torch.cat([magnitude, magnitude.flip(-1)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        program = torch.export.export(model, (magnitude,), dynamic_shapes=({0: torch.export.Dim("batch")},))
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        traced = torch.jit.trace(model, (magnitude,))
    torch.testing.assert_close(program.module()(larger), model(larger))
    torch.testing.assert_close(traced(larger), model(larger))


@pytest.mark.parametrize("name", ["SpectrogramNetSimple", "SpectrogramNetVAE"])
def test_onnx(make_model, name, magnitude, tmp_path):
    """The mask network in onnxruntime, with another batch than it was exported with."""
    pytest.importorskip("onnxscript", reason="torch exports to ONNX with onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    model, path = make_model(name), tmp_path / "mask.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own
        torch.onnx.export(
            model.eval(),
            (magnitude,),
            path,
            dynamo=True,
            verbose=False,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    session = onnxruntime.InferenceSession(path)
    larger = torch.rand(5, *magnitude.shape[1:])
    (mask,) = session.run(None, {session.get_inputs()[0].name: larger.numpy()})
    torch.testing.assert_close(torch.from_numpy(mask), model(larger), rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_leaves_the_spectra_whole(model, audio, dtype):
    # About the types' resolution, times a few for the layers in between.
    tolerance = {torch.bfloat16: 5e-2, torch.float16: 5e-3}[dtype]
    expected = model.eval().estimate(audio)
    half = copy.deepcopy(model).to(dtype).estimate(audio)
    with torch.autocast("cpu", dtype=dtype):
        autocast = model.estimate(audio)
    for found in (half, autocast):
        assert found.audio.dtype == found.spectrum.dtype == torch.float32
        torch.testing.assert_close(found.mask, expected.mask, rtol=0, atol=tolerance)
        torch.testing.assert_close(found.audio, expected.audio, rtol=0, atol=tolerance)
    torch.testing.assert_close(
        copy.deepcopy(model).to(dtype).separate(audio), expected.audio[:, 0], rtol=0, atol=tolerance
    )
    with torch.autocast("cpu", dtype=dtype):
        L1Loss(model.train())(audio, audio).backward()
    assert all(array.grad.isfinite().all() for array in model.parameters())


def test_double_precision(model, audio):
    expected = model.eval().estimate(audio).audio
    found = model.double().estimate(audio.double()).audio
    assert found.dtype == torch.float64
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=1e-5)


def test_on_the_meta_device(make_config):
    with torch.device("meta"):
        model = SpectrogramMaskModel(make_config("SpectrogramNetVAE"))
    assert all(array.is_meta for array in model.parameters())
    assert isinstance(model.to_empty(device="cpu"), nn.Module) and model.device.type == "cpu"
