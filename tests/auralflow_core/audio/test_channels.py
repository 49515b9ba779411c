"""Channels keep their places, in reading and writing; ffmpeg tells where they are."""

import subprocess

import numpy as np
import pytest

from auralflow_core.audio import channel_mask, ffmpeg, read
from auralflow_core.audio.channels import apple_layout
from auralflow_core.audio.encode import Encoding, writing
from auralflow_core.errors import InputError

needs_ffmpeg = pytest.mark.skipif(not ffmpeg.is_installed(), reason="ffmpeg and ffprobe are not on the PATH")
RATE = 48000
# Masks of Microsoft's "Multiple channel audio data and WAVE files", by ffmpeg's names.
MASKS = {"2.1": 0xB, "3.0": 0x7, "quad": 0x33, "5.0": 0x37, "5.1": 0x3F, "5.1(side)": 0x60F, "6.1": 0x70F, "7.1": 0x63F}


def tones(channels):
    """A tone that is louder in every channel than in the one before it, low enough for one of low frequencies."""
    time = np.arange(RATE) / RATE
    return (np.arange(1, channels + 1)[:, None] * 0.08 * np.sin(2 * np.pi * 60 * time)).astype(np.float32)


def levels(audio):
    """Amplitude of the tone in each channel, in units of the first one's, away from both ends."""
    inside = audio[:, RATE // 4 : -RATE // 4]
    return np.sqrt(2 * np.mean(inside**2, axis=1)) / 0.08


def write(path, encoding, mask):
    audio = tones(mask.bit_count())
    with writing([path], encoding, RATE, *audio.shape, mask=mask) as [writer]:
        writer.write(audio)
    return path


def run(*arguments):
    return subprocess.run([str(part) for part in arguments], check=True, capture_output=True).stdout


def layout_by_ffprobe(path):
    entries = ("-show_entries", "stream=channel_layout", "-of", "csv=p=0")
    return run("ffprobe", "-v", "error", *entries, path).decode().strip()


def levels_by_ffmpeg(path):
    raw = run("ffmpeg", "-v", "error", "-nostdin", "-i", path, "-f", "f32le", "-c:a", "pcm_f32le", "-")
    channels = MASKS[layout_by_ffprobe(path)].bit_count()
    return levels(np.frombuffer(raw, "<f4").reshape(-1, channels).T)


@needs_ffmpeg
@pytest.mark.parametrize("encoding", [Encoding(), Encoding("wav", 16), Encoding("flac")], ids=["float", "16", "flac"])
@pytest.mark.parametrize("layout", MASKS)
def test_files_with_more_than_two_channels_carry_their_mask(tmp_path, layout, encoding):
    path = write(tmp_path / f"a.{encoding.format}", encoding, MASKS[layout])
    assert layout_by_ffprobe(path) == layout
    assert channel_mask(path) == MASKS[layout]
    expected = np.arange(1, MASKS[layout].bit_count() + 1)
    np.testing.assert_allclose(levels(read(path)[0]), expected, atol=0.01)
    np.testing.assert_allclose(levels_by_ffmpeg(path), expected, atol=0.01)


@needs_ffmpeg
@pytest.mark.parametrize("layout", ["3.0", "quad", "5.0", "5.1", "6.1", "7.1"])
def test_an_ogg_has_its_channels_in_the_order_of_vorbis(tmp_path, layout):
    path = write(tmp_path / "a.ogg", Encoding("ogg"), MASKS[layout])
    expected = list(range(MASKS[layout].bit_count()))  # a lossy file may change levels, by less than their distance
    assert np.argsort(levels(read(path)[0])).tolist() == expected
    assert np.argsort(levels_by_ffmpeg(path)).tolist() == expected
    assert layout_by_ffprobe(path) == layout


def test_a_layout_that_ogg_lacks_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"a.ogg: ogg holds 3 channels at the places FL\+FR\+FC, not FL\+FR\+LFE"):
        write(tmp_path / "a.ogg", Encoding("ogg"), MASKS["2.1"])
    write(tmp_path / "side.ogg", Encoding("ogg"), MASKS["5.1(side)"])  # Vorbis calls the same two channels rear
    assert [path.name for path in tmp_path.iterdir()] == ["side.ogg"]


@needs_ffmpeg
@pytest.mark.parametrize("layout", ["5.1", "7.1"])
@pytest.mark.parametrize(
    "suffix, options",
    [
        ("ogg", ("-c:a", "libvorbis", "-b:a", "500k")),
        ("opus", ("-b:a", "500k")),
        ("webm", ("-c:a", "libopus", "-b:a", "500k")),
        ("flac", ()),
        ("wv", ()),
        ("mka", ("-c:a", "flac")),
        ("wav", ()),
        ("w64", ()),
        ("caf", ()),
        ("aiff", ()),
        ("m4a", ("-c:a", "aac", "-b:a", "500k")),
        ("alac.m4a", ("-c:a", "alac")),
    ],
)
def test_every_container_is_read_in_wave_order(tmp_path, suffix, options, layout):
    if (suffix, layout) == ("alac.m4a", "7.1"):
        pytest.skip("ALAC has other places for 7.1")
    source, path = write(tmp_path / "source.wav", Encoding(), MASKS[layout]), tmp_path / f"a.{suffix}"
    run("ffmpeg", "-v", "error", "-nostdin", "-i", source, *options, path)
    audio, mask = read(path)[0], channel_mask(path)
    # AIFF and CAF speak of surround channels, which ffmpeg takes for those of the back or of the sides.
    assert mask.bit_count() in (0, len(audio))
    assert np.argsort(levels(audio)).tolist() == list(range(MASKS[layout].bit_count()))


@pytest.mark.parametrize(
    "tag, channels, mask, order",
    [
        (121, 6, 0x3F, ()),  # L R C LFE Ls Rs
        (122, 6, 0x3F, (0, 1, 4, 5, 2, 3)),  # L R Ls Rs C LFE
        (124, 6, 0x3F, (1, 2, 0, 5, 3, 4)),  # C L R Ls Rs LFE
        (128, 8, 0x63F, ()),  # L R C LFE and four surround channels
        (121, 5, 0, ()),  # another number of channels
        (999, 6, 0, ()),
    ],
)
def test_layouts_of_apple(tag, channels, mask, order):
    assert apple_layout((tag << 16 | channels).to_bytes(4, "big") + bytes(8), channels) == (mask, order)


def test_layouts_of_apple_by_their_labels_and_by_a_bitmap():
    labels = (3, 1, 2, 4)  # C L R LFE
    body = bytes(8) + (4).to_bytes(4, "big") + b"".join(label.to_bytes(4, "big") + bytes(16) for label in labels)
    assert apple_layout(body, 4) == (0xF, (1, 2, 0, 3))
    assert apple_layout((1 << 16).to_bytes(4, "big") + (0x33).to_bytes(4, "big") + bytes(4), 4) == (0x33, ())


@needs_ffmpeg
def test_a_caf_with_another_order_is_brought_into_wave_order(tmp_path):
    source, path = write(tmp_path / "source.wav", Encoding("wav", 16), MASKS["5.1"]), tmp_path / "a.caf"
    run("ffmpeg", "-v", "error", "-nostdin", "-i", source, path)
    data = path.read_bytes()
    place = data.index(b"chan") + 12
    path.write_bytes(data[:place] + (124 << 16 | 6).to_bytes(4, "big") + data[place + 4 :])  # C L R Ls Rs LFE
    np.testing.assert_allclose(levels(read(path)[0]), [2, 3, 1, 6, 4, 5], atol=0.01)
    assert channel_mask(path) == MASKS["5.1"]
