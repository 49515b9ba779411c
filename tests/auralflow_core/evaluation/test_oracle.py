import librosa
import numpy as np
import pytest

from auralflow_core.evaluation import oracle as ideal
from auralflow_core.evaluation.oracle import ideal_mask


def noise(*shape, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def song(samples):
    """A mixture of three sources, and the first two."""
    vocals, drums = np.cumsum(noise(2, samples), axis=1) / 20, np.diff(noise(2, samples + 1, seed=1))
    references = {"vocals": vocals, "drums": drums}
    return references["vocals"] + references["drums"] + noise(2, samples, seed=2), references


def test_the_ideal_mask_is_the_ratio_of_magnitudes_by_librosas_transform():
    mixture, references = song(20_000)
    sizes = {"n_fft": 1024, "hop_length": 300}
    mixed = librosa.stft(mixture, **sizes)
    # librosa centres its frames on multiples of the hop; zeros in front bring ours, which start 1024 before the
    # first sample, to the same places: 1024 + 388 - 512 is a multiple of 300.
    front = ((0, 0), (388, 0))
    later = {name: np.pad(reference, front) for name, reference in references.items()}
    shifted = ideal_mask(np.pad(mixture, front), later, 1024, 300)
    for name, reference in references.items():
        target, rest = (np.abs(librosa.stft(audio, **sizes)) for audio in (reference, mixture - reference))
        expected = librosa.istft(mixed * target / (target + rest), n_fft=1024, hop_length=300, length=20_000)
        assert shifted[name].shape == (2, 20_388) and shifted[name].dtype == mixture.dtype
        np.testing.assert_allclose(shifted[name][:, 1412:-1024], expected[:, 1024:-1024], atol=1e-5)


def test_the_ideal_masks_of_all_parts_add_up_to_the_mixture_when_there_are_two():
    mixture, references = song(5000)
    parts = ideal_mask(mixture, {"vocals": references["vocals"], "rest": mixture - references["vocals"]})
    np.testing.assert_allclose(parts["vocals"] + parts["rest"], mixture, atol=1e-6)
    assert not np.isnan(ideal_mask(np.zeros((1, 100)), {"vocals": np.zeros((1, 100))})["vocals"]).any()


@pytest.mark.parametrize(
    ("samples", "num_fft", "hop"), [(1, 64, 48), (1000, 64, 48), (7000, 512, 100), (20_000, 128, 64)]
)
def test_blocks_make_no_difference(samples, num_fft, hop, monkeypatch):
    mixture, references = song(samples)
    expected = ideal_mask(mixture, references, num_fft, hop)
    for frames in (1, 7, 1000):
        monkeypatch.setattr(ideal, "FRAMES", frames)
        for name, audio in ideal_mask(mixture, references, num_fft, hop).items():
            np.testing.assert_allclose(audio, expected[name], atol=1e-6)
