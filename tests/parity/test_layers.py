"""The first rung: every layer on its own, to 1e-6."""

import jax
import numpy as np
import pytest
import scipy.special
import torch

import bridge
from auralflow_jax.layers import attention as flax_attention
from auralflow_jax.layers import band_linear as flax_bands
from auralflow_jax.layers import conv1d as flax_sequences
from auralflow_jax.layers import conv2d as flax_blocks
from auralflow_jax.layers import lstm as flax_recurrent
from auralflow_jax.layers import positions as flax_positions
from auralflow_jax.layers import rms_norm as flax_rms_norm
from auralflow_jax.layers import variational as flax_variational
from auralflow_jax.layers.kernels import max_pool as flax_pooling
from auralflow_torch.layers import attention, positions, rms_norm, variational
from auralflow_torch.layers import band_linear as bands
from auralflow_torch.layers import conv2d as blocks
from auralflow_torch.layers import lstm as recurrent
from auralflow_torch.networks import audio_net as waveform
from bridge.parity.twins import random_variables


def channels_last(x):
    return x.swapaxes(1, -1).swapaxes(1, 2)  # of numpy's arrays and of torch's


def fill(layer, variables):
    layer.load_state_dict({key: torch.from_numpy(array) for key, array in bridge.to_torch(variables).items()})


def assert_close(ours, theirs):
    """To 1e-6 of the largest value."""
    theirs = theirs.detach().numpy()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 * np.abs(theirs).max())


@pytest.fixture
def agree():
    """Compares a flax layer with a torch layer of the same random weights; `layout` makes one's axes of the other's."""

    def agree(flax, layer, x, layout=lambda x: x, **arguments):
        variables = random_variables(jax.eval_shape(lambda x: flax.init(jax.random.key(0), x, **arguments), layout(x)))
        fill(layer.train(arguments.get("train", False)), variables)
        ours, updated = jax.jit(lambda variables, x: flax.apply(variables, x, **arguments, mutable=["batch_stats"]))(
            variables, layout(x)
        )
        assert_close(ours, layout(layer(torch.from_numpy(x)).detach()))
        after = bridge.to_torch(variables | updated)
        for name, buffer in layer.named_buffers():
            if not name.endswith("num_batches_tracked"):
                assert_close(after[name], buffer)

    return agree


@pytest.fixture
def image():
    return np.random.default_rng(5).normal(size=(2, 3, 6, 8)).astype(np.float32)  # (batch, channels, bins, frames)


@pytest.fixture
def sequence():
    return np.random.default_rng(6).normal(size=(3, 7, 5)).astype(np.float32)  # (batch, steps, features)


@pytest.mark.parametrize("size, bias", [(3, False), (1, True)])
def test_conv(agree, image, size, bias):
    agree(flax_blocks.Conv(4, size, bias), blocks.conv(3, 4, size, bias, None), image, channels_last)


def test_conv_of_several_inputs_is_that_of_the_joined_channels(image):
    flax = flax_blocks.Conv(4)
    parts = [channels_last(image)[..., :1], channels_last(image)[..., 1:]]
    variables = random_variables(jax.eval_shape(flax.init, jax.random.key(0), *parts))
    np.testing.assert_allclose(flax.apply(variables, *parts), flax.apply(variables, channels_last(image)), atol=1e-6)


def test_upsample(agree, image):
    agree(flax_blocks.Upsample(4), blocks.upsample(3, 4, None), image, channels_last)


@pytest.mark.parametrize("size, stride", [(8, 4), (3, 1), (1, 1)])
def test_conv1d(agree, sequence, size, stride):
    audio = np.tile(sequence, (1, 1, 4))  # (batch, channels, steps)
    agree(
        flax_sequences.Conv1d(4, size, stride), waveform.conv1d(7, 4, size, stride), audio, lambda x: x.swapaxes(1, 2)
    )


def test_conv1d_of_several_inputs_is_that_of_the_joined_channels(sequence):
    flax = flax_sequences.Conv1d(4, 3)
    parts = [sequence[..., :1], sequence[..., 1:]]
    variables = random_variables(jax.eval_shape(flax.init, jax.random.key(0), *parts))
    np.testing.assert_allclose(flax.apply(variables, *parts), flax.apply(variables, sequence), atol=1e-6)


def test_upsample1d(agree, sequence):
    agree(flax_sequences.Upsample1d(4, 4), waveform.upsample1d(7, 4), sequence, lambda x: x.swapaxes(1, 2))


def test_max_pool_and_which_of_equal_pixels_gets_the_gradient(image):
    image = image.round()  # many equal pixels
    image[0, 0, 0, 1] = image[0, 1, 1, 0] = np.nan
    x = torch.tensor(image, requires_grad=True)
    pooled = torch.nn.functional.max_pool2d(x, 2)
    cotangent = np.random.default_rng(9).normal(size=pooled.shape).astype(np.float32)
    pooled.backward(torch.from_numpy(cotangent))
    ours, pull = jax.vjp(jax.jit(flax_pooling.max_pool), channels_last(image))
    np.testing.assert_array_equal(ours, channels_last(pooled.detach()))
    np.testing.assert_array_equal(pull(channels_last(cotangent))[0], channels_last(x.grad))


@pytest.mark.parametrize("train", [False, True])
def test_batch_norm(agree, image, train):
    agree(flax_blocks.BatchNorm(), torch.nn.BatchNorm2d(3), image, channels_last, train=train)


@pytest.mark.parametrize("leak_factor", [0.0, 0.2])
def test_double_conv(agree, image, leak_factor):
    agree(
        flax_blocks.DoubleConv(4, leak_factor), blocks.DoubleConv(3, 4, leak_factor), image, channels_last, train=True
    )


@pytest.mark.parametrize("num_layers", [1, 3])
def test_lstm_against_torchs_own(agree, sequence, num_layers):
    class FirstOutput(torch.nn.LSTM):
        def forward(self, x):
            return super().forward(x)[0]

    sizes = {"num_layers": num_layers, "batch_first": True, "bidirectional": True}
    agree(flax_recurrent.LSTM(4, num_layers), FirstOutput(5, 4, **sizes), sequence)
    agree(flax_recurrent.LSTM(4, num_layers), recurrent.LSTM(5, 4, **sizes), sequence)


def test_recurrent(agree, sequence):
    agree(flax_recurrent.Recurrent(4, 2), recurrent.Recurrent(5, 4, 2), sequence)


def test_variational(sequence):
    flax, layer = flax_variational.Variational(4), variational.Variational(5, 4).eval()
    variables = random_variables(jax.eval_shape(flax.init, jax.random.key(0), sequence))
    fill(layer, variables)
    for noise in (None, np.random.default_rng(7).normal(size=(3, 7, 4)).astype(np.float32)):
        decoded, latent = flax.apply(variables, sequence, noise=noise)
        theirs = layer(torch.from_numpy(sequence), None if noise is None else torch.from_numpy(noise))
        for ours, expected in zip((decoded, *latent), theirs, strict=True):
            assert_close(ours, expected)


def test_sigma_stays_finite_however_far_its_layer_moves():
    x = np.array([-500, -30, -2, 0, 3, 25, 500], np.float32)  # a step of one feature, seven times
    layer = variational.Variational(1, 1).eval()
    variables = jax.tree.map(np.zeros_like, flax_variational.Variational(1).init(jax.random.key(0), x[None, :, None]))
    variables["params"]["to_sigma"]["kernel"][:] = 1
    fill(layer, variables)

    def flax_sigma(x):
        return flax_variational.Variational(1).apply(variables, x[None, :, None])[1][1].ravel()  # pyright: ignore[reportAttributeAccessIssue]

    tensor = torch.from_numpy(x).requires_grad_()
    theirs = layer(tensor[None, :, None])[2].flatten()
    theirs.sum().backward()
    expected, slope = np.logaddexp(0, np.float64(x)), scipy.special.expit(np.float64(x))
    for sigma, gradient in (
        (flax_sigma(x), jax.grad(lambda x: flax_sigma(x).sum())(x)),
        (theirs.detach(), tensor.grad),
    ):
        np.testing.assert_allclose(sigma, expected, rtol=1e-6, atol=1e-37)
        np.testing.assert_allclose(gradient, slope, rtol=1e-6, atol=1e-37)


@pytest.mark.parametrize("name", blocks.MASK_ACTIVATIONS)
def test_mask_activations(name):
    x = np.random.default_rng(8).normal(scale=3, size=(2, 3, 1, 4, 5)).astype(np.float32)
    expected = blocks.mask_activation(name, 3)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(flax_blocks.mask_activation(name)(x), expected, atol=1e-6)


@pytest.fixture
def tokens():
    return np.random.default_rng(10).normal(size=(2, 3, 7, 8)).astype(np.float32)  # (batch, bands, steps, width)


def test_rms_norm(agree, tokens):
    agree(flax_rms_norm.RMSNorm(), rms_norm.RMSNorm(8), tokens)
    agree(flax_rms_norm.RMSNorm(), rms_norm.RMSNorm(8), 1e-30 * tokens)


@pytest.mark.parametrize("widths", [(2, 2, 3, 1), (4,)])
def test_layers_of_bands(agree, tokens, widths):
    agree(flax_bands.BandSplit(widths, 6), bands.BandSplit(widths, 6), tokens[..., : sum(widths)])
    agree(flax_bands.BandLinear(5), bands.BandLinear(7, 8, 5), tokens)
    agree(flax_bands.BandJoin(widths), bands.BandJoin(widths, 8), tokens[..., : len(widths), :])


@pytest.mark.parametrize("polar", [False, True])
def test_transformer(tokens, polar):
    shift = np.linspace(-8, 1, 8, dtype=np.float32).reshape(2, 4)
    flax = flax_attention.Transformer(2, True, heads=2, head_size=4, polar=polar)
    layer = attention.Transformer(2, True, 8, 2, 4, polar).eval()
    places = flax_positions.polar(7, shift, np.float32) if polar else flax_positions.rotary(7, 4, np.float32)
    variables = random_variables(jax.eval_shape(flax.init, jax.random.key(0), tokens, places))
    fill(layer, variables)
    x = torch.from_numpy(tokens)
    theirs = positions.polar(7, torch.from_numpy(shift), x) if polar else positions.rotary(7, 4, x)
    for ours, expected in zip(jax.tree.leaves(places), [*theirs.query, *theirs.key], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-7)
    assert_close(flax.apply(variables, tokens, places), layer(x, theirs))


def test_positions_are_exact_far_from_the_start(tokens):
    angle = np.arange(5000)[:, None] * 10000.0 ** (-np.arange(0, 64, 2) / 64)
    for cos, sin in (
        flax_positions.rotary(5000, 64, np.float32).query,
        positions.rotary(5000, 64, torch.from_numpy(tokens)).key,
    ):
        np.testing.assert_allclose(cos[:, 0], np.cos(angle), rtol=0, atol=6e-8)
        np.testing.assert_allclose(sin[:, 0], np.sin(angle), rtol=0, atol=6e-8)


@pytest.mark.parametrize("rows_together", [1, 2, 4, 5])
@pytest.mark.parametrize("size", [6, 3])
def test_attention_in_parts(monkeypatch, rows_together, size):
    """And its gradient, against a float64 softmax; the query's size may differ from the value's."""
    monkeypatch.setattr(flax_attention, "SCORES", rows_together * 2 * 7 * 7)
    rng = np.random.default_rng(11)
    query, key, value = (rng.normal(size=(5, 7, 2, n)).astype(np.float32) for n in (6, 6, size))
    scores = np.einsum("rqhd,rkhd->rhqk", np.float64(query), key) / np.sqrt(size)
    expected = np.einsum("rhqk,rkhd->rqhd", scipy.special.softmax(scores, -1), value)
    np.testing.assert_allclose(flax_attention.attend(query, key, value), expected, rtol=0, atol=1e-6)
    fused = flax_attention.attend_fused(query, key, value, implementation="xla")
    np.testing.assert_allclose(fused, expected, rtol=0, atol=1e-6)

    tensors = [torch.tensor(array, requires_grad=True) for array in (query, key, value)]
    found = attention.attend(*tensors)
    np.testing.assert_allclose(found.detach(), expected, rtol=0, atol=1e-6)
    (found**2).sum().backward()
    gradients = jax.grad(lambda *parts: (flax_attention.attend(*parts) ** 2).sum(), (0, 1, 2))(query, key, value)
    for ours, tensor in zip(gradients, tensors, strict=True):
        np.testing.assert_allclose(ours, tensor.grad, rtol=0, atol=2e-6 * float(tensor.grad.abs().max()))


def test_a_shift_has_its_gradient_up_to_the_ends_of_its_turn():
    shift = np.array([[-7, -2 * np.pi, -1, 0, 0.5]], np.float32)
    ours = jax.grad(lambda shift: flax_positions.polar(3, shift, np.float32).key.sin.sum())(shift)
    tensor = torch.tensor(shift, requires_grad=True)
    positions.polar(3, tensor, tensor).key.sin.sum().backward()
    np.testing.assert_allclose(ours, tensor.grad, atol=1e-5)
    assert (np.asarray(ours)[0] != 0).tolist() == [False, True, True, True, False]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pairs_turn_alike_with_and_without_complex_numbers(monkeypatch, tokens, dtype):
    x = torch.from_numpy(tokens).to(dtype).transpose(1, 2).requires_grad_()  # (batch, steps, heads, features)
    turn = positions.rotary(7, 8, x).query

    def run():
        turned = positions.turn_pairs(x, turn)
        return turned, *torch.autograd.grad((turned**3).sum(), x)

    quick = run()
    monkeypatch.setattr(positions, "WIDE", ())
    for plain, same in zip(run(), quick, strict=True):
        torch.testing.assert_close(plain, same)
