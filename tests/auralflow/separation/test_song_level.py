import numpy as np
import pytest
import soundfile
from msgspec.structs import replace
from small_models import make_model
from stem_files import RATE

from auralflow.backends import BACKENDS, load_separator
from auralflow.separation.inputs import find_inputs
from auralflow.separation.stems import StemOutput, separate_files
from auralflow_core.config import override
from auralflow_core.config.templates import read_template
from auralflow_core.errors import InputError
from auralflow_core.separation.separator import separate, separate_blocks
from auralflow_core.separation.song_level import SongLevel, song_level
from auralflow_core.separation.streaming import Streaming

AUDIO = np.float32(0.25) + 0.1 * np.random.default_rng(0).standard_normal((2, RATE), np.float32)


@pytest.fixture
def separator(copies):
    """Copies of what comes in, of a model that wants songs of mean 0 and deviation 1; `seen` is what came in."""
    made, seen = copies(RATE), []
    made.config = replace(made.config, model=replace(made.config.model, normalize_song=True))
    estimate = made.estimate
    made.estimate = lambda mixture: [seen.append(mixture), estimate(mixture)][1]
    made.seen = seen
    return made


def test_the_network_sees_mean_0_and_deviation_1_and_the_estimates_are_scaled_back(separator, tmp_path):
    mono = AUDIO.mean(0, np.float64)
    mean, deviation = mono.mean(), mono.std()
    found = separate(separator, AUDIO, RATE, overlap=0)
    expected = np.stack([factor * (AUDIO - mean) + mean for factor in separator.factors.values()])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    heard = np.concatenate(separator.seen).reshape(-1, 2, 256).swapaxes(0, 1).reshape(2, -1)[:, :RATE]
    np.testing.assert_allclose(heard, (AUDIO - mean) / deviation, atol=1e-5)
    # A file is read twice, piece by piece, with the same result.
    soundfile.write(tmp_path / "a.wav", AUDIO.T, RATE, "FLOAT")
    result = separate_files(find_inputs([tmp_path / "a.wav"])[0], separator, StemOutput(tmp_path / "out"))
    assert not result.failures
    stems = [soundfile.read(tmp_path / f"out/a/{name}.wav")[0].T for name in separator.targets]
    np.testing.assert_allclose(stems, expected, atol=1e-6)


def test_the_level_of_pieces_is_that_of_the_whole():
    level = song_level(np.split(AUDIO, [1, 700], axis=1))
    np.testing.assert_allclose(level, (AUDIO.mean(0, np.float64).mean(), AUDIO.mean(0, np.float64).std()), rtol=1e-9)
    assert song_level([np.zeros((2, 9), np.float32)]) == SongLevel(0, 0)
    assert song_level([np.ones((1, 9), np.float32)]) == SongLevel(1, 0)
    # One channel is the other with its sign turned: there is a song, though the mean of the channels is silent.
    assert song_level([np.stack([AUDIO[0], -AUDIO[0]])]) == SongLevel(0, 1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_silence_stays_silence_and_a_constant_that_constant(backend, tmp_path):
    """Music-Source-Separation-Training has 0 / 0 there, puts 0 in its place, times 0, and adds the mean."""
    config = override(read_template("SCNet", "tiny"), {"normalize_song": "true", "sample_length": "0.5"})
    separator = load_separator(make_model(tmp_path, config).path, backend)
    assert np.abs(separator(np.zeros((1, 1, 8000), np.float32))).max() > 0.01
    for constant in (0, 0.25):
        song = np.full((1, 9000), constant, np.float32)
        np.testing.assert_array_equal(separate(separator, song, 16000)[0], song)


def test_a_model_that_needs_the_level_does_not_go_without(separator):
    with pytest.raises(ValueError, match="the song's level is None"):
        list(separate_blocks(separator, [AUDIO], RATE, RATE))
    with pytest.raises(InputError, match="needs the level of a whole song"):
        Streaming(separator)


def test_the_rest_is_one_more_target(copies):
    found = separate(copies(RATE), AUDIO, RATE, residual=True)
    assert found.shape == (3, *AUDIO.shape)
    np.testing.assert_allclose(found.sum(0), AUDIO, atol=1e-6)


@pytest.mark.parametrize(("device", "asked", "expected"), [("cpu", None, 1), ("H100", None, 4), ("cpu", 3, 3)])
def test_a_cpu_gets_one_segment_at_a_time_unless_a_number_is_asked_for(separator, monkeypatch, device, asked, expected):
    monkeypatch.setattr(type(separator), "device", device)
    separate(separator, AUDIO[:1], RATE, batch_size=asked)
    assert {len(blocks) for blocks in separator.seen} == {expected}
