"""Arrays that are no audio are refused by every public function that takes some, in all packages alike."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest
import torch

import auralflow_jax
import auralflow_jax.losses
import auralflow_jax.metrics
import auralflow_jax.spectral
import auralflow_torch
import auralflow_torch.losses
import auralflow_torch.metrics
import auralflow_torch.spectral
from auralflow_core.audio import quantize, resample, resample_stream, to_channels, write
from auralflow_core.audio.encode import Encoding
from auralflow_core.dsp.consistency import mixture_consistency
from auralflow_core.dsp.excerpts import loudest
from auralflow_core.dsp.overlap_add import overlap_add
from auralflow_core.dsp.stft import stft
from auralflow_core.errors import InputError
from auralflow_core.evaluation.metrics import sdr, si_sdr
from auralflow_core.evaluation.oracle import ideal_mask
from auralflow_core.plots.signals import spectrogram_figure, waveform_figure
from auralflow_torch import visualizer
from auralflow_torch.losses import as_criterion
from auralflow_torch.train.trainer import ModelTrainer
from auralflow_torch.transforms import AudioTransform

RATE = 8000


def identity(blocks):
    return blocks[:, None]


# name -> a function of audio (channels, samples)
NUMPY = {
    "resample": lambda x: resample(x, RATE, 2 * RATE),
    "resample to the same rate": lambda x: resample(x, RATE, RATE),
    "overlap_add": lambda x: overlap_add(identity, x, 64, 16),
    "plot": lambda x: waveform_figure({"a": x}, RATE),
    "spectrogram plot": lambda x: spectrogram_figure({"a": x}, RATE),
    "sdr": lambda x: sdr(x, x),
    "si_sdr": lambda x: si_sdr(x, np.full(x.shape, 0.5)),
    "jax bss_eval": lambda x: auralflow_jax.metrics.bss_eval(x[None], x[None], 100, 100, 4),
    "torch bss_eval": lambda x: auralflow_torch.metrics.bss_eval(x[None], x[None], 100, 100, 4),
}
LAYOUTS = {
    "to_channels": lambda x: to_channels(x, 1),
    "stft": lambda x: stft(x, np.ones(64), 16, 0, 4),
    "loudest": lambda x: loudest(x, 10, 5),
    "ideal_mask": lambda x: ideal_mask(x, {"a": x}, 64, 16),
    "mixture_consistency": lambda x: mixture_consistency(x[None], x),
    "jax stft": lambda x: auralflow_jax.spectral.stft(jnp.asarray(x), 64, 16, 64, "constant"),
    "torch stft": lambda x: auralflow_torch.spectral.stft(torch.from_numpy(x), 64, 16, 64, "constant"),
    "transform": lambda x: AudioTransform(64, 16, 64, RATE).to_spectrogram(torch.from_numpy(x)),
}
TYPES = {
    "quantize": lambda x: quantize(x, "PCM_16"),
    "Encoding": lambda x: Encoding("flac").quantize_for_file(x),
    "jax si_sdr": lambda x: auralflow_jax.metrics.si_sdr(jnp.asarray(x), jnp.asarray(x)),
    "jax sdr": lambda x: auralflow_jax.metrics.sdr(jnp.asarray(x), jnp.asarray(x)),
    "torch si_sdr": lambda x: auralflow_torch.metrics.si_sdr(torch.from_numpy(x), torch.from_numpy(x)),
    "torch sdr": lambda x: auralflow_torch.metrics.sdr(torch.from_numpy(x), torch.from_numpy(x)),
    **{
        f"{package.__name__} {name}": lambda x, package=package, name=name, convert=convert: getattr(package, name)(
            *[convert(x[None, None])] * 2
        )
        for package, convert in ((auralflow_jax.losses, jnp.asarray), (auralflow_torch.losses, torch.from_numpy))
        for name in ("l1_loss", "l2_loss", "si_sdr_loss", "kl_div_loss")
    },
}


def audio(dtype="float64", channels=2, samples=400):
    return np.random.default_rng(0).uniform(0.1, 0.9, (channels, samples)).astype(dtype)


@pytest.mark.parametrize("name", NUMPY | LAYOUTS | TYPES)
def test_audio_passes(name):
    for dtype in ("float32", "float64", ">f4") if name in NUMPY else ("float32", "float64"):
        (NUMPY | LAYOUTS | TYPES)[name](audio(dtype))


@pytest.mark.parametrize("name", NUMPY | LAYOUTS | TYPES)
@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8"])
def test_integers_are_refused_with_what_scales_them(name, dtype):
    with pytest.raises(InputError, match=rf"must be floating point.* got {dtype} of shape .* / [0-9]+.* brings"):
        (NUMPY | LAYOUTS | TYPES)[name]((100 * audio()).astype(dtype))


@pytest.mark.parametrize("name", sorted((NUMPY | LAYOUTS).keys() - {"sdr", "si_sdr"}))
def test_a_transposed_array_is_refused_before_anything_is_computed(name):
    with pytest.raises(InputError, match="3000 channels|at least one window"):
        (NUMPY | LAYOUTS)[name](audio("float32", 3000, 2))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("name", NUMPY)
def test_values_that_are_not_finite_are_refused(name, value):
    broken = audio()
    broken[1, 7] = value
    with pytest.raises(
        InputError,
        match=r"must be finite and .* got 1 (NaN or infinite|.*beyond 1e\+06).*, the first at index \((0, )?1, 7",
    ):
        NUMPY[name](broken)


@pytest.fixture(scope="module")
def models(tiny_config):
    return auralflow_jax.create_model(tiny_config), auralflow_torch.create_model(tiny_config)


def test_arrays_that_mean_more_than_their_numbers_are_refused(models):
    silence = np.zeros((1, 4000), np.float32)
    calls = {name: call for name, call in (NUMPY | LAYOUTS | TYPES).items() if not name.startswith(("jax", "torch "))}
    calls = {name: call for name, call in calls.items() if "losses" not in name and name != "transform"}
    calls |= {
        "jax bss_eval": NUMPY["jax bss_eval"],
        "mp3": lambda x: Encoding("mp3").quantize_for_file(x),
        "difference": lambda x: visualizer.waveform_show_diff("a", x, x),
        "tensors' plot": lambda x: visualizer.waveform_figure({"a": x}, RATE),
    }
    for package, model in zip((auralflow_jax, auralflow_torch), models, strict=True):
        calls[f"{package.__name__} separate"] = model.separate
        calls[f"{package.__name__} stream"] = package.StreamingSeparator(model, 256).push
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # of np.matrix itself
        kinds = {"masked array": np.ma.masked_array(silence, silence == 0), "matrix": np.matrix(silence)}
    for kind, array in kinds.items():
        for name, call in calls.items():
            if kind == "matrix" and name in ("jax bss_eval", "mixture_consistency"):
                continue  # no batch of matrices can be made
            with pytest.raises(InputError, match=f"is a {kind}, whose"):
                call(array)


def test_tensors_without_plain_numbers_are_refused(models):
    tensors = {
        "has the layout sparse_coo": torch.zeros(1, 400).to_sparse(),
        "is a tensor on the device meta, expected one with data": torch.zeros(1, 400, device="meta"),
    }
    for words, tensor in tensors.items():
        for call in (models[1].separate, auralflow_torch.StreamingSeparator(models[1], 256).push):
            with pytest.raises(InputError, match=words):
                call(tensor)


def test_subclasses_and_views_are_arrays(models, tmp_path):
    """A file in memory, a subclass, and arrays that are read-only, reversed or of the other order of bytes."""

    class Subclass(np.ndarray):
        pass

    plain = audio("float32", 1, 600)
    mapped = np.memmap(tmp_path / "a", np.float32, "w+", shape=plain.shape)
    mapped[:] = plain
    locked = plain[:]
    locked.flags.writeable = False
    same = [mapped, locked, plain.view(Subclass), plain[:, ::-1].copy()[:, ::-1], plain.astype(">f4")]
    for model in models:
        expected = model.separate(plain)
        for array in same:
            np.testing.assert_array_equal(model.separate(array), expected)
    tensor = torch.from_numpy(plain).requires_grad_()
    np.testing.assert_array_equal(models[1].separate(tensor).numpy(), models[1].separate(plain)[0])


def test_rates_may_be_floats_without_a_fraction(tmp_path):
    np.testing.assert_array_equal(resample(audio(), 8000.0, np.float32(16000)), resample(audio(), 8000, 16000))
    whole = np.concatenate(list(resample_stream([audio(), audio()], 8000.0, 16000.0)), axis=-1)
    np.testing.assert_array_equal(whole, np.concatenate(list(resample_stream([audio(), audio()], 8000, 16000)), -1))
    write(tmp_path / "a.wav", audio(), 8000.0)
    assert AudioTransform(64, 16, 64, 8000.0).sample_rate == 8000
    for wrong in (0, -8000, 8000.5, "8000", None, np.nan, np.inf, 10**9, 192e6):
        for call in (
            lambda rate: resample(audio(), rate, 8000),
            lambda rate: resample(audio(), 8000, rate),
            lambda rate: list(resample_stream([audio()], rate, 8000)),
            lambda rate: write(tmp_path / "b.wav", audio(), rate),
            lambda rate: AudioTransform(64, 16, 64, rate),
        ):
            with pytest.raises(InputError, match=r"rate is .*, expected a whole number of Hz from 1 to 10000000"):
                call(wrong)
    assert not (tmp_path / "b.wav").exists()


def test_spectra_are_complex_and_magnitudes_are_not():
    magnitudes = np.ones((1, 2, 33, 5), np.float32)
    for package, convert in ((auralflow_jax, jnp.asarray), (auralflow_torch, torch.from_numpy)):
        values = convert(magnitudes)
        with pytest.raises(InputError, match="spectrum must be complex, got float32"):
            package.spectral.istft(values, 64, 16, 64, 64)
        with pytest.raises(InputError, match="mixture must be complex, got float32"):
            package.wiener.wiener(values, values[0])
        spectrum = convert(magnitudes.astype(np.complex64))
        with pytest.raises(InputError, match="magnitudes must be floating point, got complex64"):
            package.wiener.wiener(spectrum, spectrum[0])


@pytest.mark.parametrize(
    "loss", [torch.nn.L1Loss(), torch.nn.MSELoss(), torch.nn.functional.l1_loss, torch.nn.SmoothL1Loss(), torch.sub]
)
def test_a_trainer_refuses_losses_that_would_broadcast(tiny_config, loss):
    model = auralflow_torch.create_model(tiny_config)
    with pytest.raises(InputError, match="compares two tensors.*as_criterion"):
        ModelTrainer(model, loss)
    ModelTrainer(model, as_criterion(torch.nn.L1Loss()))
