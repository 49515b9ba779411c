import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from msgspec.structs import replace

import auralflow_jax
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.separation.separator import cross_fade
from auralflow_jax.models.registry import build
from auralflow_jax.separation import load, make_separator, separate
from auralflow_jax.weights import save_weights
from auralflow_jax.wiener import wiener

RATE, CROP = 8000, 6000


def make_variables(config):
    return jax.jit(build(config).init, static_argnums=1)(jax.random.key(0), CROP)


@pytest.fixture(scope="module")
def separators(tiny_config):
    """Mono and stereo models of one target whose mask is one, for every bin."""

    def make(channels):
        model = replace(tiny_config.model, num_bins=129, mask_activation="relu", num_channels=channels)
        config = replace(tiny_config, model=model)
        variables = make_variables(config)
        head = variables["params"]["head"]
        head["kernel"], head["bias"] = jnp.zeros_like(head["kernel"]), jnp.ones_like(head["bias"])
        return make_separator(config, variables)

    return {channels: make(channels) for channels in (1, 2)}


@pytest.fixture(scope="module")
def random_separator(tiny_config):
    """A mono model of two targets."""
    config = replace(tiny_config, model=replace(tiny_config.model, targets=("drums", "vocals")))
    return make_separator(config, make_variables(config))


def noise(channels, samples, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (channels, samples)).astype(np.float32)


@pytest.mark.parametrize("model_channels", [1, 2])
def test_a_mask_of_ones_gives_the_input_back_in_one_compiled_shape(separators, model_channels):
    separator = separators[model_channels]
    for samples in (1, 777, CROP, CROP + 1, 10 * CROP - 13):
        audio = noise(2, samples)
        for overlap in (0.0, 0.1, 0.5):
            np.testing.assert_allclose(separate(separator, audio, RATE, overlap)[0], audio, rtol=0, atol=1e-6)
    assert separator._apply._cache_size() == 1
    audio = noise(1, 2 * CROP + 5)
    np.testing.assert_allclose(separate(separator, audio, RATE)[0], audio, rtol=0, atol=1e-6)


@pytest.mark.parametrize("rate", [6001, 11025, 44100])
def test_other_rates_come_back_at_their_rate_and_length(separators, rate):
    for samples in (1, 1001, 3 * rate + 7):
        audio = 0.5 * np.sin(2 * np.pi * 440 * np.arange(samples) / rate, dtype=np.float32)[None]
        estimate = separate(separators[1], audio, rate)
        assert estimate.shape == (1, 1, samples) and estimate.dtype == np.float32
    inner = slice(rate // 10, -rate // 10)  # the ends of a resampled signal ring
    np.testing.assert_allclose(estimate[0, :, inner], audio[:, inner], atol=1e-3)


def test_a_mono_model_takes_each_channel_on_its_own(random_separator):
    audio = noise(2, 2 * CROP + 99)
    both = separate(random_separator, audio, RATE)
    assert both.shape == (2, 2, audio.shape[1])
    for channel in range(2):
        alone = separate(random_separator, audio[channel : channel + 1], RATE)
        np.testing.assert_allclose(both[:, channel], alone[:, 0], rtol=0, atol=1e-6)


def test_a_stereo_model_takes_mono_as_two_equal_channels(tiny_config):
    config = replace(tiny_config, model=replace(tiny_config.model, num_channels=2))
    separator = make_separator(config, make_variables(config))
    audio = noise(1, 2 * CROP)
    pair = separate(separator, np.concatenate([audio, audio]), RATE)
    np.testing.assert_allclose(separate(separator, audio, RATE)[:, 0], pair.mean(1), rtol=0, atol=1e-6)


def test_more_than_two_channels_are_separated_two_by_two(tiny_config):
    config = replace(tiny_config, model=replace(tiny_config.model, num_channels=2))
    separator, audio = make_separator(config, make_variables(config)), noise(5, CROP + 100)
    options = {"wiener": 1, "overlap": 0.2}
    estimates = separate(separator, audio, RATE, **options)
    assert estimates.shape == (1, 5, CROP + 100)
    for pair in (slice(0, 2), slice(2, 4), slice(4, 5)):
        np.testing.assert_array_equal(estimates[:, pair], separate(separator, audio[pair], RATE, **options))


def test_shifts_are_averages_of_delayed_separations(random_separator):
    audio, overlap = noise(1, 3 * CROP), 0.25
    shifted, stride = [], CROP - cross_fade(random_separator.config, overlap)
    for offset in (0, stride // 3, stride * 2 // 3):
        delayed = np.pad(audio, [(0, 0), (offset, 0)])
        shifted.append(separate(random_separator, delayed, RATE, overlap)[..., offset:])
    result = separate(random_separator, audio, RATE, overlap, shifts=3)
    np.testing.assert_allclose(result, np.mean(shifted, axis=0), rtol=0, atol=1e-6)
    assert np.abs(result - shifted[0]).max() > 1e-4


@pytest.mark.parametrize("rate", [RATE, 11025])
def test_consistent_estimates_add_up(random_separator, rate):
    audio = noise(2, CROP + 1000)
    plain, result = (separate(random_separator, audio, rate, consistency=choice) for choice in (False, True))
    np.testing.assert_allclose(result.sum(0), audio, rtol=0, atol=1e-6)
    np.testing.assert_allclose(result[0] - plain[0], result[1] - plain[1], rtol=0, atol=1e-6)
    assert np.abs(plain.sum(0) - audio).max() > 0.1


def test_consistency_of_a_single_target_is_refused(separators):
    with pytest.raises(InputError, match="'vocals', the model's only one, would be the mixture"):
        separate(separators[1], noise(1, 100), RATE, consistency=True)


@pytest.mark.parametrize("consistency", [False, True])
def test_the_wiener_filter_refines_every_segment(random_separator, consistency):
    # The same on one segment, from torch's transform and the bare filter.
    audio = noise(2, CROP)
    plain = separate(random_separator, audio, RATE, 0.0, consistency=False)
    result = separate(random_separator, audio, RATE, 0.0, wiener=2, consistency=consistency)

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


@pytest.mark.parametrize("name, value", [("overlap", 0.6), ("batch_size", 0), ("shifts", 0), ("wiener", -1)])
def test_options_out_of_range_are_refused(random_separator, name, value):
    with pytest.raises(InputError, match=f"{name} is {value}, expected"):
        separate(random_separator, noise(1, 100), RATE, **{name: value})


def test_the_size_of_a_batch_and_progress_change_nothing(random_separator):
    audio, told = noise(1, 5 * CROP + 1), []
    one = separate(random_separator, audio, RATE, batch_size=1, progress=told.append)
    np.testing.assert_allclose(separate(random_separator, audio, RATE, batch_size=3), one, rtol=0, atol=1e-6)
    assert told == sorted(told) and told[-1] == audio.shape[1]


@pytest.mark.parametrize("shape", [(100,), (0, 100), (1, 0), (1, 1, 100)])
def test_audio_of_another_shape_is_refused(random_separator, shape):
    with pytest.raises(ValueError, match="audio must be"):
        separate(random_separator, np.zeros(shape, np.float32), RATE)


def test_a_saved_model_separates_as_it_did(tmp_path, random_separator):
    folder = ModelFolder(tmp_path / "model")
    with pytest.raises(InputError, match="no model folder"):
        load(folder.path)
    folder.save_config(random_separator.config)
    with pytest.raises(InputError, match="the model is not trained yet"):
        load(folder.path)
    save_weights(folder.weights, random_separator.variables, random_separator.config, {})
    separator, audio = auralflow_jax.load(str(folder.path)), noise(2, CROP)
    assert separator.targets == ("drums", "vocals")
    np.testing.assert_array_equal(
        auralflow_jax.separate(separator, audio, RATE), separate(random_separator, audio, RATE)
    )
    other = make_variables(replace(random_separator.config, model=replace(random_separator.config.model, depth=2)))
    save_weights(folder.weights, other, random_separator.config, {})
    with pytest.raises(InputError, match="do not fit the network"):
        load(folder.path)
