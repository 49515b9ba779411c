from pathlib import Path

import numpy as np
import pytest

from auralflow.report import Excerpts, excerpts
from auralflow_core.data.track import Track

RATE = 1000


def track(name, samples=40_000):
    return Track(name, Path(name), {}, None, RATE, 2, samples)


def signal(samples=40_000, loud=(0, 0), seed=0):
    audio = 1e-3 * np.random.default_rng(seed).standard_normal((2, samples)).astype(np.float32)
    audio[:, slice(*loud)] *= 100
    return audio


def test_an_excerpt_lies_where_the_target_is_loudest_in_all_versions():
    song, reference = track("song"), signal(loud=(20_000, 32_000))
    mixture, first, second = (signal(seed=seed) for seed in (1, 2, 3))
    collected = Excerpts([song], ["vocals"])
    for name, estimate in (("first", first), ("second", second)):
        collected.add(name, song, mixture, {"vocals": reference}, {"vocals": estimate})
    [example] = collected.examples()
    assert (example.track, example.target, example.sample_rate, example.start) == ("song", "vocals", RATE, 20.0)
    assert list(example.versions) == ["Mixture", "first", "second", "Reference"]
    for audio, whole in zip(example.versions.values(), (mixture, first, second, reference), strict=True):
        np.testing.assert_array_equal(audio, whole[:, 20_000:32_000])


def test_short_tracks_are_heard_whole_and_silent_targets_not():
    song, audio = track("short", 900), signal(900)
    collected = Excerpts([song], ["drums", "vocals"])
    silence = np.zeros_like(audio)
    collected.add("model", song, audio, {"drums": silence, "vocals": audio}, {"drums": audio, "vocals": audio})
    [example] = collected.examples()
    assert (example.target, example.start) == ("vocals", 0) and example.versions["Reference"].shape == (2, 900)


@pytest.mark.parametrize(
    ("tracks", "targets", "heard"),
    [(3, 1, [0, 1, 2]), (50, 4, [0, 24, 49]), (5, 20, [0]), (23, 1, list(range(0, 23, 2)))],
)
def test_tracks_are_chosen_evenly_and_players_are_few(tracks, targets, heard):
    songs = [track(str(number), 100) for number in range(tracks)]
    collected = Excerpts(songs, [str(target) for target in range(targets)])
    assert [int(song.name) for song in collected.tracks] == heard
    assert len(heard) == 1 or len(heard) * targets <= excerpts.PLAYERS
    audio = signal(100, (0, 50))
    for song in songs:
        collected.add("model", song, audio, {"0": audio}, {"0": audio})
    assert [int(example.track) for example in collected.examples()] == heard


def test_excerpts_wait_where_they_are_told_to():
    shapes = []

    def allocate(shape):
        shapes.append(shape)
        return np.empty(shape, np.float32)

    song, audio = track("song"), signal()
    Excerpts([song], ["vocals"], allocate).add("model", song, audio, {"vocals": audio}, {"vocals": audio})
    assert shapes == [(2, 12_000)] * 3
