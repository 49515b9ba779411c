"""The audio that is left of damaged files, and damage that only one of the readers minds."""

import numpy as np
import soundfile
from lengths import needs_ffmpeg
from signals import cut, sweep

from auralflow_core.audio import find_damage, probe, read

RATE = 8000


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
