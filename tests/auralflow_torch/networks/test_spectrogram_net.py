"""Properties of the torch networks alone; tests/parity compares them with the flax ones."""

import copy
import io
import pickle
import warnings

import pytest
import torch

from auralflow_core.errors import InputError
from auralflow_torch import networks
from auralflow_torch.networks import SpectrogramNetLSTM, SpectrogramNetSimple, SpectrogramNetVAE

BINS, FRAMES = 13, 11
U_NETS = ("SpectrogramNetSimple", "SpectrogramNetLSTM", "SpectrogramNetVAE")


def make(name, **settings):
    torch.manual_seed(0)
    return getattr(networks, name)(BINS, FRAMES, **({"hidden_channels": 4, "depth": 2} | settings))


@pytest.fixture(params=U_NETS)
def name(request):
    return request.param


@pytest.fixture
def network(name):
    return make(name, normalize_input=True, normalize_output=True)


@pytest.fixture
def x():
    return torch.rand(3, 1, BINS, FRAMES, generator=torch.Generator().manual_seed(1))


def trained(network, x):
    """A network after one forward and backward pass."""
    network.train()(x).mean().backward()
    return network


def test_documented_arguments_in_their_order(name):
    network = getattr(networks, name)(64, 40, 2, 8, "relu", 0.1, 0.4, True, True, "cpu")
    assert network(torch.rand(2, 2, 64, 40)).shape == (2, 2, 64, 40)
    assert network.dropout.p == 0.4 and network.head.in_channels == 8
    assert network.input_norm.num_features == network.output_norm.num_features == 64
    assert network.bottleneck.leak_factor == 0.1


def test_defaults_are_the_documented_ones():
    network = SpectrogramNetSimple(1024, 173, device="meta")
    config = network.config
    assert (config.num_channels, network.head.in_channels, config.mask_activation) == (1, 16, "sigmoid")
    assert network.dropout.p == 0.5 and network.input_norm is network.output_norm is None
    recurrent = SpectrogramNetLSTM(1024, 173, device="meta").recurrent.lstm
    assert (recurrent.num_layers, recurrent.hidden_size, recurrent.input_size) == (3, 256, 8192)


def test_the_documented_recurrent_arguments():
    for network in (SpectrogramNetLSTM, SpectrogramNetVAE):
        lstm = network(
            num_fft_bins=1024,
            num_frames=173,
            num_channels=1,
            hidden_channels=16,
            recurrent_depth=2,
            hidden_size=2048,
            input_axis=1,
            device="meta",
        ).recurrent.lstm
        # 173 frames become 6 after five halvings of 192; the size is at most the deepest level's 256 channels.
        assert (lstm.num_layers, lstm.hidden_size, lstm.input_size) == (2, 256, 6 * 256)
        assert network(64, 40, hidden_size=100, hidden_channels=8, device="meta").config.recurrent_size == 100


@pytest.mark.parametrize("num_channels", [1, 2])
def test_the_targets_axis_is_there_from_two_on(name, num_channels):
    x = torch.rand(3, num_channels, BINS, FRAMES)
    assert make(name, num_channels=num_channels)(x).shape == x.shape
    assert make(name, num_channels=num_channels, num_targets=4)(x).shape == (3, 4, num_channels, BINS, FRAMES)


def test_a_result_does_not_depend_on_the_rest_of_the_batch(network, x):
    network.eval()
    torch.testing.assert_close(network(x)[:1], network(x[:1]))


def test_wrong_sizes_are_named(name):
    if name != "SpectrogramNetSimple":
        with pytest.raises(ValueError, match="num_fft_bins=13, got 14 bins"):
            make(name)(torch.rand(1, 1, 14, FRAMES))
        assert make(name)(torch.rand(1, 1, BINS, 29)).shape == (1, 1, BINS, 29)
        with pytest.raises(ValueError, match="num_frames=11, got 12 frames"):
            make(name, input_axis=1)(torch.rand(1, 1, BINS, 12))
        assert make(name, input_axis=1)(torch.rand(1, 1, 29, FRAMES)).shape == (1, 1, 29, FRAMES)
    for setting in ("normalize_input", "normalize_output"):
        with pytest.raises(ValueError, match="num_fft_bins=13, got 12 bins"):
            make(name, **{setting: True})(torch.rand(1, 1, 12, FRAMES))


def test_unknown_settings_are_named():
    with pytest.raises(InputError, match="mask_activation: unknown value 'sigmoyd'; did you mean 'sigmoid'"):
        SpectrogramNetSimple(BINS, FRAMES, mask_act_fn="sigmoyd")
    with pytest.raises(InputError, match="'softmax' runs over the targets"):
        SpectrogramNetSimple(BINS, FRAMES, mask_act_fn="softmax")
    with pytest.raises(InputError, match="input_axis: unknown value 2; known: 0, 1"):
        SpectrogramNetLSTM(BINS, FRAMES, input_axis=2)


def test_initial_weights_keep_the_variance():
    """Weights of variance 2 / fan-in before a rectifier, 1 / fan-in elsewhere; biases 0 (He et al. 2015)."""
    torch.manual_seed(0)
    network = SpectrogramNetVAE(64, 32, hidden_channels=16)
    fan_ins = {
        "down.3.conv.0.weight": (64 * 9, 2),
        "up.4.weight": (512, 1),
        "recurrent.linear.weight": (512, 1),
        "variational.to_mu.weight": (512, 1),
        "recurrent.lstm.weight_ih_l0": (512, 1),
        "recurrent.lstm.weight_hh_l0": (256, 1),
    }
    state = network.state_dict()
    for key, (fan_in, gain) in fan_ins.items():
        assert state[key].var().item() * fan_in == pytest.approx(gain, rel=0.05), key
    sigma = {key: state.pop(f"variational.to_sigma.{key}") for key in ("weight", "bias")}
    assert not sigma["weight"].any()
    torch.testing.assert_close(sigma["bias"].exp().log1p(), torch.full((256,), 0.1))  # where sigma starts
    assert not any(state[key].any() for key in state if "bias" in key)


def test_learns_in_a_loop_of_ones_own(name, x):
    network = make(name, dropout_p=0.0)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    target = x * (torch.arange(BINS)[:, None] < BINS / 2)  # keep the low bins
    losses = []
    for _ in range(40):
        loss = (network(x) * x - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def copies(network):
    yield copy.deepcopy(network)
    yield pickle.loads(pickle.dumps(network))
    file = io.BytesIO()
    torch.save(network, file)
    file.seek(0)
    yield torch.load(file, weights_only=False)
    fresh = make(type(network).__name__, normalize_input=True, normalize_output=True)
    fresh.load_state_dict(network.state_dict())
    yield fresh


@pytest.mark.parametrize("after_training", [False, True])
def test_copies_compute_the_same(network, x, after_training):
    if after_training:
        trained(network, x)
    expected = network.eval()(x)
    for copied in copies(network):
        torch.testing.assert_close(copied.eval()(x), expected, rtol=0, atol=0)
        assert getattr(copied, "mu", None) is None and getattr(copied, "sigma", None) is None


def test_the_latent_variable_is_left_while_training_alone(x):
    network = make("SpectrogramNetVAE", dropout_p=0.0)
    network.eval()(x)
    assert network.mu is None and network.sigma is None
    network.train()(x)
    assert network.mu.shape == network.sigma.shape == (3, 3, 8)  # batch, frames, latent  # pyright: ignore[reportAttributeAccessIssue]
    mu, sigma = network.mu, network.sigma
    network.eval()(x)
    assert network.mu is mu and network.sigma is sigma
    (mu.square().mean() + sigma.mean()).backward()  # a criterion reaches the weights through them  # pyright: ignore[reportAttributeAccessIssue]
    assert network.variational.to_sigma.weight.grad.abs().sum() > 0


def test_the_latent_variable_is_sampled_while_training_alone(x):
    network = make("SpectrogramNetVAE", dropout_p=0.0)
    assert not torch.equal(network.train()(x), network(x))
    mean, mu, sigma = network.eval().forward_with_latent(x)
    assert torch.equal(network(x), mean) and (sigma > 0).all()
    assert torch.equal(network.forward_with_latent(x, torch.zeros_like(mu))[0], mean)
    assert not torch.equal(network.forward_with_latent(x, torch.ones_like(mu))[0], mean)
    with pytest.raises(ValueError, match=r"shape \(3, 3, 8\), got \(3, 1, 8\)"):
        network.forward_with_latent(x, torch.ones(3, 1, 8))


@pytest.mark.parametrize("after_training", [False, True])
def test_export(network, x, after_training):
    if after_training:
        trained(network, x)
    expected = network.eval()(torch.cat([x, x]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        program = torch.export.export(network, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.testing.assert_close(program.module()(torch.cat([x, x])), expected)


def test_export_while_training_leaves_nothing(x):
    network = make("SpectrogramNetVAE").train()
    torch.export.export(network, (x,))
    assert network.mu is None and network.sigma is None


@pytest.mark.parametrize("after_training", [False, True])
def test_trace(network, x, after_training):
    if after_training:
        trained(network, x)
    expected = network.eval()(torch.cat([x, x]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        program = torch.jit.trace(network, (x,))
    torch.testing.assert_close(program(torch.cat([x, x])), expected)


def test_compile(x):
    torch._dynamo.reset()
    network = make("SpectrogramNetVAE", normalize_input=True, normalize_output=True)  # it has all that the others have
    compiled = torch.compile(network, backend="aot_eager")
    torch.testing.assert_close(compiled.eval()(x), network.eval()(x))
    compiled.train()(x).sum().backward()
    assert all(array.grad is not None for array in network.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(network, x, dtype):
    # About the types' resolution, times a few for the layers in between.
    tolerance = {torch.bfloat16: 5e-2, torch.float16: 5e-3}[dtype]
    expected = network.eval()(x)
    half = copy.deepcopy(network).to(dtype)(x.to(dtype))
    assert half.dtype == dtype
    torch.testing.assert_close(half.float(), expected, rtol=0, atol=tolerance)
    with torch.autocast("cpu", dtype=dtype):
        torch.testing.assert_close(network(x).float(), expected, rtol=0, atol=tolerance)
        network.train()(x).float().mean().backward()
    assert all(array.grad.isfinite().all() for array in network.parameters())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda(name, x):
    network = make(name, device="cuda").eval()
    torch.testing.assert_close(network(x.cuda()).cpu(), network.cpu()(x), rtol=1e-3, atol=1e-3)
