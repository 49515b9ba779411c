"""Inspecting a dataset in which every kind of fault occurs once."""

import os

import numpy as np
import pytest
import soundfile

from auralflow.inspection import dataset as inspection
from auralflow.inspection.dataset import inspect_dataset

RATE = 16000
STEMS = ("bass", "drums", "vocals")


def write(path, audio, rate=RATE):
    soundfile.write(path, audio, rate, subtype="FLOAT" if path.suffix == ".wav" else "PCM_16")


def write_track(folder, seed, suffix="wav", level=1.0, channels=2):
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    stems = {stem: level * rng.uniform(-0.2, 0.2, (RATE, channels)) for stem in STEMS}
    for name, audio in (stems | {"mixture": sum(stems.values())}).items():
        write(folder / f"{name}.{suffix}", audio)
    return stems


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    dataset = tmp_path_factory.mktemp("faulty")
    train = dataset / "train"
    tracks = {name: write_track(train / name, seed) for seed, name in enumerate("abcdefgh")}
    write_track(dataset / "test" / "x", 0, "flac", level=0.5)  # as a, softer and in another format
    write(train / "b" / "vocals.wav", np.append(tracks["b"]["vocals"], [[0, 0]] * 7, axis=0))
    broken = tracks["c"]["drums"].copy()
    broken[-10] = np.inf
    write(train / "c" / "drums.wav", broken)
    for one, other in (("d", "e"), ("e", "d")):
        write(train / one / "vocals.wav", tracks[other]["vocals"])
    loud = np.clip(8 * tracks["f"]["bass"], -1, 1)
    write(train / "f" / "bass.wav", loud)
    write(train / "f" / "mixture.wav", loud + tracks["f"]["drums"] + tracks["f"]["vocals"])
    for name in (*STEMS, "mixture"):
        mono = soundfile.read(train / "g" / f"{name}.wav")[0].mean(axis=1)
        write(train / "g" / f"{name}.wav", np.stack([mono, mono], axis=1))
    write(train / "h" / "bass.wav", np.zeros((RATE, 2)))
    write(train / "h" / "mixture.wav", 2 * (tracks["h"]["drums"] + tracks["h"]["vocals"]))
    return dataset


def test_every_fault_is_found(faulty):
    found = inspect_dataset(faulty)
    texts = {item.label: [finding.text for finding in item.findings] for item in found.tracks}
    assert found.exclude == ["train/a", "train/c", "train/d", "train/e"]
    assert texts["test/x"] == [] and texts["train/a"] == ["the same recording as test/x"]
    assert texts["train/b"] == ["vocals is 7 samples too long, and cut"]
    [text] = texts["train/c"]
    assert text.startswith(f"{faulty}/train/c/drums.wav: holds NaN or infinite values")
    assert texts["train/d"] == ["vocals cannot be heard in the mixture", "what vocals should be is vocals of train/e"]
    assert texts["train/e"] == ["vocals cannot be heard in the mixture", "what vocals should be is vocals of train/d"]
    assert any("bass: " in text and "clipped samples" in text for text in texts["train/f"])
    assert texts["train/g"] == ["all files: mono as stereo"]
    assert texts["train/h"] == ["bass is silent", "the mixture is 6.0 dB louder than the sum of its stems"]


def test_what_was_decoded_is_remembered_by_its_content(faulty, tmp_path, monkeypatch):
    first = inspect_dataset(faulty)

    def fail(track):
        raise AssertionError(f"{track.name} was decoded again")

    with monkeypatch.context() as patch:
        patch.setattr(inspection, "measure_track", fail)
        again = inspect_dataset(faulty)
        assert again.remembered == 9 and [item.findings for item in again.tracks] == [
            item.findings for item in first.tracks
        ]
        os.utime(faulty / "train" / "b" / "bass.wav", (1, 1))  # another time, the same content
        assert inspect_dataset(faulty).remembered == 9
        write(faulty / "train" / "b" / "bass.wav", np.zeros((RATE, 2)))
        with pytest.raises(AssertionError, match="b was decoded again"):
            inspect_dataset(faulty)
    assert inspect_dataset(faulty).remembered == 8


def test_a_sum_among_the_stems_is_no_misfit(tmp_path):
    """The accompaniment beside what it is the sum of does not count twice when stems and mixture are compared."""
    for seed, name in enumerate("abc"):
        stems = write_track(tmp_path / "train" / name, seed)
        write(tmp_path / "train" / name / "accompaniment.wav", stems["bass"] + stems["drums"])
    found = inspect_dataset(tmp_path)
    assert found.notes and "accompaniment is the sum of bass and drums" in found.notes[0]
    assert [item.findings for item in found.tracks] == [[], [], []]
