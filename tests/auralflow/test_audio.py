import os
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from auralflow import decoding, encoding, ffmpeg
from auralflow.audio import is_audio, probe, quantise, read, read_blocks, resample, resample_stream, to_channels, write
from auralflow.errors import InputError

FORMATS = {  # file name -> format, subtype, rate, channels
    "stereo.wav": ("WAV", "PCM_16", 44100, 2),
    "float.wav": ("WAV", "FLOAT", 48000, 1),
    "stereo.flac": ("FLAC", "PCM_24", 44100, 2),
    "stereo.ogg": ("OGG", "VORBIS", 44100, 2),
    "mono22k.ogg": ("OGG", "VORBIS", 22050, 1),
    "stereo.opus": ("OGG", "OPUS", 48000, 2),
    "stereo.mp3": ("MP3", "MPEG_LAYER_III", 44100, 2),
    "mono48k.mp3": ("MP3", "MPEG_LAYER_III", 48000, 1),
    "mono22k.mp3": ("MP3", "MPEG_LAYER_III", 22050, 1),
    "mono16k.mp3": ("MP3", "MPEG_LAYER_III", 16000, 1),
}


def sweep(rate, channels, seconds=6.0):
    """A rising tone and noise `(samples, channels)`, so that no two places sound the same."""
    time = np.arange(round(rate * seconds)) / rate
    noise = 0.1 * np.random.default_rng(0).standard_normal((len(time), channels))
    return (0.3 * np.sin(2 * np.pi * (300 + 200 * time) * time)[:, None] + noise).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audio")
    for name, (container, subtype, rate, channels) in FORMATS.items():
        soundfile.write(folder / name, sweep(rate, channels), rate, format=container, subtype=subtype)
    return folder


@pytest.mark.parametrize("name", FORMATS)
def test_crops_are_slices_of_the_whole(files, name):
    whole, rate = soundfile.read(files / name, dtype="float32", always_2d=True)
    info = probe(files / name)
    assert info == (rate, whole.shape[1], len(whole)) and rate == FORMATS[name][2]
    # mpg123's sums depend on where it began, by a unit in the last place of 1.0.
    np.testing.assert_allclose(read(files / name)[0], whole.T, rtol=0, atol=2e-7)
    places = np.random.default_rng(1).integers(0, len(whole) - 1500, 30)
    for start in (0, 1, 700, *places, len(whole) - 3000, len(whole) - 1500, len(whole) - 200, len(whole) - 1):
        crop, crop_rate = read(files / name, int(start), 1500)
        assert crop_rate == rate and crop.dtype == np.float32 and crop.flags.c_contiguous
        np.testing.assert_allclose(crop, whole.T[:, start:start + 1500], rtol=0, atol=2e-7, err_msg=f"at {start}")


@pytest.mark.parametrize("name", FORMATS)
def test_blocks_are_the_crop_in_pieces(files, name, monkeypatch):
    monkeypatch.setattr(decoding, "BLOCK", 10_000)
    whole, _ = read(files / name)
    for start, samples in ((0, None), (0, 1), (12345, 54321), (whole.shape[1] - 20_100, None)):
        blocks = list(read_blocks(files / name, start, samples))
        assert max(block.shape[1] for block in blocks) <= 10_000
        end = None if samples is None else start + samples
        np.testing.assert_allclose(np.concatenate(blocks, axis=1), whole[:, start:end], rtol=0, atol=2e-7)
    with pytest.raises(InputError, match="cannot be read from sample"):
        next(read_blocks(files / name, whole.shape[1]))


@pytest.mark.parametrize("rate", [48000, 22050])
def test_a_crop_of_a_low_bit_rate_mp3(tmp_path, rate):
    # Nearly every frame takes bytes from several before it.
    audio = sweep(rate, 1, 800000 / rate)
    soundfile.write(tmp_path / "a.mp3", audio, rate, bitrate_mode="CONSTANT", compression_level=0.99)
    whole = soundfile.read(tmp_path / "a.mp3", dtype="float32")[0]
    for start in range(70000, 270000, 9000):
        np.testing.assert_allclose(read(tmp_path / "a.mp3", start, 500)[0][0], whole[start:start + 500], atol=2e-7)


def test_a_crop_of_the_last_ogg_page(tmp_path):
    # Silence takes few bytes, so that the last page begins seconds before the end.
    audio = sweep(22050, 1, 20)
    audio[5 * 22050:-5000] = 0
    soundfile.write(tmp_path / "a.ogg", audio, 22050)
    whole = soundfile.read(tmp_path / "a.ogg", dtype="float32")[0]
    for start in range(len(whole) - 6000, len(whole) - 500, 500):
        np.testing.assert_allclose(read(tmp_path / "a.ogg", start, 500)[0][0], whole[start:start + 500], atol=2e-7)


def test_suffixes():
    assert is_audio("a/b.WAV") and is_audio("b.flac") and not is_audio("b.txt") and not is_audio("wav")


def cut(path, source, share):
    data = source.read_bytes()
    path.write_bytes(data[:round(len(data) * share)])
    return path


@pytest.mark.parametrize("name, share, words", [
    ("float.wav", 0.5, "truncated, its header promises 1152000 bytes of audio, 575960 are there"),
    ("stereo.flac", 0.6, "truncated, its header promises 264600 samples"),
    ("stereo.mp3", 0.6, "truncated, its header promises 264600 samples"),
    ("mono22k.mp3", 0.6, "truncated, its header promises 132300 samples"),
])
def test_truncated_files_are_refused(files, tmp_path, name, share, words):
    data = (files / name).read_bytes()
    if name == "float.wav":  # the header's length is the only figure that depends on the library's version
        header = len(data) - 1152000
        (tmp_path / name).write_bytes(data[:header + 575960])
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


def test_a_truncated_ogg_has_the_length_that_is_left(files, tmp_path):
    path = cut(tmp_path / "cut.ogg", files / "stereo.ogg", 0.6)
    assert 0 < probe(path).samples < 264600
    assert read(path)[0].shape == (2, probe(path).samples)


def test_sizes_that_a_pipe_leaves_open_are_no_truncation(tmp_path):
    soundfile.write(tmp_path / "a.wav", sweep(8000, 1), 8000, subtype="PCM_16")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    place = data.index(b"data") + 4
    data[4:8] = data[place:place + 4] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(data)
    assert probe(tmp_path / "a.wav").samples == 48000


def without_first_frame(path, seconds):
    """Writes an MP3 and takes its first frame away, the one that tells the length."""
    noise = 0.3 * np.random.default_rng(0).standard_normal(44100)
    audio = np.concatenate([noise, np.zeros(44100 * (seconds - 1))])
    soundfile.write(path, audio, 44100, format="MP3", bitrate_mode="VARIABLE" if seconds > 1 else "CONSTANT",
                    compression_level=0.0 if seconds > 1 else 0.5)
    data = path.read_bytes()
    path.write_bytes(data[data.index(data[:2], 4):])
    return path


def test_an_mp3_that_tells_no_length_is_counted(tmp_path):
    path = without_first_frame(tmp_path / "a.mp3", 1)
    count = probe(path).samples
    # Whole frames; encoder and decoder delays stay in, as nothing tells how long they are.
    assert count % 1152 == 0 and 44100 <= count <= 44100 + 3 * 1152
    assert read(path)[0].shape == (1, count)


def test_an_mp3_that_libsndfile_would_shorten_is_refused(tmp_path):
    path = without_first_frame(tmp_path / "a.mp3", 20)
    with pytest.raises(InputError, match="a.mp3: an MP3 of variable bit rate without a Xing header"):
        read(path)


def test_files_that_are_no_audio(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("no audio at all, " * 100)
    (tmp_path / "data.raw").write_bytes(b"\0" * 100)
    soundfile.write(tmp_path / "nothing.wav", np.zeros((0, 2)), 44100)
    soundfile.write(tmp_path / "nan.wav", np.array([0, np.nan, 0]), 44100, subtype="FLOAT")
    for path, words in {
        "missing.wav": "no such file", ".": "is a folder", "empty.wav": r"is empty \(0 bytes\)",
        "text.mp3": "no audio file that can be read", "data.raw": "no audio file that can be read",
        "nothing.wav": r"holds no audio \(0 samples\)", "nan.wav": "NaN or infinite",
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
    data[len(data) // 2:len(data) // 2 + 4000] = bytes(4000)
    (tmp_path / "a.flac").write_bytes(data)
    with pytest.raises(InputError, match="a.flac: damaged"):
        read(tmp_path / "a.flac")


def test_a_crop_ends_with_the_file_and_starts_in_it(files):
    assert read(files / "float.wav", 287990, 100)[0].shape == (1, 10)
    with pytest.raises(InputError, match="cannot be read from sample 288000, it has 288000 samples"):
        read(files / "float.wav", 288000)


@pytest.mark.parametrize("from_rate, to_rate", [(44100, 22050), (22050, 44100), (48000, 44100), (44100, 16000)])
def test_resampling_keeps_a_tone_in_time(from_rate, to_rate):
    samples = 2 * from_rate + 13
    tone = np.sin(2 * np.pi * 1000 * np.arange(samples) / from_rate).astype(np.float32)
    result = resample(np.stack([tone, -tone])[None], from_rate, to_rate)
    assert result.shape == (1, 2, int(np.ceil(samples * to_rate / from_rate))) and result.dtype == np.float32
    expected = np.sin(2 * np.pi * 1000 * np.arange(result.shape[-1]) / to_rate)
    edge = to_rate // 50
    np.testing.assert_allclose(result[0, 0, edge:-edge], expected[edge:-edge], atol=1e-5)
    np.testing.assert_array_equal(result[0, 1], -result[0, 0])


def test_resampling_to_a_length():
    ones = np.ones((1, 8000), np.float32)
    np.testing.assert_array_equal(resample(ones, 8000, 8000), ones)
    np.testing.assert_array_equal(resample(ones, 8000, 8000, 8002)[0, -3:], [1, 0, 0])
    assert resample(ones, 8000, 44100, 1234).shape == (1, 1234)
    assert resample(resample(ones, 8000, 44100), 44100, 8000, 8000).shape == (1, 8000)
    # 44101 samples make 8000.2: the last output sample lies at the last input sample, where the step to 0 is half down.
    assert resample(np.ones((1, 44101), np.float32), 44100, 8000)[0, -1] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("from_rate, to_rate", [(44100, 48000), (48000, 44100), (44100, 8000), (6001, 44100), (8, 8)])
def test_a_stream_is_resampled_to_the_same_samples(from_rate, to_rate):
    for samples in (1, 2, 20_011):
        audio = np.random.default_rng(0).standard_normal((2, 3, samples)).astype(np.float32)
        blocks = [audio[..., start:start + 997] for start in range(0, samples, 997)]
        for wanted in (None, 1, samples // 2 + 1, 6 * samples):
            pieces = list(resample_stream(iter(blocks), from_rate, to_rate, wanted))
            assert all(piece.shape[-1] for piece in pieces)
            np.testing.assert_array_equal(np.concatenate(pieces, axis=-1), resample(audio, from_rate, to_rate, wanted))
    assert list(resample_stream([], 8000, 44100)) == []


def test_channels():
    stereo = np.array([[1, 2], [3, 6]], np.float32)
    np.testing.assert_array_equal(to_channels(stereo, 1), [[2, 4]])
    np.testing.assert_array_equal(to_channels(stereo[:1], 2), [[1, 2], [1, 2]])
    np.testing.assert_array_equal(to_channels(stereo, 2), stereo)
    with pytest.raises(InputError, match="cannot make 2 channels of 6"):
        to_channels(np.zeros((6, 3)), 2)


@pytest.mark.parametrize("subtype, step", [("PCM_16", 2**-15), ("PCM_24", 2**-23)])
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_quantised_audio_comes_back_exactly(tmp_path, subtype, step, suffix):
    audio = np.random.default_rng(0).uniform(-1.1, 1.1, (2, 5000)).astype(np.float32)
    quantised, clipped = quantise(audio, subtype)
    inside = (audio >= -1) & (audio <= 1 - step)
    assert np.abs(quantised - audio)[inside].max() <= step / 2
    assert clipped == pytest.approx(np.count_nonzero(~inside), abs=1)
    assert set(quantised[~inside]) == {-1, np.float32(1 - step)}
    write(tmp_path / f"a{suffix}", audio, 44100, subtype)
    assert soundfile.info(tmp_path / f"a{suffix}").subtype == subtype
    np.testing.assert_array_equal(read(tmp_path / f"a{suffix}")[0], quantised)


def test_quantising_counts_what_it_clips():
    quantised, clipped = quantise(np.array([1.0, 1 - 2**-15, -1.0, -1.5, 0.3 * 2**-15], np.float32), "PCM_16")
    np.testing.assert_array_equal(quantised, np.array([1 - 2**-15, 1 - 2**-15, -1, -1, 0], np.float32))
    assert clipped == 2
    assert quantise(np.array([7.5]), "FLOAT") == (7.5, 0)


def test_float_files_hold_every_bit(tmp_path):
    audio = 3 * np.random.default_rng(0).standard_normal((2, 1000)).astype(np.float32)
    write(tmp_path / "new" / "a.wav", audio, 44100)
    assert probe(tmp_path / "new" / "a.wav") == (44100, 2, 1000)
    np.testing.assert_array_equal(read(tmp_path / "new" / "a.wav")[0], audio)


def test_what_cannot_be_written_leaves_no_file(tmp_path):
    audio = np.zeros((1, 10))
    for name, subtype, words in [("a.mp3", "FLOAT", "suffix '.mp3'; known: .wav, .flac"),
                                 ("a.flac", "FLOAT", "subtype 'FLOAT' to .flac"),
                                 ("a.wav", "PCM_61", "did you mean 'PCM_16'")]:
        with pytest.raises(InputError, match=words):
            write(tmp_path / name, audio, 44100, subtype)
    with pytest.raises(InputError, match="2 of 10 values are NaN or infinite"):
        write(tmp_path / "a.wav", np.array([[0, np.nan, np.inf, *[0] * 7]]), 44100)
    assert list(tmp_path.iterdir()) == []


def test_a_wav_too_large_for_its_header_is_an_rf64(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "WAV_BYTES", 1000)
    audio = np.linspace(-1, 1, 500, dtype=np.float32)[None]
    write(tmp_path / "a.wav", audio, 44100)
    assert soundfile.info(tmp_path / "a.wav").format == "RF64"
    np.testing.assert_array_equal(read(tmp_path / "a.wav")[0], audio)


# ffmpeg

needs_ffmpeg = pytest.mark.skipif(not ffmpeg.is_installed(), reason="ffmpeg and ffprobe are not on the PATH")


def convert(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def foreign(files, tmp_path_factory):
    """What libsndfile does not read: an exact codec, a lossy one, and a mixture with stems."""
    folder = tmp_path_factory.mktemp("foreign")
    convert("-i", files / "stereo.wav", "-c:a", "alac", folder / "alac.m4a")
    convert("-i", files / "stereo.wav", "-c:a", "aac", folder / "aac.m4a")
    convert("-i", files / "stereo.wav", "-i", files / "stereo.flac", "-map", "0", "-map", "1", "-c:a", "alac",
            folder / "song.stem.mp4")
    return folder


@needs_ffmpeg
def test_ffmpeg_reads_what_libsndfile_does_not(files, foreign):
    whole = read(files / "stereo.wav")[0]
    assert probe(foreign / "alac.m4a") == (44100, 2, whole.shape[1])
    np.testing.assert_array_equal(read(foreign / "alac.m4a")[0], whole)
    np.testing.assert_array_equal(read(foreign / "alac.m4a", 100_000, 5000)[0], whole[:, 100_000:105_000])
    blocks = list(read_blocks(foreign / "alac.m4a", 1000, 200_000))
    assert len(blocks) > 2
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), whole[:, 1000:201_000])
    lossy, rate = read(foreign / "aac.m4a")
    assert lossy.shape == (2, probe(foreign / "aac.m4a").samples) and rate == 44100


@needs_ffmpeg
def test_a_stem_file_holds_several_streams(files, foreign):
    path = foreign / "song.stem.mp4"
    np.testing.assert_array_equal(read(path)[0], read(files / "stereo.wav")[0])
    np.testing.assert_allclose(read(path, stream=1)[0], read(files / "stereo.flac")[0], rtol=0, atol=2.0**-15)
    with pytest.raises(InputError, match="song.stem.mp4: holds 2 streams of audio, number 2 is wanted"):
        probe(path, stream=2)
    with pytest.raises(InputError, match="stereo.wav: holds one stream of audio, number 1 is wanted"):
        probe(files / "stereo.wav", stream=1)


@needs_ffmpeg
def test_damage_that_ffmpeg_passes_over_is_found(files, foreign, tmp_path):
    # The index comes first: what is left still opens.
    convert("-i", foreign / "aac.m4a", "-c", "copy", "-movflags", "faststart", tmp_path / "whole.m4a")
    with pytest.raises(InputError, match="cut.m4a: damaged, it cannot be decoded to its end .ffmpeg: "):
        probe(cut(tmp_path / "cut.m4a", tmp_path / "whole.m4a", 0.7))
    with pytest.raises(InputError, match="cut.mp4: no audio file that can be read .ffmpeg: "):
        probe(cut(tmp_path / "cut.mp4", foreign / "alac.m4a", 0.7))


@needs_ffmpeg
def test_without_ffmpeg_its_files_are_refused(foreign, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for function in (probe, read, lambda path: list(read_blocks(path))):
        with pytest.raises(InputError, match="alac.m4a: no audio file that can be read .*ffmpeg and ffprobe on the"):
            function(foreign / "alac.m4a")
