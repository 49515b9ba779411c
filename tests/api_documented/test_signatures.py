"""The documented classes and functions: their names, arguments and defaults."""

import inspect

import pytest
from torch import nn
from torch.utils.data import Dataset, IterableDataset

from auralflow import datasets, losses, models
from auralflow.utils.data_utils import AudioTransform

NEEDED = inspect.Parameter.empty
NETWORK = {
    "num_fft_bins": NEEDED,
    "num_frames": NEEDED,
    "num_channels": 1,
    "hidden_channels": 16,
    "mask_act_fn": "sigmoid",
    "leak_factor": 0,
    "dropout_p": 0.5,
    "normalize_input": False,
    "normalize_output": False,
    "device": None,
}
SIGNATURES = [
    (models.SpectrogramMaskModel, {"configuration": NEEDED}),
    (models.SpectrogramNetSimple, NETWORK),
    (
        datasets.AudioFolder,
        {
            "dataset_path": NEEDED,
            "targets": None,
            "sample_length": 3,
            "subset": "train",
            "audio_format": None,  # documented as wav; all formats are found
            "sample_rate": 44100,
            "num_channels": 1,
            "backend": "soundfile",
        },
    ),
    (
        datasets.AudioDataset,
        {"dataset": NEEDED, "targets": NEEDED, "chunk_size": 1, "num_chunks": 1_000_000, "sample_rate": 44100},
    ),
    (
        datasets.create_audio_dataset,
        {
            "dataset_path": NEEDED,
            "targets": NEEDED,
            "split": "train",
            "chunk_size": 1,
            "num_chunks": 1_000_000,
            "max_num_tracks": None,
            "sample_rate": 44100,
            "mono": True,
        },
    ),
    (
        losses.component_loss,
        {
            "filtered_src": NEEDED,
            "target_src": NEEDED,
            "filtered_res": NEEDED,
            "target_res": NEEDED,
            "alpha": 0.2,
            "beta": 0.8,
            "n_components": 2,
        },
    ),
    (losses.kl_div_loss, {"mu": NEEDED, "sigma": NEEDED}),
    (losses.KLDivergenceLoss, {"model": NEEDED, "loss_fn": "l1"}),
    (
        AudioTransform,
        {"num_fft": NEEDED, "hop_length": NEEDED, "window_size": NEEDED, "sample_rate": 44100, "device": "cpu"},
    ),
    (AudioTransform.to_spectrogram, {"self": NEEDED, "audio": NEEDED, "use_padding": True}),
    (AudioTransform.to_audio, {"self": NEEDED, "complex_spec": NEEDED}),
    (AudioTransform.to_mel_scale, {"self": NEEDED, "spectrogram": NEEDED, "to_db": True}),
    (AudioTransform.audio_to_mel, {"self": NEEDED, "audio": NEEDED, "to_db": True}),
    (AudioTransform.pad_audio, {"self": NEEDED, "audio": NEEDED}),
]


@pytest.mark.parametrize(("function", "documented"), SIGNATURES, ids=lambda value: getattr(value, "__qualname__", ""))
def test_arguments_come_in_the_documented_order(function, documented):
    """Others follow them, and have a default or are keywords of any name."""
    parameters = inspect.signature(function).parameters
    assert list(parameters)[: len(documented)] == list(documented)
    for name, parameter in parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        assert parameter.default == documented[name] if name in documented else parameter.default is not NEEDED, name


def test_the_arguments_of_networks_that_extend_others():
    recurrent = inspect.signature(models.SpectrogramNetLSTM).parameters
    assert [recurrent[name].default for name in ("recurrent_depth", "hidden_size", "input_axis")] == [3, 1024, 0]
    for network in (models.SpectrogramNetLSTM, models.SpectrogramNetVAE):
        kinds = [parameter.kind for parameter in inspect.signature(network).parameters.values()]
        assert kinds[0] is inspect.Parameter.VAR_POSITIONAL and kinds[-1] is inspect.Parameter.VAR_KEYWORD
    assert list(inspect.signature(losses.WeightedComponentLoss).parameters)[:4] == [
        "model",
        "alpha",
        "beta",
        "regularizer",
    ]
    assert inspect.signature(losses.WeightedComponentLoss).parameters["regularizer"].default is True


def test_what_extends_what():
    assert issubclass(models.SpectrogramMaskModel, models.SeparationModel)
    assert issubclass(models.SeparationModel, nn.Module) and inspect.isabstract(models.SeparationModel)
    assert issubclass(models.SpectrogramNetVAE, models.SpectrogramNetLSTM)
    assert issubclass(models.SpectrogramNetLSTM, models.SpectrogramNetSimple)
    assert issubclass(models.SpectrogramNetSimple, nn.Module)
    assert issubclass(datasets.AudioFolder, IterableDataset) and issubclass(datasets.AudioDataset, Dataset)
    assert issubclass(losses.WeightedComponentLoss, nn.Module) and issubclass(losses.KLDivergenceLoss, nn.Module)


def test_the_names_are_those_of_the_torch_package():
    import auralflow
    import auralflow_torch.models
    import auralflow_torch.train.trainer
    import auralflow_torch.visualizer

    assert auralflow.models.SpectrogramNetSimple is auralflow_torch.models.SpectrogramNetSimple
    assert auralflow.trainer.ModelTrainer is auralflow_torch.train.trainer.ModelTrainer
    assert auralflow.visualizer.spec_show_diff is auralflow_torch.visualizer.spec_show_diff
