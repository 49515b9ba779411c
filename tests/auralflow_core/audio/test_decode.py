import numpy as np
import pytest
import soundfile
from signals import FORMATS, sweep

from auralflow_core.audio import decode as decoding
from auralflow_core.audio import is_audio, probe, read, read_blocks
from auralflow_core.errors import InputError


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
        np.testing.assert_allclose(crop, whole.T[:, start : start + 1500], rtol=0, atol=2e-7, err_msg=f"at {start}")


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
        np.testing.assert_allclose(read(tmp_path / "a.mp3", start, 500)[0][0], whole[start : start + 500], atol=2e-7)


def test_a_crop_of_the_last_ogg_page(tmp_path):
    # Silence takes few bytes, so that the last page begins seconds before the end.
    audio = sweep(22050, 1, 20)
    audio[5 * 22050 : -5000] = 0
    soundfile.write(tmp_path / "a.ogg", audio, 22050)
    whole = soundfile.read(tmp_path / "a.ogg", dtype="float32")[0]
    for start in range(len(whole) - 6000, len(whole) - 500, 500):
        np.testing.assert_allclose(read(tmp_path / "a.ogg", start, 500)[0][0], whole[start : start + 500], atol=2e-7)


def test_suffixes():
    assert is_audio("a/b.WAV") and is_audio("b.flac") and not is_audio("b.txt") and not is_audio("wav")


def test_a_crop_ends_with_the_file_and_starts_in_it(files):
    assert read(files / "float.wav", 287990, 100)[0].shape == (1, 10)
    with pytest.raises(InputError, match="cannot be read from sample 288000, it has 288000 samples"):
        read(files / "float.wav", 288000)
