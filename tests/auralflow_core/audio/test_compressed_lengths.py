"""The length of every FLAC, Ogg and MP3 file is that of its audio, or the file is refused."""

import struct

import pytest
from lengths import length, needs_ffmpeg, run_ffmpeg

from auralflow_core.audio import DamagedAudio, probe


def with_total(data, total):
    """A FLAC file with another number of samples in its header, 36 bits before byte 26."""
    number = int.from_bytes(data[21:26], "big") >> 36 << 36 | total
    return data[:21] + number.to_bytes(5, "big") + data[26:]


@needs_ffmpeg
def test_flacs_that_count_too_little(files, tmp_path, without_ffmpeg):
    data = (files / "stereo.flac").read_bytes()
    for total in (0, 1, 264600 - 44100):
        (tmp_path / f"{total}.flac").write_bytes(with_total(data, total))
        assert length(tmp_path / f"{total}.flac") == 264600
    without_ffmpeg()
    for total in (0, 1, 264600 - 44100):
        with pytest.raises(DamagedAudio, match="its header"):
            probe(tmp_path / f"{total}.flac")


def test_flacs_that_lack_audio_are_refused(files, tmp_path):
    data = (files / "stereo.flac").read_bytes()
    for broken, words in (
        (with_total(data, 264600 + 44100), "truncated, its header promises 308700 samples, 264600"),
        (data[:-10], "truncated|damaged"),
        (data + data, f"followed by another file, which begins at byte {len(data)}"),
    ):
        (tmp_path / "a.flac").write_bytes(broken)
        with pytest.raises(DamagedAudio, match=words):
            probe(tmp_path / "a.flac")
    (tmp_path / "tag.flac").write_bytes(b"ID3\4\0\0\0\0\1\0" + bytes(128) + data + b"TAG" + bytes(125))
    assert length(tmp_path / "tag.flac") == 264600


@needs_ffmpeg
@pytest.mark.parametrize("name", ["stereo.ogg", "stereo.opus", "stereo.mp3", "mono22k.mp3"])
def test_files_that_follow_each_other_in_one(files, tmp_path, without_ffmpeg, name):
    path, rate = tmp_path / name, probe(files / name).sample_rate
    path.write_bytes(2 * (files / name).read_bytes())
    found = length(path)
    assert found == len(run_ffmpeg("-i", path, "-f", "s16le", "-")) // 2 // probe(path).channels
    assert abs(found - 2 * 6 * rate) < 0.1 * rate
    without_ffmpeg()
    with pytest.raises(DamagedAudio, match="several MP3s in one|2 streams of Ogg"):
        probe(path)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["stereo.mp3", "mono22k.mp3"])
def test_mp3s_whose_header_counts_wrong(files, tmp_path, without_ffmpeg, name):
    data = (files / name).read_bytes()
    place = max(data.find(b"Info"), data.find(b"Xing")) + 8
    frames = int.from_bytes(data[place : place + 4], "big")
    for count in (frames - 40, frames + 1):
        (tmp_path / f"{count}.mp3").write_bytes(data[:place] + count.to_bytes(4, "big") + data[place + 4 :])
        assert 0 <= length(tmp_path / f"{count}.mp3") - probe(files / name).samples <= 2 * 1152
    (tmp_path / "more.mp3").write_bytes(data[:place] + (frames + 40).to_bytes(4, "big") + data[place + 4 :])
    with pytest.raises(DamagedAudio, match="truncated, its header promises"):
        probe(tmp_path / "more.mp3")
    without_ffmpeg()
    with pytest.raises(DamagedAudio, match="its header promises"):
        probe(tmp_path / f"{frames - 40}.mp3")


@pytest.mark.parametrize("name", ["stereo.mp3", "mono48k.mp3"])
def test_tags_and_padding_around_mp3s(files, tmp_path, name):
    data = (files / name).read_bytes()
    ape = b"APETAGEX" + struct.pack("<IIII", 2000, 32 + 40, 1, 0) + bytes(8)
    for begin, end in (
        (b"ID3\4\0\0\0\0\1\0" + bytes(128), b"TAG" + bytes(125)),
        (bytes(700), bytes(5000)),
        (b"", b"x" * 40 + ape + b"TAG" + b"x" * 125),
    ):
        (tmp_path / "a.mp3").write_bytes(begin + data + end)
        assert length(tmp_path / "a.mp3") == probe(files / name).samples
