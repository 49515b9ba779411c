import jax
import jax.numpy as jnp
import numpy as np
import pytest
from msgspec.structs import replace

import auralflow_jax
from auralflow.errors import InputError
from auralflow.folder import ModelFolder
from auralflow_jax import networks
from auralflow_jax.separation import load, make_separator, separate
from auralflow_jax.weights import save_weights

RATE, CROP = 8000, 6000


def make_variables(config):
    return jax.jit(networks.build(config).init, static_argnums=1)(jax.random.key(0), CROP)


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
        alone = separate(random_separator, audio[channel:channel + 1], RATE)
        np.testing.assert_allclose(both[:, channel], alone[:, 0], rtol=0, atol=1e-6)


def test_a_stereo_model_takes_mono_as_two_equal_channels(tiny_config):
    config = replace(tiny_config, model=replace(tiny_config.model, num_channels=2))
    separator = make_separator(config, make_variables(config))
    audio = noise(1, 2 * CROP)
    pair = separate(separator, np.concatenate([audio, audio]), RATE)
    np.testing.assert_allclose(separate(separator, audio, RATE)[:, 0], pair.mean(1), rtol=0, atol=1e-6)


def test_the_size_of_a_batch_and_progress_change_nothing(random_separator):
    audio, told = noise(1, 5 * CROP + 1), []
    one = separate(random_separator, audio, RATE, batch_size=1, progress=told.append)
    np.testing.assert_allclose(separate(random_separator, audio, RATE, batch_size=3), one, rtol=0, atol=1e-6)
    assert told == sorted(told) and told[-1] == audio.shape[1]


@pytest.mark.parametrize("shape", [(100,), (3, 100), (1, 0), (1, 1, 100)])
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
    np.testing.assert_array_equal(auralflow_jax.separate(separator, audio, RATE),
                                  separate(random_separator, audio, RATE))
    other = make_variables(replace(random_separator.config, model=replace(random_separator.config.model, depth=2)))
    save_weights(folder.weights, other, random_separator.config, {})
    with pytest.raises(InputError, match="do not fit the network"):
        load(folder.path)
