import numpy as np
import pytest
import soundfile

from auralflow_core.audio.encode import MP3_BITRATES, Encoding, writing
from auralflow_core.errors import InputError


def encode(path, encoding, audio, rate=44100):
    with writing([path], encoding, rate, *audio.shape) as [writer]:
        for start in range(0, audio.shape[1], 10_000):
            writer.write(audio[:, start : start + 10_000])
    return path


def noise(channels, samples, size=0.1):
    return size * np.random.default_rng(0).standard_normal((channels, samples)).astype(np.float32)


@pytest.mark.parametrize("rate", MP3_BITRATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_mp3s_have_their_bitrate_and_their_length_to_the_sample(tmp_path, rate, channels):
    audio = noise(channels, 2 * rate + 5)
    for bitrate in (None, *MP3_BITRATES[rate][::3]):
        path = encode(tmp_path / "a.mp3", Encoding("mp3", bitrate=bitrate), audio, rate)
        info = soundfile.info(path)
        assert (info.frames, info.samplerate, info.channels) == (2 * rate + 5, rate, channels)
        size = 8 * path.stat().st_size / 1000 / info.duration
        assert size == pytest.approx(bitrate or MP3_BITRATES[rate][-1], rel=0.15)  # and its header


@pytest.mark.parametrize("rate", MP3_BITRATES)
def test_mp3s_are_as_loud_as_what_was_written(tmp_path, rate):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate, dtype=np.float32)[None]
    inside = slice(rate // 4, -rate // 4)
    for bitrate in (None, *MP3_BITRATES[rate]):
        back = soundfile.read(encode(tmp_path / "a.mp3", Encoding("mp3", bitrate=bitrate), tone, rate))[0][inside]
        assert back @ tone[0, inside] / (tone[0, inside] @ tone[0, inside]) == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("bitrate, nominal", [(None, 256), (64, 64), (192, 192), (500, 500)])
def test_oggs_name_their_bitrate(tmp_path, bitrate, nominal):
    data = encode(tmp_path / "a.ogg", Encoding("ogg", bitrate=bitrate), noise(2, 44100)).read_bytes()
    # The identification header: 1, "vorbis", version, channels, rate, then the highest and the nominal bit rate.
    place = data.index(b"\x01vorbis") + 7 + 4 + 1 + 4 + 4
    assert int.from_bytes(data[place : place + 4], "little") == pytest.approx(1000 * nominal, rel=0.001)
    assert soundfile.info(tmp_path / "a.ogg").frames == 44100


@pytest.mark.parametrize("container", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("samples", [1, 2, 1152, 10_001])
def test_short_files_keep_their_length(tmp_path, container, samples):
    path = encode(tmp_path / f"a.{container}", Encoding(container), noise(1, samples))
    assert soundfile.info(path).frames == samples


def test_what_a_file_holds():
    audio = np.array([0.3, 1.5, -2.0], np.float32)
    for encoding, expected, clipped in (
        (Encoding(), audio, 0),
        (Encoding(clip="clamp"), [0.3, 1, -1], 2),
        (Encoding("ogg"), [0.3, 1, -1], 2),
        (Encoding("mp3", clip="none"), audio, 0),
        (Encoding("flac", 16), [9830 / 32768, 1 - 2**-15, -1], 2),
    ):
        held, count = encoding.quantize_for_file(audio)
        np.testing.assert_array_equal(held, np.asarray(expected, np.float32))
        assert count == clipped


def test_defaults():
    assert (Encoding().bits, Encoding().clip) == (32, "none")
    assert (Encoding("flac").bits, Encoding("flac").clip) == (24, "clamp")
    assert (Encoding("mp3").bits, Encoding("mp3").clip) == (None, "clamp")


@pytest.mark.parametrize(
    "options, words",
    [
        ({"format": "wave"}, "unknown format 'wave'; did you mean 'wav'"),
        ({"bits": 20}, "wav has no 20 bits"),
        ({"format": "flac", "bits": 32}, "flac has no 32 bits; expected 16 or 24"),
        ({"format": "flac", "bitrate": 320}, "flac takes no bitrate, got 320; mp3 and ogg do"),
        ({"format": "mp3", "bitrate": 100}, "mp3 has no bitrate of 100 kbit/s; expected 32, 40"),
        ({"format": "ogg", "bitrate": 30}, "ogg has no bitrate of 30 kbit/s; expected 64 to 500"),
        ({"clip": "clmap"}, "unknown clip 'clmap'; did you mean 'clamp'"),
        ({"bits": 16, "clip": "none"}, "clip 'none': 16 bits hold nothing beyond full scale"),
    ],
)
def test_what_does_not_go_together_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        Encoding(**options)


@pytest.mark.parametrize(
    "encoding, rate, channels, words",
    [
        (Encoding("mp3"), 44101, 1, "a.mp3: mp3 has no sample rate of 44101 Hz"),
        (Encoding("mp3", bitrate=320), 22050, 1, "mp3 has no bitrate of 320 kbit/s at 22050 Hz; expected 64, 80"),
        (Encoding("mp3"), 44100, 3, "mp3 holds at most 2 channels, not 3"),
        (Encoding("flac"), 44100, 9, "flac holds at most 8 channels, not 9"),
        (Encoding("flac"), 65536, 1, "flac has no sample rate of 65536 Hz, above 65535 Hz only multiples of 10"),
        (Encoding("ogg"), 8000, 256, "ogg holds at most 255 channels, not 256"),
        (Encoding("ogg"), 200_001, 1, "a.ogg: ogg holds at most 200000 Hz, not 200001"),
        (Encoding("wav"), 44100, 2000, "a.wav: 2000 channels at 44100 Hz cannot be written as wav"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, encoding, rate, channels, words):
    with pytest.raises(InputError, match=words):
        encode(tmp_path / f"a.{encoding.format}", encoding, noise(channels, 100), rate)
    assert list(tmp_path.iterdir()) == []


def test_files_that_belong_together_appear_together(tmp_path):
    paths = [tmp_path / "new" / name for name in ("a.wav", "b.wav")]
    with writing(paths, Encoding(), 8000, 1, 10) as (one, other):
        one.write(np.zeros((1, 10))), other.write(np.ones((1, 10)))
        assert not any(path.exists() for path in paths)
    assert soundfile.read(paths[1])[0].tolist() == [1] * 10
    with pytest.raises(InputError, match="1 of 10 values are NaN or infinite"):
        with writing(paths, Encoding(), 8000, 1, 10) as (one, other):
            one.write(np.full((1, 10), 0.5)), other.write(np.array([[np.nan, *[0] * 9]]))
    with pytest.raises(OSError, match="a.wav: cannot be written, the disk may be full .9 of 10 samples were written"):
        with writing(paths, Encoding(), 8000, 1, 10) as (one, other):
            one.write(np.zeros((1, 9))), other.write(np.zeros((1, 10)))
    assert soundfile.read(paths[0])[0].tolist() == [0] * 10 and len(list(paths[0].parent.iterdir())) == 2
