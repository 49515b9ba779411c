"""The tracks that a run gets: checked, without those that cannot be used, and with what their stems leave."""

import numpy as np
import pytest
import soundfile

from auralflow_core.data import check
from auralflow_core.data.crops import read_stems
from auralflow_core.data.training import training_tracks, usable_tracks
from auralflow_core.errors import InputError

RATE = 8000


def signals(*names, seed=0, samples=RATE):
    rng = np.random.default_rng(seed)
    return {name: np.round(rng.uniform(-0.2, 0.2, samples) * 32768) / 32768 for name in names}


def write(folder, files):
    folder.mkdir(parents=True)
    for name, audio in files.items():
        soundfile.write(folder / f"{name}.wav", audio, RATE, subtype="FLOAT")


def write_all(dataset, make, tracks=("train/a", "train/b", "train/c", "valid/d")):
    for seed, track in enumerate(tracks):
        write(dataset / track, make(signals("bass", "drums", "vocals", seed=seed)))
    return dataset


def pair(stems):
    return {"mixture": sum(stems.values()), "vocals": stems["vocals"]}


def test_what_vocals_leave_of_the_mixture_is_the_accompaniment(tmp_path):
    train, valid, note = training_tracks(write_all(tmp_path, pair), targets=["vocals", "accompaniment"])
    assert [list(track.stems) for track in [*train, *valid]] == [["accompaniment", "vocals"]] * 4
    rest, vocals = read_stems(train[1], ["accompaniment", "vocals"], 100, 500, RATE, 1)[:, 0]
    expected = signals("bass", "drums", "vocals", seed=1)
    np.testing.assert_allclose(rest, (expected["bass"] + expected["drums"])[100:600], atol=1e-6)
    np.testing.assert_allclose(vocals, expected["vocals"][100:600], atol=1e-7)
    assert (
        note
        == f"{tmp_path}: the mixtures hold more than vocals; what is left of them is used as the stem accompaniment"
    )


def test_a_pair_that_does_not_add_up_is_refused(tmp_path):
    write_all(tmp_path, lambda stems: pair(stems) | {"vocals": 0.5 * stems["vocals"]})
    with pytest.raises(InputError, match="more than their only stem, vocals, .*such as accompaniment.wav") as error:
        training_tracks(tmp_path)
    assert "\n" not in str(error.value)


def test_stems_that_overlap_count_once(tmp_path):
    def overlapping(stems):
        return stems | {"accompaniment": stems["bass"] + stems["drums"], "mixture": sum(stems.values())}

    train, _, note = training_tracks(write_all(tmp_path, overlapping), targets=["vocals", "accompaniment"])
    assert list(train[0].stems) == ["bass", "drums", "vocals"]
    assert note is not None and "accompaniment is the sum of bass and drums" in note
    with pytest.raises(InputError, match="accompaniment is the sum of bass and drums, and without that"):
        training_tracks(tmp_path, targets=["rhythm", "drums"], sources={"rhythm": ("accompaniment",)})


@pytest.mark.parametrize("whole", [True, False])
def test_tracks_that_cannot_be_used_are_left_out_and_named(tmp_path, monkeypatch, whole):
    if not whole:
        monkeypatch.setattr(check, "WHOLE", 0)
        monkeypatch.setattr(check, "WINDOW", 0.1)
    tracks = [f"train/{name}" for name in "abcdefg"] + ["valid/h"]
    write_all(tmp_path, lambda stems: stems | {"mixture": sum(stems.values())}, tracks)
    folder = tmp_path / "train"
    stems = signals("bass", "drums", "vocals", seed=1)
    stems["vocals"][2667:2670] = np.nan  # in one of the parts that are read
    soundfile.write(folder / "b" / "vocals.wav", stems["vocals"], RATE, subtype="FLOAT")
    (folder / "c" / "mixture.wav").rename(folder / "c" / "x.wav")
    (folder / "c" / "drums.wav").rename(folder / "c" / "mixture.wav")
    (folder / "c" / "x.wav").rename(folder / "c" / "drums.wav")
    soundfile.write(folder / "d" / "drums.wav", signals("x", seed=99)["x"], RATE, subtype="FLOAT")
    (folder / "e" / "bass.wav").write_bytes(b"")
    train, valid, note = training_tracks(tmp_path, exclude=["train/f"])
    assert [track.name for track in train] == ["a", "g"] and [track.name for track in valid] == ["h"]
    lines = [line for line in note.split("\n") if "checked in parts" not in line]
    assert len(lines) == 4 and (len(lines) < len(note.split("\n"))) is not whole
    for line, track, words in zip(
        lines,
        "bcde",
        ("vocals.wav: holds NaN", "mixture and drums are swapped", "drums cannot be heard", "bass.wav: is empty"),
        strict=True,
    ):
        assert line.startswith(f"Left out train/{track}: ") and words in line
    with pytest.raises(InputError, match="dataset.exclude: 'valid/hh' is no track of .*; did you mean 'valid/h'"):
        training_tracks(tmp_path, exclude=["valid/hh"])
    with pytest.raises(InputError, match="valid: dataset.exclude leaves none of its tracks"):
        training_tracks(tmp_path, exclude=["h"])
    assert [track.name for track in usable_tracks(tmp_path, "train", exclude=["a"])[0]] == ["f", "g"]
