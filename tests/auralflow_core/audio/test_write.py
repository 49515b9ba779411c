import numpy as np
import pytest
import soundfile

from auralflow_core.audio import encode as encoding
from auralflow_core.audio import probe, quantize, read, write
from auralflow_core.errors import InputError


@pytest.mark.parametrize("subtype, step", [("PCM_16", 2**-15), ("PCM_24", 2**-23)])
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_quantised_audio_comes_back_exactly(tmp_path, subtype, step, suffix):
    audio = np.random.default_rng(0).uniform(-1.1, 1.1, (2, 5000)).astype(np.float32)
    quantized, clipped = quantize(audio, subtype)
    inside = (audio >= -1) & (audio <= 1 - step)
    assert np.abs(quantized - audio)[inside].max() <= step / 2
    assert clipped == pytest.approx(np.count_nonzero(~inside), abs=1)
    assert set(quantized[~inside]) == {-1, np.float32(1 - step)}
    write(tmp_path / f"a{suffix}", audio, 44100, subtype)
    assert soundfile.info(tmp_path / f"a{suffix}").subtype == subtype
    np.testing.assert_array_equal(read(tmp_path / f"a{suffix}")[0], quantized)


def test_quantising_counts_what_it_clips():
    quantized, clipped = quantize(np.array([1.0, 1 - 2**-15, -1.0, -1.5, 0.3 * 2**-15], np.float32), "PCM_16")
    np.testing.assert_array_equal(quantized, np.array([1 - 2**-15, 1 - 2**-15, -1, -1, 0], np.float32))
    assert clipped == 2
    assert quantize(np.array([7.5]), "FLOAT") == (7.5, 0)


def test_float_files_hold_every_bit(tmp_path):
    audio = 3 * np.random.default_rng(0).standard_normal((2, 1000)).astype(np.float32)
    write(tmp_path / "new" / "a.wav", audio, 44100)
    assert probe(tmp_path / "new" / "a.wav") == (44100, 2, 1000)
    np.testing.assert_array_equal(read(tmp_path / "new" / "a.wav")[0], audio)


def test_what_cannot_be_written_leaves_no_file(tmp_path):
    audio = np.zeros((1, 10))
    for name, subtype, words in [
        ("a.mp3", "FLOAT", "suffix '.mp3'; known: .wav, .flac"),
        ("a.flac", "FLOAT", "subtype 'FLOAT' to .flac"),
        ("a.wav", "PCM_61", "did you mean 'PCM_16'"),
    ]:
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


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        (np.zeros((2, 100), np.int16), "got int16 of shape .*audio / 32768"),
        (np.zeros(100), r"audio must be floating point, \(channels, samples\), got float64 of shape \(100,\)"),
        (np.zeros((44100, 2)), "44100 channels of 2 samples, .*transpose it"),
    ],
)
def test_what_is_no_audio_is_not_written(tmp_path, audio, words):
    with pytest.raises(InputError, match=words):
        write(tmp_path / "a.wav", audio, 44100)
    assert list(tmp_path.iterdir()) == []
