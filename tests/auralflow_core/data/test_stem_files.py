"""Tracks in one file each, `.stem.mp4`, as MUSDB18 is downloaded."""

import json
import os
import shutil

import numpy as np
import pytest
import soundfile
from packed_songs import STREAMS, pack, stems

from auralflow_core.audio import stem_mp4
from auralflow_core.data import unpacked
from auralflow_core.data.crops import read_mixture, read_stems
from auralflow_core.data.musdb import VALIDATION
from auralflow_core.data.tracks import find_tracks, scan_tracks
from auralflow_core.data.training import training_tracks, usable_tracks
from auralflow_core.errors import InputError

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg") or not shutil.which("ffprobe"), reason="needs ffmpeg")
NAME = "Größe - 歌 №1"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/auralflow/stems"


def folder(path, audio, rate=8000):
    path.mkdir(parents=True)
    for name, data in audio.items():
        soundfile.write(path / f"{name}.wav", data, rate, subtype="PCM_16")


@needs_ffmpeg
def test_a_file_is_the_same_track_as_a_folder(tmp_path, cache, capsys, monkeypatch):
    audio = stems()
    # In another order than usual, which the file tells.
    path = pack(tmp_path / f"a/train/{NAME}.stem.mp4", {name: audio[name] for name in ("mixture", *STREAMS[:0:-1])})
    names = [{"name": name} for name in ("Vox", "Keys", "Bass", "Drums")]
    stem_mp4._complete(path, 8000, 6000, json.dumps({"stems": names}).encode())
    folder(tmp_path / "a/train/folder", audio)
    (tmp_path / "a/train/._x.stem.mp4").write_bytes(b"nothing")
    track, other = find_tracks(tmp_path / "a", "train")
    assert (track.name, track.label, track.dataset) == (NAME, f"train/{NAME}", tmp_path / "a")
    assert (track.sample_rate, track.channels, track.samples) == (other.sample_rate, other.channels, other.samples)
    assert list(track.stems) == list(other.stems) == sorted(STREAMS[1:])
    for name in STREAMS[1:]:
        found = read_stems(track, [name], 100, 3000, 8000, 2)
        np.testing.assert_array_equal(found, read_stems(other, [name], 100, 3000, 8000, 2))
        np.testing.assert_array_equal(found[0].T, audio[name][100:3100].astype(np.float32))
    np.testing.assert_array_equal(read_mixture(track, 0, 6000, 8000, 2).T, audio["mixture"].astype(np.float32))
    [home] = cache.iterdir()
    said = capsys.readouterr().err
    assert "Decoding 1 track of .stem.mp4 once, into about" in said and str(home) in said and said.count("\n") == 1
    assert sorted(path.name for path in (home / "train" / NAME).iterdir()) == sorted(
        [*(f"{name}.flac" for name in STREAMS), "source.json"]
    )
    # Once decoded, neither decoding nor ffmpeg nor a cache that can be written to is needed, until something changes.
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "which", lambda name: None)
        patch.setattr(unpacked, "_alone", lambda home: pytest.fail("the cache is locked"))
        assert find_tracks(tmp_path / "a", "train") == [track, other] and not capsys.readouterr().err
    (home / "train" / NAME / "bass.flac").unlink()
    assert find_tracks(tmp_path / "a", "train") == [track, other] and capsys.readouterr().err == said
    os.utime(path, (1, 1))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="1 track in .stem.mp4 are decoded by the commands ffmpeg and ffprobe"):
        find_tracks(tmp_path / "a", "train")


@needs_ffmpeg
@pytest.mark.slow
def test_what_is_wrong_with_a_file_is_said(tmp_path, monkeypatch):
    train = tmp_path / "train"
    audio = stems()
    pack(train / "good.stem.mp4", audio)
    pack(train / "three.stem.mp4", {name: audio[name] for name in STREAMS[:3]})
    pack(train / "rates.stem.mp4", audio, rates=[8000, 8000, 16000, 8000, 8000])
    pack(train / "short.stem.mp4", stems(20_000) | {"bass": audio["bass"]})
    pack(train / "wide.stem.mp4", audio | {"bass": np.repeat(audio["bass"], 3, 1)})
    pack(train / "two.stem.mp4", audio)
    folder(train / "two", audio)
    for name in ("twice.stem.mp4", "twice.STEM.M4A"):
        (train / name).write_bytes((train / "good.stem.mp4").read_bytes())
    data = pack(train / "cut.stem.mp4", stems(20_000), codec="aac").read_bytes()
    place = data.index(b"mdat")  # the index is whole, and audio is not
    (train / "cut.stem.mp4").write_bytes(data[: place + 4000] + bytes(9000) + data[place + 13_000 :])
    (train / "empty.stem.mp4").touch()
    (train / "text.stem.mp4").write_text("nothing")
    os.symlink(tmp_path / "nowhere", train / "link.stem.mp4")
    scan = scan_tracks(tmp_path, "train")
    assert [track.name for track in scan.tracks] == ["good"]
    found = {path.name: " ".join(lines) for path, lines in scan.problems.items()}
    for name, words in {
        "three": "three.stem.mp4: holds 3 streams of audio, where the mixture and 4 stems are expected",
        "rates": "rates.stem.mp4: its stream 2 has 6000 samples at 16000 Hz, and the mixture 6000 at 8000 Hz",
        "short": "short.stem.mp4: its stream 2 has 6000 samples at 8000 Hz, and the mixture 20000 at 8000 Hz",
        "wide": "wide.stem.mp4: its stream 2 has 6 channels; mono or stereo is accepted",
        "two": "two.stem.mp4: a second track of this name, next to a folder",
        "twice": "twice.stem.mp4: a second track of this name, next to twice.STEM.M4A",
        "cut": "cut.stem.mp4: damaged",
        "empty": "empty.stem.mp4: ",
        "text": "text.stem.mp4: no audio file that can be read",
        "link.stem.mp4": "is a link to",
    }.items():
        assert words in found.pop(name), name
    assert not found
    # Tracks that are excluded are not decoded.
    monkeypatch.setattr(unpacked, "_decode", lambda packed: "no")
    assert scan_tracks(
        tmp_path, "train", exclude=["three", "rates", "short", "wide", "two", "twice", "cut", "empty", "text"]
    ).tracks


@needs_ffmpeg
def test_next_to_folders_it_is_named_and_not_its_copy(tmp_path):
    """Its streams may differ by a frame of an encoder; a track whose stems are not those of the others is left out."""
    audio = stems()
    pack(tmp_path / "train/one.stem.mp4", audio | {"bass": audio["bass"][:-500]})
    tracks, notes = usable_tracks(tmp_path, "train")
    assert [track.lengths[track.files["bass"]] for track in tracks] == [5500]
    [note] = notes
    assert note.startswith(f"{tmp_path}: 1 file is up to 500 samples longer or shorter than the others of the track")
    assert note.endswith("(train/one: bass)")
    for name in ("two", "three"):
        folder(tmp_path / "train" / name, {stem: audio[stem] for stem in ("drums", "vocals")})
    assert [track.name for track in scan_tracks(tmp_path, "train", ".stem.mp4").tracks] == ["one"]
    scan = scan_tracks(tmp_path, "train")
    file = tmp_path / "train/one.stem.mp4"
    assert scan.problems == {
        tmp_path / "train/one": [f"{file} ({stem}): is a stem that other tracks lack" for stem in ("bass", "other")]
    }


@needs_ffmpeg
def test_there_must_be_room_for_the_copy(tmp_path, monkeypatch):
    pack(tmp_path / "a/train/b.stem.mp4", stems())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 1000))  # pyright: ignore
    with pytest.raises(InputError, match=r"has 0.0 MB free, and 1 track .* XDG_CACHE_HOME names another folder"):
        find_tracks(tmp_path / "a", "train")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"cannot be written to \(.*XDG_CACHE_HOME names another folder"):
        find_tracks(tmp_path / "a", "train")


@pytest.mark.parametrize("left_out", [0, 1, 14])
def test_the_usual_songs_of_musdb18_validate(tmp_path, left_out):
    audio = stems(400)
    for name in (*VALIDATION, "Another - Song", "A Third - Song"):
        folder(tmp_path / "train" / name, audio)
    train, valid, note = training_tracks(tmp_path, exclude=VALIDATION[:left_out])
    if left_out < 14:
        assert {track.name for track in valid} == set(VALIDATION[left_out:]) and len(train) == 2
        assert note and f"{14 - left_out} of its {16 - left_out} training tracks validate" in note
    else:
        assert len(train) == len(valid) == 1
    shutil.rmtree(tmp_path / "train" / VALIDATION[0])  # no longer all of MUSDB18
    assert len(training_tracks(tmp_path)[1]) == 2  # 15 % of 15
