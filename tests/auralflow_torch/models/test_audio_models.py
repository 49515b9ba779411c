"""Models that estimate audio itself; that they compute what the JAX ones do is tested in tests/parity."""

import copy
import pickle

import numpy as np
import pytest
import torch

import auralflow_torch
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import TORCH, TensorFile, write_tensors
from auralflow_torch import losses
from auralflow_torch.models import AudioModel, HybridModel, SeparationModel, SpectrogramMaskModel
from auralflow_torch.networks import AudioNetSimple, AudioNetSimpleLSTM, AudioNetVAE, HybridNet

WAVEFORM = ("AudioNetSimple", "AudioNetSimpleLSTM", "AudioNetVAE")
ALL = (*WAVEFORM, "HybridNet")


@pytest.mark.parametrize(
    "network, millions", [(AudioNetSimple, 7.9), (AudioNetSimpleLSTM, 32.3), (AudioNetVAE, 40), (HybridNet, 65.5)]
)
def test_sizes_without_arguments_are_the_documented_ones(network, millions):
    with torch.device("meta"):
        parameters = network().parameters()
    assert sum(array.numel() for array in parameters) / 1e6 == pytest.approx(millions, rel=0.1)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("samples", [33, 599, 1000])
def test_any_length_keeps_its_shape(make_model, name, samples):
    audio = torch.rand(2, 2, samples)
    assert make_model(name, num_channels=2)(audio).shape == audio.shape
    several = make_model(name, num_channels=2, targets=["bass", "drums", "vocals"])
    assert several(audio).shape == (2, 3, 2, samples)
    assert several.estimate(audio).audio.shape == several.separate(audio).shape == (2, 3, 2, samples)


@pytest.mark.parametrize("name", WAVEFORM)
def test_a_single_sample_is_enough(make_model, name):
    assert make_model(name)(torch.ones(1, 1, 1)).isfinite().all()


@pytest.mark.parametrize("name", WAVEFORM)
def test_the_level_is_taken_out_and_put_back(make_model, audio, name):
    model = make_model(name).eval()
    with torch.no_grad():
        expected = model(audio)
        torch.testing.assert_close(model(1e-2 * audio), 1e-2 * expected, rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(model(audio + 3), expected, rtol=0, atol=1e-4)  # an offset is no sound


def test_silence_is_silent_and_trains(waveform_model):
    audio = torch.zeros(2, 1, 600, requires_grad=True)
    estimate = waveform_model.train()(audio)
    estimate.square().sum().backward()
    assert estimate.abs().max() < 1e-4
    assert all(array.grad is None or array.grad.isfinite().all() for array in (audio, *waveform_model.parameters()))


def test_an_item_does_not_depend_on_the_rest_of_the_batch(waveform_model, audio):
    waveform_model.eval()
    with torch.no_grad():
        torch.testing.assert_close(waveform_model(audio)[1:], waveform_model(audio[1:]), rtol=0, atol=1e-5)


def test_half_and_double_precision(waveform_model, audio):
    expected = waveform_model.eval().estimate(audio).audio
    double = copy.deepcopy(waveform_model).double().estimate(audio.double()).audio
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), expected, rtol=0, atol=1e-5)
    half = copy.deepcopy(waveform_model).to(torch.bfloat16).estimate(audio).audio
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, expected, rtol=0, atol=5e-2 * float(expected.detach().abs().max()))


def test_copies_and_files_compute_the_same(waveform_model, audio, tmp_path):
    losses.SISDRLoss(waveform_model.train())(audio, audio / 2).backward()  # a VAE keeps its latent variable
    waveform_model.eval()
    folder = ModelFolder(tmp_path / "my_model")
    folder.save_config(waveform_model.config)
    tensors = {name: tensor.numpy() for name, tensor in waveform_model.network.state_dict().items()}
    write_tensors(folder.weights, TensorFile(TORCH, tensors, waveform_model.config, {}))
    loaded = SeparationModel.from_pretrained(folder.path)
    assert type(loaded) is type(waveform_model)
    named = auralflow_torch.load(folder.path)
    expected = waveform_model(audio)
    for twin in (copy.deepcopy(waveform_model), pickle.loads(pickle.dumps(waveform_model)), loaded, named):
        torch.testing.assert_close(twin(audio), expected, rtol=0, atol=0)
    with pytest.raises(InputError, match="expected a SpectrogramMaskModel"):
        SpectrogramMaskModel.from_pretrained(folder.path)


@pytest.mark.parametrize(
    "model, name, words",
    [
        (AudioModel, "HybridNet", "AudioModel takes no configuration of HybridNet; HybridModel does"),
        (HybridModel, "AudioNetVAE", "HybridModel takes no configuration of AudioNetVAE; AudioModel does"),
        (SpectrogramMaskModel, "HybridNet", "SpectrogramMaskModel takes no configuration of HybridNet"),
        (AudioModel, "SpectrogramNetVAE", "AudioModel takes no configuration of SpectrogramNetVAE; SpectrogramMaskM"),
    ],
)
def test_each_class_makes_models_of_its_family(make_config, model, name, words):
    with pytest.raises(InputError, match=words):
        model(make_config(name))


@pytest.mark.parametrize(
    "name, settings",
    [
        ("L1Loss", {"domain": "audio"}),
        ("L2Loss", {"domain": "audio"}),
        ("SISDRLoss", {}),
        ("MultiResolutionSTFTLoss", {}),
    ],
)
def test_losses_of_audio_train_every_weight(waveform_model, name, settings):
    audio = torch.rand(2, 1, 2500, generator=torch.Generator().manual_seed(3)) - 0.5
    loss = getattr(losses, name)(waveform_model.train(), **settings)(audio, audio / 2)
    loss.backward()
    assert loss.isfinite()
    assert all(array.grad.isfinite().all() and array.grad.any() for array in waveform_model.parameters())


@pytest.mark.parametrize(
    "name, settings, needs",
    [("L1Loss", {}, "spectrum"), ("MaskLoss", {}, "mask"), ("KLDivergenceLoss", {}, "spectrum")],
)
def test_losses_of_what_there_is_not_are_refused(make_model, audio, name, settings, needs):
    with pytest.raises(InputError, match=f"'{name}' needs the model's {needs}, and AudioModel has none"):
        getattr(losses, name)(make_model("AudioNetVAE"), **settings)(audio, audio)


def test_the_divergence_goes_with_audio(make_model, audio):
    model = make_model("AudioNetVAE")
    assert losses.KLDivergenceLoss(model, domain="audio")(audio, audio).isfinite()
    assert model.train()(audio).shape == audio.shape and (model.network.sigma > 0).all()


def test_the_hybrid_averages_its_branches_at_first(make_model, audio):
    model = make_model("HybridNet").eval()
    network = model.network
    spectrogram = SpectrogramMaskModel(
        model.config.__class__(model=model.config.model.branches()["spectrogram"], dataset=model.config.dataset)
    )
    spectrogram.network = network.spectrogram
    with torch.no_grad():
        branches = network.audio(audio), spectrogram.eval().estimate(audio).audio[:, 0]
        torch.testing.assert_close(network(audio), sum(branches) / 2, rtol=0, atol=1e-6)
        for value, branch in ((-50.0, branches[0]), (50.0, branches[1])):
            network.blend.fill_(value)
            torch.testing.assert_close(network(audio), branch, rtol=0, atol=1e-6)


def test_a_hybrid_has_the_spectrum_of_its_audio(make_model, audio):
    librosa = pytest.importorskip("librosa")
    estimate = make_model("HybridNet").eval().estimate(audio)
    assert estimate.mask is None and estimate.latent is None
    expected = np.abs(librosa.stft(estimate.audio.detach().numpy(), n_fft=64, hop_length=24, pad_mode="reflect"))
    np.testing.assert_allclose(estimate.spectrum.detach(), expected, rtol=0, atol=1e-4)


def test_compiled(make_model, audio):
    torch._dynamo.reset()
    model = make_model("AudioNetVAE").eval()  # it has the other AudioNets' layers
    torch.testing.assert_close(torch.compile(model, backend="aot_eager")(audio), model(audio))
