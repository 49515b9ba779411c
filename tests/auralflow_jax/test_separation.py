import jax.numpy as jnp
import numpy as np
import pytest
import torch
from msgspec.structs import replace

import auralflow_jax
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.separation.options import cross_fade
from auralflow_core.separation.separator import separate as separate_blockwise
from auralflow_jax import separation, trace_cache
from auralflow_jax.loading import load
from auralflow_jax.models.registry import build, create_model
from auralflow_jax.separation import separate
from auralflow_jax.weights import save_weights
from auralflow_jax.wiener import wiener

RATE, CROP = 8000, 6000


def make_variables(config):
    return create_model(config).variables


@pytest.fixture(scope="module")
def models(tiny_config):
    """Mono and stereo models of one target whose mask is one, for every bin."""

    def make(channels):
        model = replace(tiny_config.model, num_bins=129, mask_activation="relu", num_channels=channels)
        config = replace(tiny_config, model=model)
        variables = make_variables(config)
        head = variables["params"]["head"]
        head["kernel"], head["bias"] = jnp.zeros_like(head["kernel"]), jnp.ones_like(head["bias"])
        return build(config).replace(variables=variables)

    return {channels: make(channels) for channels in (1, 2)}


@pytest.fixture(scope="module")
def random_model(tiny_config):
    """A mono model of two targets."""
    config = replace(tiny_config, model=replace(tiny_config.model, targets=("drums", "vocals")))
    return create_model(config)


def noise(channels, samples, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (channels, samples)).astype(np.float32)


@pytest.mark.parametrize("model_channels", [1, 2])
def test_a_mask_of_ones_gives_the_input_back_in_one_compiled_shape(models, model_channels, monkeypatch):
    monkeypatch.setattr(trace_cache, "_folder", [])  # traces that a command kept are not in the count
    model, compiled = models[model_channels], separation.compiled_estimate()._cache_size()
    for samples in (1, 777, CROP, CROP + 1, 10 * CROP - 13):
        audio = noise(2, samples)
        for overlap in (0.0, 0.1, 0.5):
            np.testing.assert_allclose(separate(model, audio, RATE, overlap=overlap)[0], audio, rtol=0, atol=1e-6)
    # One segment a call.
    assert separation.compiled_estimate()._cache_size() == compiled + 1
    audio = noise(1, 2 * CROP + 5)
    np.testing.assert_allclose(separate(model, audio, RATE)[0], audio, rtol=0, atol=1e-6)


@pytest.mark.parametrize("rate", [6001, 11025, 44100])
def test_other_rates_come_back_at_their_rate_and_length(models, rate):
    for samples in (1, 1001, 3 * rate + 7):
        audio = 0.5 * np.sin(2 * np.pi * 440 * np.arange(samples) / rate, dtype=np.float32)[None]
        estimate = separate(models[1], audio, rate)
        assert estimate.shape == (1, 1, samples) and estimate.dtype == np.float32
    inner = slice(rate // 10, -rate // 10)  # the ends of a resampled signal ring
    np.testing.assert_allclose(estimate[0, :, inner], audio[:, inner], atol=1e-3)


def test_a_mono_model_takes_each_channel_on_its_own(random_model):
    audio = noise(2, 2 * CROP + 99)
    both = separate(random_model, audio, RATE)
    assert both.shape == (2, 2, audio.shape[1])
    for channel in range(2):
        alone = separate(random_model, audio[channel : channel + 1], RATE)
        np.testing.assert_allclose(both[:, channel], alone[:, 0], rtol=0, atol=1e-6)


def test_a_stereo_model_takes_mono_as_two_equal_channels(tiny_config):
    config = replace(tiny_config, model=replace(tiny_config.model, num_channels=2))
    model = create_model(config)
    audio = noise(1, 2 * CROP)
    pair = separate(model, np.concatenate([audio, audio]), RATE)
    np.testing.assert_allclose(separate(model, audio, RATE)[:, 0], pair.mean(1), rtol=0, atol=1e-6)


def test_more_than_two_channels_are_separated_two_by_two(tiny_config):
    config = replace(tiny_config, model=replace(tiny_config.model, num_channels=2))
    model, audio = create_model(config), noise(5, CROP + 100)
    options = {"wiener": 1, "overlap": 0.2}
    estimates = separate(model, audio, RATE, **options)
    assert estimates.shape == (1, 5, CROP + 100)
    for pair in (slice(0, 2), slice(2, 4), slice(4, 5)):
        np.testing.assert_array_equal(estimates[:, pair], separate(model, audio[pair], RATE, **options))


def test_shifts_are_averages_of_delayed_separations(random_model):
    audio, overlap = noise(1, 3 * CROP), 0.25
    shifted, stride = [], CROP - cross_fade(random_model.settings, overlap)
    for offset in (0, stride // 3, stride * 2 // 3):
        delayed = np.pad(audio, [(0, 0), (offset, 0)])
        shifted.append(separate(random_model, delayed, RATE, overlap=overlap)[..., offset:])
    result = separate(random_model, audio, RATE, overlap=overlap, shifts=3)
    np.testing.assert_allclose(result, np.mean(shifted, axis=0), rtol=0, atol=1e-6)
    assert np.abs(result - shifted[0]).max() > 1e-4


@pytest.mark.parametrize("rate", [RATE, 11025])
def test_consistent_estimates_add_up(random_model, rate):
    audio = noise(2, CROP + 1000)
    plain, result = (separate(random_model, audio, rate, consistency=choice) for choice in (False, True))
    np.testing.assert_allclose(result.sum(0), audio, rtol=0, atol=1e-6)
    np.testing.assert_allclose(result[0] - plain[0], result[1] - plain[1], rtol=0, atol=1e-6)
    assert np.abs(plain.sum(0) - audio).max() > 0.1


def test_consistency_of_a_single_target_is_refused(models):
    with pytest.raises(InputError, match="'vocals', the model's only one, would be the mixture"):
        separate(models[1], noise(1, 100), RATE, consistency=True)


@pytest.mark.parametrize("consistency", [False, True])
def test_the_wiener_filter_refines_every_segment(random_model, consistency):
    # The same on one segment, from torch's transform and the bare filter.
    audio = noise(2, CROP)
    plain = separate(random_model, audio, RATE, overlap=0.0, consistency=False)
    result = separate(random_model, audio, RATE, overlap=0.0, wiener=2, consistency=consistency)

    def spectrum(signal):
        padded = np.pad(signal, [(0, 0)] * (signal.ndim - 1) + [(0, -CROP % 96)])
        window = torch.hann_window(256)
        flat = torch.from_numpy(padded).reshape(-1, padded.shape[-1])
        transform = torch.stft(flat, 256, 96, window=window, pad_mode="constant", return_complex=True)
        return transform.reshape(*signal.shape[:-1], *transform.shape[1:])

    refined = np.array(wiener(np.abs(spectrum(plain).numpy()), spectrum(audio).numpy(), 2, residual=not consistency))
    expected = (
        torch.istft(
            torch.from_numpy(refined[:2].reshape(4, *refined.shape[2:])),
            256,
            96,
            window=torch.hann_window(256),
            length=CROP,
        )
        .reshape(2, 2, CROP)
        .numpy()
    )
    if consistency:
        expected = expected + (audio - expected.sum(0)) / 2
    # The filter divides by small numbers: it magnifies the rounding of two transforms.
    np.testing.assert_allclose(result, expected, rtol=0, atol=2e-3)
    assert np.abs(result - plain).max() > 0.1


@pytest.mark.parametrize("name, value", [("overlap", 0.9), ("batch_size", 0), ("shifts", 0), ("wiener", -1)])
def test_options_out_of_range_are_refused(random_model, name, value):
    with pytest.raises(InputError, match=f"{name} is {value}, expected"):
        separate(random_model, noise(1, 100), RATE, **{name: value})


def test_the_size_of_a_batch_and_progress_change_nothing(random_model):
    audio, told = noise(1, 5 * CROP + 1), []
    one = separate(random_model, audio, RATE, batch_size=1, progress=told.append)
    np.testing.assert_allclose(separate(random_model, audio, RATE, batch_size=3), one, rtol=0, atol=1e-6)
    assert told == sorted(told) and told[-1] == audio.shape[1]


@pytest.mark.parametrize("shape", [(), (0, 100), (1, 0), (1, 1, 1, 100)])
def test_audio_of_another_shape_is_refused(random_model, shape):
    with pytest.raises(InputError, match="audio must be floating point"):
        separate(random_model, np.zeros(shape, np.float32), RATE)
    if len(shape) != 2:
        with pytest.raises(InputError, match=r"audio must be floating point, \(channels, samples\), got"):
            separate_blockwise(separation.Separator(random_model), np.zeros(shape, np.float32), RATE)


def test_a_transposed_array_is_refused_at_once(random_model):
    with pytest.raises(InputError, match=r"\(44100, 2\) would be 44100 channels of 2 samples, .*; transpose it to"):
        separate(random_model, np.zeros((44100, 2)) + 0.1, RATE)


@pytest.mark.parametrize("rate", [0, -8000, 8000.5, "8000", float("nan"), True])
def test_rates_that_are_none_are_refused(random_model, rate):
    with pytest.raises(InputError, match=f"rate is {rate!r}, expected a whole number of Hz from 1 to 10000000"):
        separate(random_model, noise(1, 100), rate)


def test_the_shapes_that_audio_has_get_an_axis_for_the_targets(random_model):
    audio = noise(6, 777).reshape(3, 2, 777)
    expected = separate(random_model, audio)
    assert expected.shape == (3, 2, 2, 777)
    for item, estimates in zip(audio, expected, strict=True):
        np.testing.assert_array_equal(random_model.separate(jnp.asarray(item)), estimates)
        np.testing.assert_allclose(separate(random_model, item[0], RATE), estimates[:, 0], rtol=0, atol=1e-6)
    one = random_model.settings.model
    single = create_model(replace(random_model.settings, model=replace(one, targets=("vocals",))))
    assert separate(single, audio).shape == (3, 1, 2, 777) and separate(single, audio[0, 0]).shape == (1, 777)


def test_a_saved_model_separates_as_it_did(tmp_path, random_model):
    folder = ModelFolder(tmp_path / "model")
    with pytest.raises(InputError, match="model: no such file or folder$"):
        load(folder.path)
    folder.path.mkdir()
    with pytest.raises(InputError, match="no model folder"):
        load(folder.path)
    folder.save_config(random_model.settings)
    with pytest.raises(InputError, match="the model is not trained yet"):
        load(folder.path)
    save_weights(folder.weights, random_model.variables, random_model.settings, {})
    model, audio = auralflow_jax.load(str(folder.path)), noise(2, CROP)
    assert model.targets == ("drums", "vocals")
    np.testing.assert_array_equal(auralflow_jax.separate(model, audio, RATE), separate(random_model, audio, RATE))
    other = make_variables(replace(random_model.settings, model=replace(random_model.settings.model, depth=2)))
    save_weights(folder.weights, other, random_model.settings, {})
    with pytest.raises(InputError, match="do not fit the network"):
        load(folder.path)
