"""The documented examples of datasets and transforms."""

import pytest
import torch
from torch.utils.data import DataLoader

from auralflow_core.errors import InputError


def test_a_dataset_of_chunks(dataset):
    from auralflow.datasets import create_audio_dataset

    train_dataset = create_audio_dataset(
        dataset_path=str(dataset),
        split="train",
        targets=["vocals"],
        chunk_size=3,
        num_chunks=1e5,
        max_num_tracks=80,
        sample_rate=44100,
        mono=True,
    )
    mix_audio, target_audio = next(iter(train_dataset))
    assert mix_audio.shape == (1, 132300) and target_audio.shape == (1, 132300, 1)
    assert len(train_dataset) == 100_000


def test_a_folder_that_crops_are_read_from(dataset):
    from auralflow.datasets import AudioFolder

    folder = AudioFolder(str(dataset), ["vocals", "drums"], 1, "train", "wav", 44100, 2, "soundfile")
    mixture, target = next(iter(DataLoader(folder, batch_size=2)))
    assert mixture.shape == (2, 2, 44100) and target.shape == (2, 2, 44100, 2)


def test_the_audio_transform():
    from auralflow.utils.data_utils import AudioTransform

    transform = AudioTransform(num_fft=1024, hop_length=768, window_size=1024, sample_rate=44100)
    mix_audio = torch.rand((16, 1, 88200)) - 0.5
    spectrogram = transform.to_spectrogram(mix_audio)
    mag_spec = torch.abs(spectrogram)
    assert spectrogram.is_complex() and mag_spec.shape == (16, 1, 513, 116)
    mel_spec = transform.to_mel_scale(mag_spec, to_db=True)
    assert mel_spec.shape == (16, 1, 128, 116)

    audio_signal = mix_audio.to("cuda" if torch.cuda.is_available() else "cpu")
    torch.testing.assert_close(transform.audio_to_mel(audio_signal, to_db=True).cpu(), mel_spec)

    padded = transform.pad_audio(mix_audio)
    assert padded.shape[-1] == 115 * 768 and torch.equal(padded[..., :88200], mix_audio)
    torch.testing.assert_close(transform.to_audio(spectrogram)[..., :88200], mix_audio, rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", [(16, 1024, 173, 1), (16, 88200, 1)])
def test_axes_in_another_order_are_refused(shape):
    from auralflow.utils.data_utils import AudioTransform

    with pytest.raises(InputError, match="samples"):
        AudioTransform(1024, 768, 1024).to_spectrogram(torch.rand(shape))
