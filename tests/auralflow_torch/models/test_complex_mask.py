"""Models of complex spectra in torch: what they promise beyond what both frameworks are compared in."""

import pytest
import torch

from auralflow_core.config import from_dict, override
from auralflow_core.errors import InputError
from auralflow_torch.models import ComplexModel, create_model

SMALL = {
    "model_type": "MelBandRoformer",
    "num_channels": 2,
    "sample_rate": 8000,
    "num_fft": 64,
    "window_size": 64,
    "hop_length": 16,
    "width": 8,
    "num_blocks": 2,
    "heads": 2,
    "head_size": 4,
    "num_bands": 6,
    "dropout_p": 0.3,
}
CONFIG = from_dict({"model": SMALL, "dataset": {"sample_length": 0.08}})


@pytest.fixture
def model():
    torch.manual_seed(0)
    return create_model(CONFIG).eval()


@pytest.fixture
def audio():
    return torch.rand(2, 2, 640, generator=torch.Generator().manual_seed(1)) - 0.5


def twin(model, **changes):
    other = create_model(override(CONFIG, changes)).eval()
    other.load_state_dict(model.state_dict())
    return other


def test_audio_goes_in_and_out(model, audio):
    assert isinstance(model, ComplexModel)
    assert model(audio).shape == audio.shape and model.network(torch.rand(1, 2, 2, 33, 7)).shape == (1, 2, 2, 33, 7)
    several = create_model(override(CONFIG, {"targets": "drums,vocals"}))
    assert several(audio).shape == (2, 2, 2, 640)
    assert several.network(torch.rand(1, 2, 2, 33, 7)).shape == (1, 2, 2, 2, 33, 7)


def test_the_lowest_bin_is_empty_unless_it_is_wanted(model, audio):
    empty, full = (one.estimate(audio).spectrum for one in (model, twin(model, zero_dc="false")))
    assert not empty[..., 0, :].any() and full[..., 0, :].any()
    torch.testing.assert_close(empty[..., 1:, :], full[..., 1:, :])


def test_blocks_computed_again_have_the_same_gradient_and_keep_less(model, audio):
    gradients, kept = [], []
    for one in (model, twin(model, remat="false")):
        torch.manual_seed(2)
        sizes = []
        pack = lambda tensor, sizes=sizes: (sizes.append(tensor.numel()), tensor)[1]  # noqa: E731
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = one.train().estimate(audio).audio.abs().sum()
        loss.backward()
        gradients.append([parameter.grad for parameter in one.parameters()])
        kept.append(sum(sizes))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))
    assert kept[0] < 0.5 * kept[1]


def test_silence_has_finite_gradients(model, audio):
    audio[0, :, 200:] = 0
    audio[1] = 0
    estimate = model.estimate(audio)
    estimate.audio.abs().sum().backward()
    assert not estimate.audio[1].any()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_halved_models_stay_near(model, audio, dtype):
    exact = model(audio).detach()
    rough = twin(model).to(dtype)
    found = rough(audio).detach()
    assert found.dtype == torch.float32
    assert 0 < (found - exact).abs().max() < 0.05 * exact.abs().max()
    assert rough(300 * audio).isfinite().all()  # squares of such spectra overflow float16


def test_autocasting_stays_near(model, audio):
    with torch.autocast("cpu", torch.bfloat16):
        found = model(audio).detach()
    exact = model(audio).detach()
    assert 0 < (found - exact).abs().max() < 0.05 * exact.abs().max()


def test_other_input_is_refused(model):
    with pytest.raises(ValueError, match="MelBandRoformer is made for 33 bins, got 32"):
        model.network(torch.zeros(1, 2, 2, 32, 5))
    with pytest.raises(InputError, match="of shape .batch, channels, 2, bins, frames. with 2 channels"):
        model.network(torch.zeros(1, 2, 33, 5))
    with pytest.raises(InputError, match="got torch.complex64 .*torch.stack..x.real, x.imag., dim=2. makes such"):
        model.network(torch.zeros(1, 2, 33, 5, dtype=torch.complex64))
    with pytest.raises(InputError, match="audio must be real and floating point"):
        model(torch.zeros(1, 1, 640))


@pytest.mark.slow
def test_an_exported_network_takes_any_number_of_frames(model):
    x = torch.rand(1, 2, 2, 33, 9)
    exported = torch.export.export(model.network, (x,), dynamic_shapes=({4: torch.export.Dim("frames", min=2)},))
    longer = torch.rand(1, 2, 2, 33, 30)
    torch.testing.assert_close(exported.module()(longer), model.network(longer))
