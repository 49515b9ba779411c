"""Input that a model, a network, a transform or a criterion cannot take ends in one sentence that names it."""

import numpy as np
import pytest
import torch
from torch import fx, nn

from auralflow_core.errors import InputError
from auralflow_torch.losses import L1Loss, SISDRLoss
from auralflow_torch.metrics import si_sdr
from auralflow_torch.models import SpectrogramMaskModel
from auralflow_torch.networks import AudioNetVAE, SpectrogramNetLSTM, SpectrogramNetSimple
from auralflow_torch.transforms import AudioTransform


def test_complex_spectra_are_not_taken_for_magnitudes(model, audio):
    spectrum = model.to_spectrogram(audio)
    with pytest.raises(InputError, match=r"mixture_magnitude must be real .*complex64.* its abs\(\)"):
        model(spectrum)
    with pytest.raises(InputError, match="the network's input must be real"):
        model.network(spectrum[:, :, :29])


@pytest.mark.parametrize("shape", [(33, 26), (1, 33, 26), (2, 2, 33, 26)])
def test_magnitudes_of_another_shape(model, shape):
    with pytest.raises(InputError, match=r"\(batch, channels, bins, frames\) with 1 channel, got torch.float32"):
        model(torch.rand(shape))
    with pytest.raises(InputError, match="the network's input must be .* with 1 channel, got torch.float32"):
        model.network(torch.rand(shape))


@pytest.mark.parametrize("shape", [(600,), (1, 600), (2, 2, 600)])
def test_audio_of_another_shape(make_model, waveform_model, shape):
    for one in (make_model(), waveform_model):
        with pytest.raises(InputError, match=r"\(batch, channels, samples\) with 1 channel, got torch.float32"):
            one.estimate(torch.rand(shape))


def test_arrays_are_no_tensors(make_model, audio):
    model, array = make_model(), audio.numpy()
    transform = AudioTransform(64, 24, 64)
    calls = {
        "audio": (lambda: transform.to_spectrogram(array),),
        "mixture_audio": (lambda: L1Loss(model)(array, array),),
        "target_audio": (lambda: L1Loss(model)(audio, array),),
        "complex_spec": (lambda: transform.to_audio(np.zeros((33, 4), np.complex64)),),
        "spectrogram": (lambda: transform.to_mel_scale(np.zeros((33, 4), np.float32)),),
    }
    for name, functions in calls.items():
        for call in functions:
            with pytest.raises(InputError, match=f"^{name} is a numpy.ndarray, expected a torch.Tensor"):
                call()


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda x: torch.quantize_per_tensor(x, 0.01, 0, torch.qint8), "is quantized; its dequantize"),
        (lambda x: x.to_sparse(), r"has the layout sparse_coo; its to_dense\(\)"),
        (lambda x: torch.nested.nested_tensor(list(x)), "is a nested tensor, expected one of a single shape"),
    ],
)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors", "ignore:.*quantize_per_tensor")
def test_tensors_whose_numbers_do_not_lie_one_by_one(make_model, audio, make, words):
    odd, model = make(audio), make_model()
    for call in (model.separate, model.estimate, L1Loss(model), lambda x, y=None: si_sdr(x, x)):
        with pytest.raises(InputError, match=words):
            call(odd) if call in (model.separate, model.estimate) else call(odd, odd)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_fft_bins", 0),
        ("num_frames", -1),
        ("num_channels", 0),
        ("hidden_channels", 2.5),
        ("num_targets", 0),
        ("depth", 0),
        ("recurrent_depth", 0),
        ("hidden_size", "8"),
    ],
)
def test_networks_of_no_size(name, value):
    words = rf"{name}( is {value!r}, expected a whole number|: expected `int`.*, got {value!r}$)"
    with pytest.raises(InputError, match=words):
        SpectrogramNetLSTM(**{"num_fft_bins": 16, "num_frames": 8} | {name: value})
    if name in ("num_channels", "hidden_channels", "num_targets", "depth", "recurrent_depth", "hidden_size"):
        with pytest.raises(InputError, match=words):
            AudioNetVAE(**{name: value})


@pytest.mark.parametrize("setting", ["num_fft", "hop_length", "window_size", "sample_rate", "num_mels"])
def test_transforms_of_no_size(setting):
    with pytest.raises(InputError, match=f"{setting} is 0, expected a whole number of (at least 1|Hz from 1 to)"):
        AudioTransform(**{"num_fft": 64, "hop_length": 16, "window_size": 64} | {setting: 0})


def test_a_criterion_wants_a_model_inside_and_other_modules_outside(make_model, audio):
    model = make_model(dropout_p=0.0)
    for wrong in (model.network, nn.DataParallel(model), torch.compile(model, backend="eager")):
        words = f"got a {type(wrong).__name__}; torch.compile goes around the criterion, DataParallel and"
        with pytest.raises(InputError, match=f"L1Loss needs a separation model.*{words}"):
            L1Loss(wrong)
    criterion = L1Loss(model)
    expected = criterion(audio, audio / 2)
    expected.backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    torch._dynamo.reset()
    for around in (nn.DataParallel(criterion.with_model()), torch.compile(criterion, backend="eager")):
        model.zero_grad()
        loss = around(audio, audio / 2)
        loss.backward()
        torch.testing.assert_close(loss, expected)
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            torch.testing.assert_close(parameter.grad, gradient)


def test_gradients_come_through_distributed_data_parallel(make_model, audio, tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    try:
        alone, model = make_model("SpectrogramNetVAE").eval(), make_model("SpectrogramNetVAE").eval()
        SISDRLoss(alone)(audio, audio / 2).backward()
        nn.parallel.DistributedDataParallel(SISDRLoss(model).with_model())(audio, audio / 2).backward()
    finally:
        torch.distributed.destroy_process_group()
    for ours, expected in zip(model.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, expected.grad)


def test_tensors_that_stand_for_others_pass():
    network = SpectrogramNetSimple(13, 11, hidden_channels=2, depth=2).eval()
    x = torch.rand(2, 1, 13, 11)
    torch.testing.assert_close(fx.symbolic_trace(network)(x), network(x))


def test_a_configuration_is_a_dict_or_a_path():
    with pytest.raises(InputError, match="config: expected an object with the groups model, dataset"):
        SpectrogramMaskModel(["model"])
    with pytest.raises(InputError, match="my_model/config.json: cannot be read: No such file"):
        SpectrogramMaskModel("my_model/config.json")


@pytest.mark.parametrize("audio", [[0.0, 1.0], "song.wav", None])
def test_what_is_no_array_is_not_separated(model, audio):
    with pytest.raises(InputError, match="^audio is a builtins.*, expected a torch.Tensor or a numpy.ndarray"):
        model.separate(audio)
