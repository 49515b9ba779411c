"""The length of every kind of file is that of its audio, or the file is refused."""

import shutil
import struct
import subprocess

import numpy as np
import pytest
import soundfile
from signals import cut, sweep

from auralflow_core.audio import DamagedAudio, ffmpeg, find_damage, probe, read, read_blocks
from auralflow_core.audio.containers import examine

needs_ffmpeg = pytest.mark.skipif(not ffmpeg.is_installed(), reason="ffmpeg and ffprobe are not on the PATH")
RATE, SAMPLES = 8000, 16000
PCM = (sweep(RATE, 2, SAMPLES / RATE) * 2**14).astype("<i2").tobytes()
FMT = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, RATE, 4 * RATE, 4, 16)


def run_ffmpeg(*arguments):
    command = ["ffmpeg", "-v", "quiet", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def chunk(name, body, size=None):
    return name + struct.pack("<I", len(body) if size is None else size) + body + bytes(len(body) % 2)


def riff(*chunks, magic=b"RIFF"):
    body = b"WAVE" + b"".join(chunks)
    return magic + (b"\xff" * 4 if magic != b"RIFF" else struct.pack("<I", len(body))) + body


def wide(samples, promised=SAMPLES, magic=b"RF64"):
    sizes = struct.pack("<QQQI", 4 * promised + 100, 4 * promised, promised, 0)
    return riff(chunk(b"ds64", sizes), FMT, chunk(b"data", PCM[: 4 * samples], 0xFFFFFFFF), magic=magic)


def length(path):
    """The number of samples, which all ways to read agree on."""
    info = probe(path)
    assert read(path)[0].shape == (info.channels, info.samples)
    assert sum(block.shape[1] for block in read_blocks(path)) == info.samples
    assert find_damage(path) == ""
    return info.samples


@pytest.fixture
def without_ffmpeg(monkeypatch):
    def hide():
        monkeypatch.setattr(shutil, "which", lambda name: None)

    return hide


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


@pytest.mark.parametrize(
    "suffix, subtype",
    [("au", "PCM_16"), ("w64", "PCM_24"), ("caf", "FLOAT"), ("aiff", "PCM_16"), ("rf64", "PCM_16"), ("wav", "ULAW")],
)
def test_truncated_containers(tmp_path, suffix, subtype):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, sweep(RATE, 2, 2.0), RATE, subtype=subtype)
    assert length(path) == SAMPLES
    for share in (0.6, 0.999):
        with pytest.raises(DamagedAudio, match="truncated, its header promises"):
            probe(cut(tmp_path / f"cut.{suffix}", path, share))


@needs_ffmpeg
def test_an_au_that_counts_too_little(tmp_path, without_ffmpeg):
    path = tmp_path / "a.au"
    soundfile.write(path, sweep(RATE, 2, 2.0), RATE, subtype="PCM_16")
    data = path.read_bytes()
    path.write_bytes(data[:8] + struct.pack(">I", 4 * RATE) + data[12:])
    assert length(path) == SAMPLES
    without_ffmpeg()
    with pytest.raises(DamagedAudio, match="32000 more follow"):
        probe(path)


@needs_ffmpeg
@needs_ffmpeg
@pytest.mark.parametrize(("suffix", "codec"), [("voc", "pcm_s16le"), ("avi", "mp3"), ("avi", "pcm_s16le")])
def test_truncated_containers_that_ffmpeg_reads_without_a_word(files, tmp_path, suffix, codec):
    path = tmp_path / f"a.{suffix}"
    run_ffmpeg("-y", "-i", files / "stereo.wav", "-c:a", codec, path)
    assert length(path) == len(run_ffmpeg("-i", path, "-f", "s16le", "-")) // 4
    for share in (0.3, 0.8):
        with pytest.raises(DamagedAudio, match="truncated, its (header|block at byte [0-9]+) promises"):
            probe(cut(tmp_path / f"cut{share}.{suffix}", path, share))


@pytest.mark.parametrize("suffix", ["au", "w64", "aiff", "caf", "flac", "wav", "ogg", "mp3"])
def test_files_that_were_written_to_a_pipe(files, tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(run_ffmpeg("-i", files / "stereo.wav", "-f", suffix, "-bitexact", "-"))
    if suffix == "mp3":  # whole frames of 1152 samples, which nothing tells to trim
        assert length(path) % 1152 == 0 and 264600 <= length(path) <= 264600 + 3 * 1152
    else:
        assert length(path) == 264600


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


@needs_ffmpeg
@pytest.mark.parametrize(
    "name, options",
    {
        "mp3.wav": ("-c:a", "libmp3lame"),
        "adpcm.wav": ("-c:a", "adpcm_ms"),
        "ac3.wav": ("-c:a", "ac3"),
        "flac.oga": ("-c:a", "flac"),
        "a.mp2": (),
        "a.voc": (),
        "a.wv": (),
        "a.tta": (),
        "alac.caf": ("-c:a", "alac"),
        "fragments.mp4": ("-movflags", "frag_keyframe+empty_moov", "-frag_duration", "500000"),
        "a.webm": ("-c:a", "libopus"),
        "a.ac3": (),
        "a.wma": (),
        "a.ts": (),
    }.items(),
)
def test_all_that_ffmpeg_plays_is_read_and_what_is_cut_is_refused(files, tmp_path, name, options):
    path = tmp_path / name
    run_ffmpeg("-i", files / "stereo.wav", "-t", 2, *options, path)
    info = probe(path)
    assert length(path) == len(run_ffmpeg("-i", path, "-f", "s16le", "-")) // 2 // info.channels
    for share in (0.6, 0.97):
        with pytest.raises(DamagedAudio, match="truncated|damaged"):
            probe(cut(tmp_path / f"cut.{path.suffix}", path, share))


@needs_ffmpeg
def test_a_container_that_promises_more_than_it_holds(files, tmp_path):
    """The file ends between two clusters, so that ffmpeg has no complaint."""
    run_ffmpeg("-i", files / "stereo.wav", "-c:a", "pcm_s16le", "-cluster_time_limit", 500, tmp_path / "a.mka")
    data = (tmp_path / "a.mka").read_bytes()
    last = data.rindex(bytes.fromhex("1f43b675"))  # the identifier of a cluster
    assert length(tmp_path / "a.mka") == 264600
    (tmp_path / "cut.mka").write_bytes(data[:last])
    with pytest.raises(DamagedAudio, match="truncated, its header promises 6.00 s, .* s can be decoded|damaged"):
        probe(tmp_path / "cut.mka")


@needs_ffmpeg
def test_damage_that_libsndfile_alone_refuses_is_left_to_ffmpeg(files, tmp_path):
    """A broken seek table: libsndfile may refuse it, ffmpeg reads on."""
    data = bytearray((files / "stereo.flac").read_bytes())
    data[4] &= 0x7F  # another block of metadata follows
    rest = data[42:]
    (tmp_path / "a.flac").write_bytes(data[:42] + b"\x03\0\0\x12" + b"\xfe" * 18 + rest)
    np.testing.assert_array_equal(read(tmp_path / "a.flac")[0], read(files / "stereo.flac")[0])


def test_what_is_left_of_damaged_files(files, tmp_path, without_ffmpeg):
    path = tmp_path / "nan.wav"
    audio = sweep(RATE, 2, 1.0)
    audio[10:12] = np.nan, np.inf
    soundfile.write(path, audio, RATE, subtype="FLOAT")
    assert "NaN or infinite values, the first in sample 10," in find_damage(path)
    audio[10:12] = 0
    audio[11, 1] = -1e30
    soundfile.write(path, audio, RATE, subtype="FLOAT")
    assert "values beyond 1e+06, the first in sample 11," in find_damage(path)
    audio[11] = 0
    np.testing.assert_array_equal(read(path, tolerate_damage=True)[0], audio.T)
    cut_wave = cut(tmp_path / "cut.wav", files / "stereo.wav", 0.6)
    left = (cut_wave.stat().st_size - 44) // 4
    for hide in (lambda: None, without_ffmpeg):
        hide()
        assert "truncated" in find_damage(cut_wave)
        assert probe(cut_wave, tolerate_damage=True).samples == left
        np.testing.assert_array_equal(read(cut_wave, tolerate_damage=True)[0], read(files / "stereo.wav", 0, left)[0])


@needs_ffmpeg
def test_ffmpeg_passes_over_damage_in_the_middle(files, tmp_path):
    data = bytearray((files / "stereo.flac").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 100] = bytes(100)
    (tmp_path / "a.flac").write_bytes(data)
    assert "damaged" in find_damage(tmp_path / "a.flac")
    whole, left = read(files / "stereo.flac")[0], read(tmp_path / "a.flac", tolerate_damage=True)[0]
    np.testing.assert_array_equal(left[:, :100_000], whole[:, :100_000])
    np.testing.assert_array_equal(left[:, -100_000:], whole[:, -100_000:])
