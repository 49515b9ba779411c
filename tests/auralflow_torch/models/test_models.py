"""Separation models as torch modules; that they compute what the JAX ones do is tested in tests/parity."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import auralflow_torch
from auralflow_core.config import to_dict
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import TORCH, TensorFile, write_tensors
from auralflow_torch.eval_mode import evaluating
from auralflow_torch.models import AudioModel, SeparationModel, SpectrogramMaskModel, create_model


def passing_everything(make_model, **settings):
    """A model whose mask is one in every bin."""
    model = make_model(mask_activation="relu", num_bins=33, **settings)
    nn.init.zeros_(model.network.head.weight)
    nn.init.ones_(model.network.head.bias)
    return model


def save(path, model):
    tensors = {name: tensor.numpy() for name, tensor in model.network.state_dict().items()}
    write_tensors(path, TensorFile(TORCH, tensors, model.config, {}))
    return path


def test_it_is_a_module_of_a_configuration(make_config):
    config = make_config(targets=("vocals", "drums"))
    for configuration in (config, to_dict(config), json.loads(json.dumps(to_dict(config)))):
        model = SpectrogramMaskModel(configuration)
        assert isinstance(model, nn.Module) and isinstance(model, SeparationModel) and model.config == config
        assert type(create_model(configuration)) is SpectrogramMaskModel
    assert model.targets == ("drums", "vocals") and model.device == torch.device("cpu")
    assert {name.partition(".")[0] for name in model.state_dict()} == {"network"}


def test_wrong_configurations_are_refused(make_config):
    settings = to_dict(make_config())
    settings["model"]["hidden_chanels"] = 3
    with pytest.raises(InputError, match="unknown key model.hidden_chanels; did you mean 'hidden_channels'"):
        SpectrogramMaskModel(settings)
    with pytest.raises(TypeError, match="abstract"):
        SeparationModel(make_config())  # pyright: ignore[reportAbstractUsage]


@pytest.mark.parametrize("shape", [(601,), (1, 601), (2, 601), (3, 1, 601), (3, 2, 601), (3, 601)])
@pytest.mark.parametrize("channels", [1, 2])
def test_separate_takes_the_shapes_that_audio_has(make_model, shape, channels):
    one = make_model(num_channels=channels).separate(torch.rand(shape))
    assert one.shape == shape and one.dtype == torch.float32 and not one.requires_grad
    two = make_model(num_channels=channels, targets=["bass", "vocals"]).separate(torch.rand(shape))
    assert two.shape == (*shape[:-2], 2, *shape[-2:])


@pytest.mark.parametrize(
    "audio", [torch.rand(()), torch.rand(1, 0), torch.rand(1, 1, 1, 100), torch.ones(1, 100, dtype=torch.int16)]
)
def test_separate_refuses_what_is_no_audio(make_model, audio):
    with pytest.raises(InputError, match="audio must be floating point"):
        make_model().separate(audio)


@pytest.mark.parametrize("samples", [1, 30, 599, 600, 601, 5000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_mask_of_ones_gives_the_input_back(make_model, samples, channels):
    model, audio = passing_everything(make_model, num_channels=channels), torch.rand(2, 2, samples) - 0.5
    for overlap in (0.0, 0.1, 0.5):
        torch.testing.assert_close(model.separate(audio, overlap=overlap), audio, rtol=0, atol=1e-6)
    mono = audio[:, :1]
    torch.testing.assert_close(model.separate(mono, batch_size=1), mono, rtol=0, atol=1e-6)


def test_separate_leaves_the_model_as_it_was(model):
    model.train()
    next(model.network.children()).eval()  # frozen
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    first, second = (model.separate(torch.ones(1, 1000) / 2) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)  # no dropout, no latent noise
    assert [module.training for module in model.modules()] == modes
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    with pytest.raises(RuntimeError, match="stop"), evaluating(model):
        raise RuntimeError("stop")
    assert [module.training for module in model.modules()] == modes


def test_a_short_signal_is_one_estimate(model, audio):
    """A signal as long as a crop is separated without seams."""
    with torch.no_grad():
        expected = model.eval().estimate(audio).audio
    torch.testing.assert_close(model.separate(audio), expected[:, 0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("high_bins", ["zeros", "last", "mean"])
def test_forward_maps_magnitudes_to_masks(make_model, audio, high_bins):
    model = make_model(high_bins=high_bins).eval()
    magnitude = model.to_spectrogram(audio).abs()
    mask = model(magnitude)
    assert mask.shape == magnitude.shape == (2, 1, 33, 26)
    seen = model.network(magnitude[:, :, :29])
    above = {"zeros": torch.zeros(()), "last": seen[:, :, -1:], "mean": seen.mean(2, keepdim=True)}[high_bins]
    torch.testing.assert_close(mask, torch.cat([seen, above.expand(2, 1, 4, 26)], dim=2), rtol=0, atol=1e-7)
    estimate = model.estimate(audio)
    torch.testing.assert_close(estimate.mask[:, 0], mask, rtol=0, atol=0)
    torch.testing.assert_close(estimate.spectrum[:, 0], mask * magnitude)
    several = make_model(targets=["bass", "drums", "vocals"], joiner="softmax", high_bins=high_bins)
    assert several(magnitude).shape == (2, 3, 1, 33, 26)
    torch.testing.assert_close(several(magnitude[:, :, :29]).sum(1), torch.ones(2, 1, 29, 26))


@pytest.mark.parametrize("padding", ["reflect", "constant"])
def test_spectrograms_are_librosas_and_come_back(make_model, audio, padding):
    librosa = pytest.importorskip("librosa")
    model = make_model(padding=padding)
    spectrum = model.to_spectrogram(audio)
    expected = librosa.stft(audio.numpy(), n_fft=64, hop_length=24, pad_mode=padding)
    np.testing.assert_allclose(spectrum, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(model.to_audio(spectrum), audio, rtol=0, atol=1e-6)
    odd = audio[..., :587]
    assert model.to_audio(model.to_spectrogram(odd)).shape[-1] == 600
    torch.testing.assert_close(model.to_audio(model.to_spectrogram(odd), 587), odd, rtol=0, atol=1e-6)


def test_represent_is_audio_with_its_magnitudes(model, audio):
    truth = model.represent(audio.unsqueeze(1))
    assert truth.audio.shape == (2, 1, 1, 600) and truth.mask is None and truth.latent is None
    torch.testing.assert_close(truth.spectrum[:, 0], model.to_spectrogram(audio).abs())


def test_from_pretrained_takes_a_folder_or_a_file(tmp_path, model):
    folder = ModelFolder(tmp_path / "my_model")
    with pytest.raises(InputError, match="no model folder"):
        (tmp_path / "my_model").mkdir()
        SeparationModel.from_pretrained(folder.path)
    folder.save_config(model.config)
    with pytest.raises(InputError, match="the model is not trained yet"):
        SpectrogramMaskModel.from_pretrained(folder.path)
    save(folder.weights, model)
    for source in (folder.path, str(folder.path), folder.weights):
        for load in (SpectrogramMaskModel.from_pretrained, SeparationModel.from_pretrained, auralflow_torch.load_model):
            loaded = load(source)
            assert type(loaded) is SpectrogramMaskModel and not loaded.training and loaded.config == model.config
            for name, value in model.state_dict().items():
                assert torch.equal(loaded.state_dict()[name], value), name
    assert type(auralflow_torch.load(folder.path).network) is type(model.network)


def test_from_pretrained_refuses_another_family(tmp_path, model):
    class OtherModel(SpectrogramMaskModel):
        pass

    path = save(tmp_path / "weights.safetensors", model)
    with pytest.raises(InputError, match="which is a SpectrogramMaskModel, expected an AudioModel"):
        AudioModel.from_pretrained(path)
    assert type(OtherModel.from_pretrained(path)) is OtherModel


def test_a_model_of_another_device_and_type(make_model, audio, tmp_path):
    model = make_model().eval()
    model.save_pretrained(tmp_path / "model")
    loaded = SeparationModel.from_pretrained(tmp_path / "model", "meta", torch.float64)
    assert {(array.device.type, array.dtype) for array in loaded.parameters()} == {("meta", torch.float64)}
    half = SeparationModel.from_pretrained(tmp_path / "model", dtype=torch.bfloat16)
    torch.testing.assert_close(half.separate(audio), model.separate(audio), rtol=0, atol=5e-2)
    half.save(tmp_path / "half")  # files hold float32
    again = auralflow_torch.load(tmp_path / "half", device="cpu")
    for name, value in half.state_dict().items():
        assert torch.equal(again.state_dict()[name], value.to(again.state_dict()[name].dtype)), name


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda(model, audio):
    model.eval()
    expected = model.separate(audio)
    separated = model.to("cuda").separate(audio.cuda())
    assert separated.device.type == "cuda" and model.device.type == "cuda"
    torch.testing.assert_close(separated.cpu(), expected, rtol=0, atol=1e-3)
