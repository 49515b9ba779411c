"""HTDemucs on files of demucs: against its own code, in and out, and refused."""

import importlib.util
import json
from fractions import Fraction
from pathlib import Path

import jax
import numpy as np
import pytest
import torch
import yaml
from demucs_files import SAMPLES, SMALL, ht_demucs, package_of, write_safetensors, write_th
from msgspec.structs import replace
from safetensors import safe_open

import bridge
from auralflow_core.config import HTDemucs, template
from auralflow_core.errors import InputError
from auralflow_jax.models.registry import build
from auralflow_torch.models import create_model
from auralflow_torch.weights import load_state
from bridge.importers.demucs_bag import read_bag
from bridge.importers.demucs_package import read_package, write_package
from bridge.importers.demucs_settings import to_arguments, to_config
from bridge.importers.demucs_state import from_demucs, to_demucs
from bridge.importers.msst import read_pair, write_pair

needs_oracle = pytest.mark.skipif(importlib.util.find_spec("demucs") is None, reason="demucs is not installed")

CASES = {
    "small": SMALL,
    "deep": SMALL | {"depth": 3, "num_fft": 384, "width": 0, "residual_depth": 1, "heads": 4, "num_layers": 2},
    "plain": SMALL | {"residuals": "encoder", "bin_embedding": 0.0, "num_layers": 1, "targets": ["drums", "vocals"]},
    "mono": SMALL | {"num_channels": 1, "targets": ["vocals"], "compression": 3, "bin_embedding": 0.5, "num_layers": 2},
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def oracle(config):
    """The network of demucs with the same settings."""
    from demucs.htdemucs import HTDemucs  # pyright: ignore[reportMissingImports]

    arguments, _ = to_arguments(config, "m")
    return HTDemucs(**arguments).eval()


def assert_near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))


@needs_oracle
@pytest.mark.parametrize("name", CASES)
def test_both_networks_are_those_of_the_original(name):
    config, state = ht_demucs(CASES[name])
    _, sources = to_arguments(config, "m")
    theirs = oracle(config)
    arrays = to_demucs(state, config.model, sources)
    theirs.load_state_dict({key: torch.from_numpy(array) for key, array in arrays.items()})
    shape = 2, config.model.num_channels, SAMPLES
    audio = np.random.default_rng(1).standard_normal(shape).astype(np.float32) * 0.3 + 0.1
    audio[1, :, 700:] = 0  # as long as a segment that is filled up
    with torch.no_grad():
        expected = theirs(torch.from_numpy(audio)).numpy()
        assert_near(theirs(torch.from_numpy(audio[1:, ..., :700])).numpy(), expected[1:, ..., :700])
    expected = expected[:, [sources.index(target) for target in config.model.targets]]
    assert np.abs(expected).max() > 0.1

    model = create_model(config).eval()
    load_state(model.network, state)
    flax = build(config).replace(variables=bridge.to_flax(state, config))
    with torch.no_grad():
        assert_near(model.estimate(torch.from_numpy(audio)).audio.numpy(), expected)
    with jax.default_matmul_precision("highest"):
        assert_near(jax.jit(type(flax).estimate)(flax, audio).audio, expected)


@needs_oracle
@pytest.mark.parametrize("name", CASES)
def test_a_state_dict_of_the_original_goes_in_and_out_bit_for_bit(name):
    config, _ = ht_demucs(CASES[name])
    state = {key: tensor.numpy() for key, tensor in oracle(config).state_dict().items()}
    sources = config.model.targets[::-1]
    again = to_demucs(from_demucs(state, config.model, sources), config.model, sources)
    assert again.keys() == state.keys()
    for key, array in state.items():
        assert again[key].dtype == array.dtype and again[key].tobytes() == np.ascontiguousarray(array).tobytes(), key


@needs_oracle
def test_the_original_reads_what_is_written():
    from demucs.hf import load_safetensors_model  # pyright: ignore[reportMissingImports]

    config, state = ht_demucs(SMALL)
    write_package("model.safetensors", state, config, "m")
    theirs = load_safetensors_model("model.safetensors")
    assert theirs.sources == ["drums", "bass", "other", "vocals"] and theirs.segment == Fraction(SAMPLES, 8000)
    found = {key: tensor.numpy() for key, tensor in theirs.state_dict().items()}
    again = from_demucs(found, config.model, theirs.sources)
    assert all(np.array_equal(again[key], array) for key, array in state.items()) and again.keys() == state.keys()


def test_sources_in_another_order_are_the_targets():
    config, state = ht_demucs(SMALL | {"targets": ["bass", "drums", "vocals"]})
    turned = to_demucs(state, config.model, ["vocals", "bass", "drums"])
    bias = state["decoder.0.up.bias"].reshape(3, -1)  # of 4 numbers each: two channels, real and imaginary
    np.testing.assert_array_equal(turned["decoder.1.conv_tr.bias"].reshape(3, -1), bias[[2, 0, 1]])
    wave = state["wave_decoder.0.up.weight"].reshape(8, 3, 2, 8)
    np.testing.assert_array_equal(turned["tdecoder.1.conv_tr.weight"].reshape(8, 3, 2, 8), wave[:, [2, 0, 1]])
    again = from_demucs(turned, config.model, ["vocals", "bass", "drums"])
    assert all(np.array_equal(again[key], array) for key, array in state.items())
    with pytest.raises(InputError, match="sources are vocals, expected the targets bass, drums, vocals"):
        from_demucs(turned, config.model, ["vocals"])


@pytest.mark.parametrize("half", [True, False])
def test_packages_go_in_and_out_bit_for_bit(half):
    config, state = ht_demucs(SMALL | {"targets": ["bass", "drums", "guitar", "other", "piano", "vocals"]})
    package = package_of(config, state, half)
    write_th("model.th", package)
    write_safetensors("model.safetensors", package)
    for file in ("model.th", "model.safetensors"):
        found, read = read_package(file, "m")
        assert read.model == config.model and read.crop_samples == SAMPLES
        assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}
        for key, array in state.items():
            np.testing.assert_array_equal(found[key], array.astype(np.float16) if half else array)
        write_package(f"again-{file}.safetensors", found, read, "m")
        with safe_open(f"again-{file}.safetensors", "np") as written, safe_open("model.safetensors", "np") as first:
            assert {*written.keys()} == {*first.keys()}
            for key in first.keys():  # noqa: SIM118
                ours, theirs = written.get_tensor(key), first.get_tensor(key)
                assert ours.dtype == theirs.dtype and ours.tobytes() == theirs.tobytes(), key
            ours, theirs = (json.loads(file.metadata()["kwargs"]) for file in (written, first))
            assert ours == theirs and ours["segment"] == {"_type": "fraction", "numerator": 1003, "denominator": 8000}
        with pytest.raises(InputError, match="exists already and is not overwritten"):
            write_package(f"again-{file}.safetensors", found, read, "m")


def test_the_published_settings():
    """The arguments with which htdemucs, its fine-tuned members and the six-stem model were made."""
    shared = {"samplerate": 44100, "segment": Fraction(39, 5), "dconv_mode": 3, "t_dropout": 0.02, "t_layers": 5}
    shared |= {"audio_channels": 2, "channels": 48, "nfft": 4096}
    without_effect = {"growth": 2, "multi_freqs": [], "t_lr": None, "rescale": 0.1, "cac": True}
    sources = ["drums", "bass", "other", "vocals"]
    config, order = to_config(shared | without_effect | {"sources": sources, "bottom_channels": 512}, "", "htdemucs")
    assert config.crop_samples == 343_980 and order == tuple(sources)
    assert replace(config.model, model_name="") == template("HTDemucs").model
    assert to_arguments(config, "m")[0] | shared == to_arguments(config, "m")[0]
    six, _ = to_config(shared | {"sources": [*sources, "guitar", "piano"]}, "", "6s")
    assert isinstance(six.model, HTDemucs)
    assert (six.model.width, six.model.transformer_width, len(six.model.targets)) == (0, 384, 6)


def test_a_bag_is_the_weighted_mean_of_its_members():
    model = SMALL | {"targets": ["bass", "drums", "vocals"], "num_layers": 1, "depth": 1, "num_channels": 1}
    members = [ht_demucs(model, seed) for seed in (0, 1)]
    for signature, (config, state) in zip(("aa-1234.th", "bb.th"), members, strict=True):
        write_th(signature, package_of(config, state, half=False))
    # The sources of a package are drums, bass, vocals.
    bag = {"models": ["aa", "bb"], "weights": [[1, 0.5, 0.25], [0, 0.5, 0.75]], "segment": 0.1}
    Path("bag.yaml").write_text(yaml.dump(bag))
    state, config = read_bag("bag.yaml", "m")
    assert isinstance(config.model, HTDemucs) and (config.crop_samples, config.model.members) == (800, 2)
    audio = np.random.default_rng(1).standard_normal((2, 1, 800)).astype(np.float32)
    estimates = []
    for single, tensors in members:
        network = create_model(single).eval()
        load_state(network.network, tensors)
        estimates.append(network.estimate(torch.from_numpy(audio)).audio.detach().numpy())
    share = np.float32([0.5, 1, 0.25])[:, None, None]  # of bass, drums, vocals
    expected = share * estimates[0] + (1 - share) * estimates[1]
    assert np.abs(estimates[0] - estimates[1]).max() > 0.1
    ours = create_model(config).eval()
    load_state(ours.network, state)
    assert_near(ours.estimate(torch.from_numpy(audio)).audio.detach().numpy(), expected)
    flax = build(config).replace(variables=bridge.to_flax(state, config))
    with jax.default_matmul_precision("highest"):
        assert_near(jax.jit(type(flax).estimate)(flax, audio).audio, expected)
    with pytest.raises(InputError, match="m: has 2 members, and one network is written into a file"):
        write_package("model.safetensors", state, config, "m")


@pytest.mark.parametrize(
    ("bag", "words"),
    [
        ({"models": ["aa", "cc"]}, "no file cc.th or cc.safetensors"),
        ({"models": ["../aa"]}, "models has '../aa', expected signatures"),
        ({"models": "aa"}, "models is 'aa', expected the signatures of a bag of demucs"),
        ({"models": ["aa", "aa"], "weights": [[1, 1]]}, "expected 2 lists of 4 numbers"),
        ({"models": ["aa", "aa"], "weights": [[1, 1, 1, 0], [1, 1, 1, 0]]}, "gives a target no weight in any member"),
        ({"models": ["aa", "aa"], "weights": [[1, 1, 1, "x"], [1, 1, 1, 0]]}, "model.member_shares"),
        ({"models": ["aa", "bb"]}, "bb.th and aa.th differ: num_layers .1 there, 3 here."),
    ],
)
def test_other_bags_are_refused(bag, words):
    write_th("aa.th", package_of(*ht_demucs(SMALL)))
    write_th("bb.th", package_of(*ht_demucs(SMALL | {"num_layers": 1})))
    Path("bag.yaml").write_text(yaml.dump(bag))
    with pytest.raises(InputError, match=f"^bag.yaml: .*{words}"):
        read_bag("bag.yaml", "m")


class Code:
    """Makes a folder when it is unpickled."""

    def __reduce__(self):
        return Path.mkdir, (Path("it-ran"),)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda package: package["kwargs"].update(t_sparse_self_attn=True),
            "t_sparse_self_attn is True, expected False",
        ),
        (lambda package: package["kwargs"].update(cac=False), "cac is False, expected True: no other is computed here"),
        (lambda package: package["kwargs"].update(multi_freqs=[0.5]), r"multi_freqs is \[0.5\], expected none"),
        (lambda package: package["kwargs"].update(norm_starts=1), "norm_starts is 1, expected at least depth, 2"),
        (lambda package: package["kwargs"].update(nfft=64), "8 bins enter the deepest level, where the branches"),
        (lambda package: package["kwargs"].update(dconv_attn=4), "unknown argument 'dconv_attn' of an HTDemucs; "),
        (lambda package: package["kwargs"].update(channels="48"), "channels is '48', expected a whole number"),
        (lambda package: package["kwargs"].update(segment="long"), "segment is 'long', expected a number of seconds"),
        (lambda package: package["kwargs"].update(sources="vocals"), "sources is 'vocals', expected a list of names"),
        (lambda package: package["kwargs"].update(channels=12), "the tensors do not fit the network: "),
        (lambda package: package.update(args=([], 2)), "arguments without names, expected names"),
        (lambda package: package["state"].pop("crosstransformer.norm_in_t.bias"), "1 missing .'crosstr"),
        (lambda package: package["state"].update(extra=torch.ones(2)), "1 left over .'extra' of shape"),
        (
            lambda package: setattr(package["klass"], "__qualname__", "demucs.demucs.Demucs"),
            "holds a Demucs of samples alone; HTDemucs and HDemucs are read",
        ),
        (
            lambda package: setattr(package["klass"], "__qualname__", "demucs.hdemucs.HDemucs"),
            "unknown argument 'bottom_channels' of an HDemucs",
        ),
        (lambda package: setattr(package["klass"], "__qualname__", "os.system"), "os.system"),
    ],
)
def test_other_packages_are_refused(change, words):
    package = package_of(*ht_demucs(SMALL))
    change(package)
    write_th("model.th", package)
    write_safetensors("model.safetensors", package)
    for file in ("model.th", "model.safetensors"):
        with pytest.raises(InputError, match=f"^{file}: .*{words}") as caught:
            read_package(file)
        assert "\n" not in str(caught.value)


def test_no_code_is_run_and_packed_or_damaged_files_are_refused():
    package = package_of(*ht_demucs(SMALL))
    write_th("code.th", package | {"training_args": Code()})
    write_th("packed.th", package | {"state": {"__quantized": True, "quantized": [b"x"]}})
    write_th("bare.th", {"klass": package["klass"], "state": package["state"]})
    write_th("whole.th", package)
    Path("cut.th").write_bytes(Path("whole.th").read_bytes()[:5000])
    Path("model.ckpt").touch()
    for file, words in {
        "code.th": "refused, as loading it would run",
        "packed.th": "packed by diffq",
        "bare.th": "no package of demucs",
        "cut.th": "damaged",
        "nowhere.th": "no such file",
        "nowhere.safetensors": "no such file",
        "model.ckpt": "ends in .ckpt, expected a file of demucs: .th, .safetensors",
    }.items():
        with pytest.raises(InputError, match=f"^{file}: .*{words}"):
            read_package(file)
    assert not Path("it-ran").exists()


def test_models_without_a_counterpart_are_not_written():
    config, state = ht_demucs(SMALL | {"num_fft": 64})
    with pytest.raises(InputError, match="m: 8 bins enter the deepest level"):
        write_package("model.safetensors", state, config, "m")
    with pytest.raises(InputError, match="m: is of type AudioNetSimple, which has no counterpart there"):
        write_package("model.safetensors", {}, template("AudioNetSimple"), "m")
    with pytest.raises(InputError, match="model.th: a file for demucs must end in .safetensors"):
        write_package("model.th", state, config, "m")
    assert not list(Path.cwd().iterdir())


def msst_settings(arguments, **changes):
    """A file of settings as Music-Source-Separation-Training has them, of a package's arguments."""
    own = {key: value for key, value in arguments.items() if key not in ("sources", "segment", "samplerate")}
    training = {"samplerate": 8000, "segment": SAMPLES / 8000, "channels": own.pop("audio_channels")}
    training |= {"instruments": list(arguments["sources"]), "target_instrument": None, "shift": 1}
    audio = {"chunk_size": 485100, "hop_length": 1024}
    settings = {"audio": audio, "training": training, "model": "htdemucs", "htdemucs": own | {"num_subbands": 1}}
    return settings | {"inference": {"num_overlap": 4}} | changes


def test_pairs_go_in_and_out_bit_for_bit():
    config, state = ht_demucs(SMALL)
    package = package_of(config, state, half=False)
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in package["state"].items()}}, "model.ckpt")
    Path("model.yaml").write_text(yaml.dump(msst_settings(package["kwargs"])))
    found, read = read_pair("model.ckpt", "model.yaml", "m")
    assert read.model == config.model and read.crop_samples == SAMPLES
    assert all(np.array_equal(found[key], array) for key, array in state.items()) and found.keys() == state.keys()
    write_pair("again.ckpt", found, read, "m")
    written = torch.load("again.ckpt")
    assert written.keys() == package["state"].keys()
    assert all(torch.equal(written[key], tensor) for key, tensor in package["state"].items())
    again, read_again = read_pair("again.ckpt", "again.yaml", "m")
    assert read_again == read and all(np.array_equal(again[key], array) for key, array in state.items())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "hdemucs"}, "model is 'hdemucs', but the checkpoint holds an HTDemucs"),
        ({"model": {"dim": 3}}, "model is {'dim': 3}, but the checkpoint holds an HTDemucs"),
        ({"htdemucs": 3}, "htdemucs is a int, expected a group of settings"),
        ({"training": {"instruments": ["vocals"]}}, "training.channels is missing"),
        ({"inference": {"normalize": True}}, "inference.normalize is true, expected false"),
    ],
)
def test_settings_of_another_model_are_refused(changes, words):
    package = package_of(*ht_demucs(SMALL))
    torch.save(package["state"], "model.ckpt")
    Path("model.yaml").write_text(yaml.dump(msst_settings(package["kwargs"], **changes)))
    with pytest.raises(InputError, match=f"^model.yaml: {words}"):
        read_pair("model.ckpt", "model.yaml")
