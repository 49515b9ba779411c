import librosa
import numpy as np
import pytest

from auralflow_core.dsp.mel import mel_filterbank
from auralflow_core.errors import InputError


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize(
    ("rate", "num_fft", "mels", "low", "high"),
    [(44100, 2048, 128, 0, None), (22050, 1024, 40, 60, 8000), (16000, 401, 23, 0, None)],
)
def test_filters_agree_with_librosa(scale, rate, num_fft, mels, low, high):
    for normalize in (True, False):
        filters = mel_filterbank(rate, num_fft, mels, low, high, scale, normalize)
        expected = librosa.filters.mel(
            sr=rate,
            n_fft=num_fft,
            n_mels=mels,
            fmin=low,
            fmax=high,
            htk=scale == "htk",
            norm="slaney" if normalize else None,
        )
        assert filters.dtype == np.float32
        np.testing.assert_allclose(filters, expected, atol=1e-6 * expected.max())


def test_an_unknown_scale_is_refused():
    with pytest.raises(InputError, match="'slaney' or 'htk', got 'bark'"):
        mel_filterbank(44100, 2048, scale="bark")
