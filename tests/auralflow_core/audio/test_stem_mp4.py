"""Stem files, as ffmpeg, ffprobe and mutagen read them."""

import errno
import json
import shutil
import subprocess

import mutagen.mp4
import numpy as np
import pytest
from packed_songs import streams_of

from auralflow_core.audio import mp4, probe, read
from auralflow_core.audio.encode import STEM_FILE, Encoding, writing
from auralflow_core.audio.stem_mp4 import StemFileWriter, arrange, recognise
from auralflow_core.errors import InputError

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg") or not shutil.which("ffprobe"), reason="needs ffmpeg")
RATE, SAMPLES = 44100, 50_003
CLICKS = (1500, 25_000, SAMPLES - 1700)


def song():
    """Five parts that click together, each over a tone of its own, on the grid of 16 bits: (5, 2, samples)."""
    time = np.arange(SAMPLES) / RATE
    tones = 0.1 * np.sin(2 * np.pi * 220 * np.arange(1, 6)[:, None, None] * time) * np.array([[1], [0.5]])
    tones[..., list(CLICKS)] += 0.7
    return (np.rint(tones * 2**15) / 2**15).astype(np.float32)


def write(path, audio, encoding, rate=RATE, **options):
    opened = lambda *arguments: StemFileWriter(*arguments, **options)  # noqa: E731
    with writing([path], encoding, rate, *audio.shape[1:], open_writer=opened) as [writer]:
        for start in range(0, audio.shape[-1], 7001):
            writer.write(audio[..., start : start + 7001])
    return path


@needs_ffmpeg
@pytest.mark.parametrize("bits", [None, 16])
def test_five_streams_begin_together_and_are_as_long_as_the_song(tmp_path, bits):
    audio = song()
    path = write(tmp_path / "a.stem.mp4", audio, Encoding(STEM_FILE, bits))
    for whole, found in zip(audio, streams_of(path), strict=True):
        if bits:
            np.testing.assert_array_equal(found, whole)
        else:  # ffmpeg decodes the whole of the encoder's last frame
            assert SAMPLES <= found.shape[1] < SAMPLES + 1024
            assert np.abs(found[:, SAMPLES:]).max(initial=0) < 0.05
            for click in CLICKS:
                assert np.abs(found[0, click - 400 : click + 400]).argmax() == 400
            assert np.square(found[:, :SAMPLES] - whole).mean() < 1e-2 * np.square(whole).mean()
    assert probe(path, stream=4) == (RATE, 2, SAMPLES) and read(path, stream=4)[0].shape == (2, SAMPLES)
    entries = "stream=codec_name,duration_ts,start_pts,bit_rate:stream_disposition=default:stream_tags=handler_name"
    command = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "json", path]
    streams = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["streams"]
    assert [stream["codec_name"] for stream in streams] == ["alac" if bits else "aac"] * 5
    assert [(stream["start_pts"], stream["duration_ts"]) for stream in streams] == [(0, SAMPLES)] * 5
    assert [stream["disposition"]["default"] for stream in streams] == [1, 0, 0, 0, 0]
    assert [stream["tags"]["handler_name"] for stream in streams] == ["mixture", "drums", "bass", "other", "vocals"]


@needs_ffmpeg
def test_the_description_of_stems_is_where_the_specification_has_it(tmp_path):
    path = write(
        tmp_path / "a.stem.mp4", song()[..., :9000], Encoding(STEM_FILE), stems=["drums", "bass", "Ĝitaro", "x"]
    )
    data = path.read_bytes()
    assert data[4:12] == b"ftypM4A "
    with open(path, "rb") as file:
        atom = mutagen.mp4.Atoms(file)[b"moov.udta.stem"]  # pyright: ignore  # its stubs lack the class
    found = json.loads(data[atom.offset + 8 : atom.offset + atom.length])
    assert found["version"] == 1 and set(found["mastering_dsp"]) == {"compressor", "limiter"}
    assert [stem["name"] for stem in found["stems"]] == ["Drums", "Bass", "Ĝitaro", "X"] == mp4.stem_names(path)
    assert all(len(stem["color"]) == 7 and stem["color"].startswith("#") for stem in found["stems"])
    assert not found["mastering_dsp"]["compressor"]["enabled"] and not found["mastering_dsp"]["limiter"]["enabled"]


def test_four_stems_have_an_order():
    assert arrange(["bass", "drums", "other", "vocals"]) == ["drums", "bass", "other", "vocals"]
    assert arrange(["residual", "vocals", "drums", "bass"]) == ["drums", "bass", "residual", "vocals"]
    assert arrange(["a", "b", "Vocal", "vocals"]) == ["a", "b", "vocals", "Vocal"]
    with pytest.raises(InputError, match=r"holds four stems, and 2 were to be written \(a, b\)"):
        arrange(["a", "b"])
    assert recognise(["VOX", "Drums", "Bass", "Synths"]) == ["vocals", "drums", "bass", "other"]
    for names in ([], ["a"] * 5, ["Vocals", "Vox", "a", "b"]):
        assert recognise(names) == ["drums", "bass", "other", "vocals"]


@needs_ffmpeg
@pytest.mark.parametrize(
    ("encoding", "rate", "channels", "words"),
    [
        (Encoding(STEM_FILE), 44101, 2, "a.stem.mp4: stem.mp4 has no sample rate of 44101 Hz; wav, flac and ogg do"),
        (Encoding(STEM_FILE, 16), 44100, 6, "a.stem.mp4: stem.mp4 holds at most 2 channels, not 6; wav holds more"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(tmp_path, encoding, rate, channels, words):
    with pytest.raises(InputError, match=words):
        write(tmp_path / "a.stem.mp4", np.zeros((5, channels, 100), np.float32), encoding, rate)
    assert not list(tmp_path.iterdir())


def test_bits_and_bit_rates_are_for_different_codecs():
    assert Encoding(STEM_FILE).bits is None and Encoding(STEM_FILE, bitrate=128).bitrate == 128
    for options in ({"bits": 32}, {"bits": 16, "bitrate": 128}, {"bitrate": 400}):
        with pytest.raises(InputError, match="stem.mp4"):
            Encoding(STEM_FILE, **options)


@pytest.mark.parametrize(
    ("script", "number"),
    [
        ("cat > /dev/null; echo 'av_interleaved_write_frame(): No space left on device' >&2; exit 1", errno.ENOSPC),
        ("echo 'odd: Invalid argument' >&2; exit 1", None),  # before it has read anything
        ("cat > /dev/null", None),  # which writes no file
    ],
)
def test_a_failure_of_ffmpeg_leaves_no_file(tmp_path, monkeypatch, script, number):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ffmpeg").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin/ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    with pytest.raises(OSError, match="a.stem.mp4") as raised:
        write(tmp_path / "out/a.stem.mp4", song(), Encoding(STEM_FILE))
    assert raised.value.errno == number
    assert not list((tmp_path / "out").iterdir())


def test_without_ffmpeg_nothing_is_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="is written by the command ffmpeg, which is not on the PATH"):
        write(tmp_path / "a.stem.mp4", song(), Encoding(STEM_FILE))
