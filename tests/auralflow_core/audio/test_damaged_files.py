import os
import re
import shutil

import numpy as np
import pytest
import soundfile
from signals import cut, sweep

from auralflow_core.audio import DamagedAudio, ffmpeg, probe, read
from auralflow_core.errors import InputError

needs_ffmpeg = pytest.mark.skipif(not ffmpeg.is_installed(), reason="ffmpeg and ffprobe are not on the PATH")


@pytest.mark.parametrize(
    "name, share, words",
    [
        ("float.wav", 0.5, "truncated, its header promises 1152000 bytes of audio, 575960 exist"),
        ("stereo.flac", 0.6, "truncated, its header promises 264600 samples"),
        ("stereo.mp3", 0.6, "truncated, its header promises 264600 samples"),
        ("mono22k.mp3", 0.6, "truncated, its header promises 132300 samples"),
    ],
)
def test_truncated_files_are_refused(files, tmp_path, name, share, words):
    data = (files / name).read_bytes()
    if name == "float.wav":  # the header's length is the only figure that depends on the library's version
        header = len(data) - 1152000
        (tmp_path / name).write_bytes(data[: header + 575960])
    else:
        cut(tmp_path / name, files / name, share)
    with pytest.raises(InputError, match=words) as error:
        probe(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)
    with pytest.raises(InputError, match="truncated|damaged"):
        read(tmp_path / name)


def test_a_truncated_aiff_is_refused(tmp_path):
    soundfile.write(tmp_path / "whole.aiff", sweep(8000, 1), 8000)
    with pytest.raises(InputError, match="truncated"):
        probe(cut(tmp_path / "cut.aiff", tmp_path / "whole.aiff", 0.7))


@pytest.mark.parametrize("name", ["stereo.ogg", "mono22k.ogg", "stereo.opus"])
def test_a_truncated_ogg_is_refused(files, tmp_path, name):
    with pytest.raises(InputError, match="the page of Ogg at byte [0-9]+ is cut off"):
        probe(cut(tmp_path / "cut.ogg", files / name, 0.6))


@pytest.mark.parametrize("name", ["stereo.ogg", "stereo.opus"])
def test_ogg_pages_that_are_missing_or_changed_are_found(files, tmp_path, name):
    data = (files / name).read_bytes()
    pages = [found.start() for found in re.finditer(b"OggS", data)]
    middle, after = pages[len(pages) // 2], pages[len(pages) // 2 + 1]
    changed = bytearray(data)
    changed[middle + 400] ^= 1
    for broken, words in (
        (data[: pages[-1]], "its last page of Ogg is missing"),
        (data[:middle] + data[after:], f"pages of Ogg are missing before byte {middle}"),
        (changed, f"the page of Ogg at byte {middle} is not what its checksum says"),
        (data + b"no page" * 50, f"no page of Ogg begins at byte {len(data)}"),
    ):
        (tmp_path / "a.ogg").write_bytes(broken)
        with pytest.raises(DamagedAudio, match=words):
            probe(tmp_path / "a.ogg")
    (tmp_path / "a.ogg").write_bytes(data + bytes(1000))  # padding is no damage
    assert probe(tmp_path / "a.ogg") == probe(files / name)


def test_sizes_that_a_pipe_leaves_open_are_no_truncation(tmp_path):
    soundfile.write(tmp_path / "a.wav", sweep(8000, 1), 8000, subtype="PCM_16")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    place = data.index(b"data") + 4
    data[4:8] = data[place : place + 4] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(data)
    assert probe(tmp_path / "a.wav").samples == 48000


def without_first_frame(path, seconds):
    """Writes an MP3 and takes its first frame away, the one that tells the length."""
    noise = 0.3 * np.random.default_rng(0).standard_normal(44100)
    audio = np.concatenate([noise, np.zeros(44100 * (seconds - 1))])
    soundfile.write(
        path,
        audio,
        44100,
        format="MP3",
        bitrate_mode="VARIABLE" if seconds > 1 else "CONSTANT",
        compression_level=0.0 if seconds > 1 else 0.5,
    )
    data = path.read_bytes()
    path.write_bytes(data[data.index(data[:2], 4) :])
    return path


def test_an_mp3_that_tells_no_length_is_counted(tmp_path):
    path = without_first_frame(tmp_path / "a.mp3", 1)
    count = probe(path).samples
    # Whole frames; encoder and decoder delays stay in, as nothing tells how long they are.
    assert count % 1152 == 0 and 44100 <= count <= 44100 + 3 * 1152
    assert read(path)[0].shape == (1, count)


def test_an_mp3_that_libsndfile_would_shorten_is_refused_without_ffmpeg(tmp_path, monkeypatch):
    path = without_first_frame(tmp_path / "a.mp3", 20)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="a.mp3: truncated, its header promises .*|libsndfile would read"):
        read(path)


@needs_ffmpeg
def test_an_mp3_that_libsndfile_would_shorten_is_read_by_ffmpeg(tmp_path):
    path = without_first_frame(tmp_path / "a.mp3", 20)
    count = probe(path).samples
    assert count % 1152 == 0 and 20 * 44100 <= count <= 20 * 44100 + 3 * 1152
    assert read(path)[0].shape == (1, count)


def test_files_that_are_no_audio(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("no audio at all, " * 100)
    (tmp_path / "data.raw").write_bytes(b"\0" * 100)
    soundfile.write(tmp_path / "nothing.wav", np.zeros((0, 2)), 44100)
    soundfile.write(tmp_path / "nan.wav", np.array([0, np.nan, 0]), 44100, subtype="FLOAT")
    for path, words in {
        "missing.wav": "no such file",
        ".": "is a folder",
        "empty.wav": r"is empty \(0 bytes\)",
        "text.mp3": "no audio file that can be read",
        "data.raw": "no audio file that can be read",
        "nothing.wav": r"holds no audio \(0 samples\)",
        "nan.wav": "NaN or infinite",
    }.items():
        with pytest.raises(InputError, match=words) as error:
            read(tmp_path / path)
        assert str(tmp_path / path) in str(error.value) and "\n" not in str(error.value)


def test_a_pipe_is_no_file(tmp_path):
    mkfifo = getattr(os, "mkfifo", None) or pytest.skip("there are no named pipes")
    mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(InputError, match="pipe.wav: is a pipe or a device"):  # and does not wait for a writer
        read(tmp_path / "pipe.wav")


def test_damage_inside_a_file_names_it(files, tmp_path):
    data = bytearray((files / "stereo.flac").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
    (tmp_path / "a.flac").write_bytes(data)
    with pytest.raises(InputError, match="a.flac: damaged"):
        read(tmp_path / "a.flac")
