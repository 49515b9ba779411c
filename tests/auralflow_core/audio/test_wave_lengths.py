"""The length of every kind of WAVE file is that of its audio, or the file is refused."""

import struct

import pytest
from lengths import length, needs_ffmpeg
from signals import sweep

from auralflow_core.audio import DamagedAudio, probe
from auralflow_core.audio.containers import examine

RATE, SAMPLES = 8000, 16000
PCM = (sweep(RATE, 2, SAMPLES / RATE) * 2**14).astype("<i2").tobytes()
FMT = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, RATE, 4 * RATE, 4, 16)


def chunk(name, body, size=None):
    return name + struct.pack("<I", len(body) if size is None else size) + body + bytes(len(body) % 2)


def riff(*chunks, magic=b"RIFF"):
    body = b"WAVE" + b"".join(chunks)
    return magic + (b"\xff" * 4 if magic != b"RIFF" else struct.pack("<I", len(body))) + body


def wide(samples, promised=SAMPLES, magic=b"RF64"):
    sizes = struct.pack("<QQQI", 4 * promised + 100, 4 * promised, promised, 0)
    return riff(chunk(b"ds64", sizes), FMT, chunk(b"data", PCM[: 4 * samples], 0xFFFFFFFF), magic=magic)


WHOLE = {
    "plain": riff(FMT, chunk(b"data", PCM)),
    "metadata": riff(chunk(b"bext", bytes(603)), FMT, chunk(b"data", PCM), chunk(b"LIST", b"INFO" + bytes(31))),
    "metadata that is cut off": riff(FMT, chunk(b"data", PCM), chunk(b"LIST", b"INFO" + b"x" * 900))[:-200],
    "a tag": riff(FMT, chunk(b"data", PCM)) + b"TAG" + b"x" * 125,
    "padding": riff(FMT, chunk(b"data", PCM)) + bytes(3000),
    "sox to a pipe": riff(FMT, chunk(b"data", PCM, 0x7FFFF000)),
    "arecord": riff(FMT, chunk(b"data", PCM, 0x80000000)),
    "ffmpeg to a pipe": riff(FMT, chunk(b"data", PCM, 0xFFFFFFFF)),
    "RF64": wide(SAMPLES),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_waves(tmp_path, name):
    (tmp_path / "a.wav").write_bytes(WHOLE[name])
    assert length(tmp_path / "a.wav") == SAMPLES


@needs_ffmpeg
@pytest.mark.parametrize(
    "name, data",
    {
        "BW64": wide(SAMPLES, magic=b"BW64"),
        "the last second is not counted": riff(FMT, chunk(b"data", PCM, len(PCM) - 4 * RATE)),
        "100 samples are not counted": riff(FMT, chunk(b"data", PCM, len(PCM) - 400)),
        "RF64 to a pipe": wide(SAMPLES, 0),
        "nothing is counted": riff(FMT, chunk(b"data", PCM, 0)),
    }.items(),
)
def test_waves_that_libsndfile_would_shorten(tmp_path, without_ffmpeg, name, data):
    (tmp_path / "a.wav").write_bytes(data)
    assert length(tmp_path / "a.wav") == SAMPLES
    without_ffmpeg()
    with pytest.raises(DamagedAudio, match="ffmpeg and ffprobe"):
        probe(tmp_path / "a.wav")


def test_a_size_that_wrapped_around(tmp_path):
    """5 GB, whose 32-bit size counts 0.7; the file has no bytes on the disk but the first."""
    with open(tmp_path / "a.wav", "wb") as file:
        file.write(riff(FMT, chunk(b"data", b"", 5_000_000_000 % 2**32)))
        file.truncate(file.tell() + 5_000_000_000)
    structure = examine(tmp_path / "a.wav")
    assert structure.samples == 1_250_000_000 and "4294967296 more follow" in structure.doubt


@pytest.mark.parametrize(
    "name, data",
    {
        "RF64": wide(SAMPLES - 1),
        "BW64": wide(SAMPLES - 1, magic=b"BW64"),
        "2.5 GB": riff(FMT, chunk(b"data", PCM, 2_500_000_000)),
        "a sample": riff(FMT, chunk(b"data", PCM))[:-4],
        "followed by another": 2 * riff(FMT, chunk(b"data", PCM)),
    }.items(),
)
def test_waves_that_lack_audio_are_refused(tmp_path, name, data):
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(DamagedAudio, match="followed by another file" if "another" in name else "truncated"):
        probe(tmp_path / "a.wav")
