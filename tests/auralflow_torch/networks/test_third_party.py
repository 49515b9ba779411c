"""Properties of the torch modules of third-party networks alone; tests/parity compares them with the originals."""

import copy

import pytest
import torch

from auralflow_torch.networks import OpenUnmix, SpleeterNet

BINS, FRAMES = 21, 11


def spleeter(**settings):
    torch.manual_seed(0)
    return SpleeterNet(hidden_channels=2, depth=2, joiner="independent", **settings)


def unmix(**settings):
    torch.manual_seed(0)
    return OpenUnmix(num_fft_bins=BINS, seen_bins=16, hidden_size=8, **settings)


@pytest.fixture(params=[spleeter, unmix])
def make(request):
    return request.param


@pytest.fixture
def x():
    return torch.rand(3, 2, BINS, FRAMES, generator=torch.Generator().manual_seed(1))


def test_the_targets_axis_is_there_from_two_on(make, x):
    assert make(num_targets=1)(x).shape == x.shape
    assert make(num_targets=3)(x).shape == (3, 3, 2, BINS, FRAMES)
    assert make(num_channels=1)(x[:, :1, :, :5]).shape == (3, len(make().target), 1, BINS, 5)


def test_a_result_does_not_depend_on_the_rest_of_the_batch(make, x):
    network = make().eval()
    torch.testing.assert_close(network(x)[:1], network(x[:1]))


def test_frozen_statistics_stay_and_are_what_training_uses(x):
    network = spleeter(freeze_statistics=True, dropout_p=0.0)
    before = copy.deepcopy(network.state_dict())
    expected = network.eval()(x)
    torch.testing.assert_close(network.train()(x), expected)
    network(x).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)
    assert not torch.allclose(spleeter(dropout_p=0.0).train()(x), expected)


def test_another_number_of_bins_is_named(x):
    with pytest.raises(ValueError, match=f"num_bins={BINS}, got {BINS - 1} bins"):
        unmix()(x[:, :, 1:])
    assert spleeter()(x[:, :, 1:]).shape == (3, 2, 2, BINS - 1, FRAMES)


def test_torchs_tools_take_them(make, x):
    network = make().eval()
    expected = network(torch.cat([x, x]))
    program = torch.export.export(network, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.testing.assert_close(program.module()(torch.cat([x, x])), expected)
    torch.testing.assert_close(copy.deepcopy(network)(torch.cat([x, x])), expected, rtol=0, atol=0)
    half = copy.deepcopy(network).to(torch.bfloat16)(x.to(torch.bfloat16))
    torch.testing.assert_close(half.float(), expected[:3], rtol=0.05, atol=0.05)
