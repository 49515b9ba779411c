import errno
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auralflow.separation.inputs import AudioInput, find_inputs, left_out
from auralflow_core.errors import InputError

RATE = 8000


def write(path, channels=1, samples=RATE, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, (samples, channels)), rate)
    return path


def test_finds_files_folders_and_tracks(tmp_path):
    single = write(tmp_path / "single.wav")
    write(tmp_path / "album/one.flac"), write(tmp_path / "album/two.wav"), write(tmp_path / "album/.hidden.wav")
    (tmp_path / "album/cover.txt").write_text("no audio")
    write(tmp_path / "My song/mixture.wav"), write(tmp_path / "My song/vocals.wav")
    sources, problems = find_inputs([single, tmp_path / "album", tmp_path / "My song/"])
    assert [(source.name, source.path.name) for source in sources] == [
        ("single", "single.wav"),
        ("one", "one.flac"),
        ("two", "two.wav"),
        ("My song", "mixture.wav"),
    ]
    assert problems == []


def test_a_folder_that_cannot_be_read_stops_no_other(tmp_path, monkeypatch):
    write(tmp_path / "albums/one/a.wav"), write(tmp_path / "albums/locked/b.wav")
    listing = Path.iterdir

    def iterdir(path):
        if path.name == "locked":  # a superuser, who may run the tests, could read it
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    sources, problems = find_inputs([tmp_path / "albums"])
    assert [source.name for source in sources] == ["a"]
    assert problems == [f"{tmp_path / 'albums' / 'locked'}: Permission denied"]


def test_an_empty_name_is_not_the_current_folder(tmp_path, monkeypatch):
    write(tmp_path / "a.wav")
    monkeypatch.chdir(tmp_path)
    sources, problems = find_inputs(["", "a.wav"])
    assert [source.name for source in sources] == ["a"] and len(problems) == 1 and "is empty" in problems[0]


def test_a_folder_without_audio_stands_for_the_folders_in_it(tmp_path):
    album = tmp_path / "album"
    for path in ("2/b.wav", "1/a.wav", "3/live/c.wav", "3/My song/mixture.wav", "3/My song/vocals.wav"):
        write(album / path)
    write(album / "stems/model/a/vocals.wav"), write(album / ".hidden/d.wav")
    (album / "3/loop").symlink_to(album)
    sources, problems = find_inputs([album], passed_over=album / "stems")
    assert [source.name for source in sources] == ["a", "b", "My song", "c"] and problems == []
    write(album / "1/mixture.wav"), write(album / "1/mixture.flac")
    sources, problems = find_inputs([album], passed_over=album / "stems")
    assert [source.name for source in sources] == ["b", "My song", "c"] and len(problems) == 1
    assert left_out([album, tmp_path / "none"]) == []
    write(album / "top.wav")
    assert [source.name for source in find_inputs([album])[0]] == ["top"]
    (note,) = left_out([album], album / "stems")
    assert note == f"{album}: the folders in it are left out: 2, 3; name them, too, to add them."


def test_takes_the_part_that_was_asked_for(tmp_path):
    path = write(tmp_path / "a.wav", 3)
    assert find_inputs([path], 0.25, 0.5)[0] == [AudioInput("a", path, 2000, 4000, RATE, 3)]
    assert find_inputs([path], 0.25)[0][0].samples == 6000
    assert find_inputs([path], 0.25, 100)[0][0].samples == 6000
    assert find_inputs([path], 0, 1e-9)[0][0].samples == 1


@pytest.mark.parametrize(
    ("start", "duration", "words"),
    [
        (1, None, "start is 1 s, but the file is only 1.000 s long"),
        (-1, None, "start is -1 s, expected 0 or more"),
        (float("nan"), None, "start is nan"),
        (0, 0, "duration is 0 s, expected more than 0"),
        (0, float("inf"), "duration is inf"),
    ],
)
def test_refuses_parts_that_are_not_there(tmp_path, start, duration, words):
    with pytest.raises(InputError, match=words):
        find_inputs([write(tmp_path / "a.wav")], start, duration)


def test_what_cannot_be_separated_does_not_keep_the_rest(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.wav").write_text("no audio at all")
    write(tmp_path / "twice/mixture.wav"), write(tmp_path / "twice/mixture.flac")
    bad = {
        tmp_path / "empty": "empty: holds no audio files",
        tmp_path / "none.wav": "none.wav: no such file",
        tmp_path / "text.wav": "text.wav: no audio file",
        tmp_path / "twice": "holds mixture.flac and mixture.wav",
    }
    for path, words in bad.items():
        with pytest.raises(InputError, match=words):
            find_inputs([path])
    sources, problems = find_inputs([*bad, write(tmp_path / "good.wav")])
    assert [source.name for source in sources] == ["good"]
    for words, problem in zip(bad.values(), problems, strict=True):
        assert words in problem
    with pytest.raises(InputError, match="nothing to separate:\n.*empty: holds.*\n.*none.wav: no such"):
        find_inputs(list(bad)[:2])


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_a_folder_may_hold_what_ffmpeg_reads(tmp_path):
    write(tmp_path / "a.wav", 2)
    for name in ("one.m4a", "two.stem.mp4"):
        subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", tmp_path / name], check=True)
    sources, problems = find_inputs([tmp_path])
    assert problems == []
    assert [(source.name, source.sample_rate, source.channels) for source in sources] == [
        ("a", RATE, 2),
        ("one", RATE, 2),
        ("two", RATE, 2),
    ]
