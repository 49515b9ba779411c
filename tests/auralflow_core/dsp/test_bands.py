"""Bands of bins, against librosa's filters and the published tables."""

import warnings

import librosa
import numpy as np
import pytest

from auralflow_core.config import BSRoformer, MelBandRoformer, from_dict, from_keywords
from auralflow_core.dsp.bands import mel_bands, published_bands, runs, split_bands
from auralflow_core.dsp.positions import angles, frequencies
from auralflow_core.errors import InputError


@pytest.mark.parametrize("sample_rate", [8000, 22050, 44100, 48000])
@pytest.mark.parametrize("num_fft", [1024, 2048, 4096])
@pytest.mark.parametrize("num_bands", [4, 32, 60, 64, 90])
def test_mel_bands_are_where_librosas_filters_are(sample_rate, num_fft, num_bands):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of empty filters
        inside = librosa.filters.mel(sr=sample_rate, n_fft=num_fft, n_mels=num_bands) > 0
    inside[0, 0] = inside[-1, -1] = True
    if not inside.any(1).all():
        with pytest.raises(ValueError, match="leaves band .* without a bin"):
            mel_bands(sample_rate, num_fft, num_bands)
        return
    table = mel_bands(sample_rate, num_fft, num_bands)
    assert table.widths == tuple(inside.sum(1))
    for bins, row in zip(np.split(table.bins, np.cumsum(table.widths)[:-1]), inside, strict=True):
        np.testing.assert_array_equal(bins, np.flatnonzero(row))
    np.testing.assert_array_equal(table.counts, inside.sum(0))


def test_the_published_mel_bands():
    table = mel_bands(44100, 2048, 60)
    assert table.widths[:19] == (7, *[6] * 14, 7, 7, 7, 9) and table.widths[-4:] == (105, 113, 122, 130)
    assert len(table.bins) == 1979 and np.bincount(table.counts).tolist() == [0, 71, 954]


def test_the_published_bands_scale_with_the_transform():
    assert sum(published_bands(2048)) == 1025 and len(published_bands(2048)) == 62
    assert published_bands(4096) == (*(2 * width for width in published_bands(2048)[:-1]), 257)
    for num_fft in range(2, 3000, 26):
        widths = published_bands(num_fft)
        assert sum(widths) == num_fft // 2 + 1 and min(widths) > 0


def test_runs_cover_all_bands():
    widths = [3, 3, 1, 2, 2, 2, 3]
    assert [width for run in runs(widths) for width in [run.width] * run.bands] == widths
    assert [run.entries for run in runs(widths)] == [6, 1, 6, 3]
    assert split_bands(widths).counts.tolist() == [1] * 16


def test_angles():
    np.testing.assert_allclose(frequencies(3), [1, 10000 ** (-1 / 3), 10000 ** (-2 / 3)], rtol=1e-15)
    assert angles(2000, 4).dtype == np.float64 and angles(2000, 4)[1999].tolist() == pytest.approx(
        [1999, 199.9, 19.99, 1.999], rel=1e-14
    )


@pytest.mark.parametrize(
    ("struct", "settings", "words"),
    [
        (BSRoformer, {"bands": [2, 3]}, "bands covers 5 bins, num_fft .2048. has 1025"),
        (BSRoformer, {"bands": [0, 1025]}, "bands.0.: expected `int` >= 1, got 0"),
        (BSRoformer, {"num_bands": 60}, "unknown key .*num_bands; "),
        (BSRoformer, {"head_size": 5}, "head_size .5. must be even: rotary positions turn pairs"),
        (BSRoformer, {"num_fft": 1023, "window_size": 512}, "num_fft .1023. must be even"),
        (BSRoformer, {"hop_length": 2000}, "hop_length .2000. must not exceed three quarters"),
        (BSRoformer, {"positions": "learned"}, "positions: unknown value 'learned'; did you mean 'polar'"),
        (MelBandRoformer, {"num_bands": 500}, "num_bands .500. leaves band 3 without a bin; num_fft .2048. at 44100"),
        (MelBandRoformer, {"num_fft": 256, "window_size": 256, "hop_length": 64}, "leaves band . without a bin"),
        (MelBandRoformer, {"sample_rate": 10**6}, "leaves band . without a bin"),
    ],
)
def test_settings_without_a_table_are_refused(struct, settings, words):
    with pytest.raises(InputError, match=words):
        from_keywords(struct, settings)
    with pytest.raises(InputError, match=words):
        from_dict({"model": {"model_type": struct.__name__} | settings})


def test_polar_positions_take_an_odd_size():
    assert from_keywords(BSRoformer, {"head_size": 5, "positions": "polar"}).head_size == 5
