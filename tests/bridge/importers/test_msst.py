"""Checkpoints with their settings: in, out, and refused."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from roformer_files import BS, CHUNK, MEL, describe, make_pair, roformer
from roformer_oracles import needs_pymss
from safetensors.torch import save_file

from auralflow_core.config import template
from auralflow_core.errors import InputError
from bridge.importers.band_split_roformer import from_msst
from bridge.importers.msst import read_pair, write_pair


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
        assert found[name].dtype == np.float32


def ours_of(theirs, config, instruments):
    return from_msst({name: tensor.float().numpy() for name, tensor in theirs.items()}, config.model, instruments)


@pytest.mark.parametrize(
    "settings",
    [BS, MEL, BS | {"positions": "polar", "zero_dc": False, "skip_connection": True, "mask_growth": 2}],
    ids=["bs", "mel", "polar"],
)
def test_a_model_goes_out_and_in_bit_for_bit(here, settings):
    config, state = roformer(settings)
    assert str(write_pair("model.ckpt", state, config, "m")) == "model.yaml"
    assert {path.name for path in here.iterdir()} == {"model.ckpt", "model.yaml"}
    again, read = read_pair("model.ckpt", "model.yaml", "m")
    assert_same(again, state)
    assert (read.model, read.crop_samples) == (config.model, config.crop_samples)
    for taken in ("model.ckpt", "model.yaml"):
        with pytest.raises(InputError, match=f"^{taken}: exists already and is not overwritten"):
            write_pair("model.ckpt", state, config, "m")
        Path(taken).unlink()


@pytest.mark.parametrize("model", [BS, MEL], ids=["bs", "mel"])
def test_settings_as_their_authors_write_them(here, model):
    theirs = make_pair(here, model)
    assert "!!python/tuple" in (here / "model.yaml").read_text()
    state, config = read_pair("model.ckpt", "model.yaml", "m")
    expected, _ = roformer(model | {"dropout_p": 0.1})
    # Of the one with the target vocals alone, and of three in another order.
    assert config.model == expected.model and config.crop_samples == CHUNK
    assert_same(state, ours_of(theirs, config, tuple(reversed(config.model.targets))))
    assert (config.training.lr, config.training.batch_size) == (5e-5, 1)


@pytest.mark.parametrize(
    ("instruments", "target", "targets", "residual"),
    [
        (["vocals", "other"], None, ("vocals", "accompaniment"), "residual"),
        (["Vocals", "Instrumental"], None, ("vocals", "accompaniment"), "residual"),
        (["vocals", "other"], "vocals", ("vocals",), "accompaniment"),
        (["vocals"], None, ("vocals",), "accompaniment"),
        (["Vocals", "Instrumental"], "Instrumental", ("accompaniment",), "vocals"),
        (["other", "vocals"], "other", ("accompaniment",), "vocals"),
        (["Bass", "Drums", "Other", "Vocals"], None, ("bass", "drums", "other", "vocals"), "residual"),
        (["Bass", "Drums", "Other", "Vocals"], "Drums", ("drums",), "residual"),
        (["Drums", "other"], "other", ("other",), "drums"),
        (["No Reverb", "reverb"], "No Reverb", ("No Reverb",), "reverb"),
        (["dry", "other"], "dry", ("dry",), "other"),
        (["lead", "instrumental"], "lead", ("lead",), "accompaniment"),
    ],
)
def test_instruments_become_targets(here, instruments, target, targets, residual):
    model = MEL | {"targets": sorted(targets)}
    settings = describe(model, instruments, target)
    theirs = make_pair(here, model, settings)
    state, config = read_pair("model.ckpt", "model.yaml")
    assert (config.model.targets, config.model.residual_name) == (tuple(sorted(targets)), residual)
    assert_same(state, ours_of(theirs, config, targets))
    # The written files name the same targets again.
    write_pair("again.ckpt", state, config, "m")
    again, read = read_pair("again.ckpt", "again.yaml")
    assert read.model.targets == config.model.targets
    assert read.model.residual_name == residual or residual == "residual"
    assert_same(again, state)
    written = yaml.unsafe_load(Path("again.yaml").read_text())["training"]
    assert written["target_instrument"] is None or written["target_instrument"] in written["instruments"]
    assert len(set(written["instruments"])) == len(written["instruments"]) > 1


def test_training_states_prefixes_and_half_types(here):
    make_pair(here, MEL)
    theirs = torch.load("model.ckpt")
    expected, config = read_pair("model.ckpt", "model.yaml")
    numbers = {"best_metric": np.float64(9.5), "all_metrics": {"sdr": [np.float32(1)]}, "epoch": 3}
    for key in ("state", "state_dict", "model_state_dict"):
        for prefix in ("", "module.", "_orig_mod.", "module._orig_mod.", "model."):
            torch.save(numbers | {key: {prefix + name: tensor for name, tensor in theirs.items()}}, "other.ckpt")
            assert_same(read_pair("other.ckpt", "model.yaml")[0], expected)
    torch.save(theirs, "old.ckpt", _use_new_zipfile_serialization=False)
    assert_same(read_pair("old.ckpt", "model.yaml")[0], expected)
    for kind in (torch.float16, torch.bfloat16):
        half = {name: tensor.to(kind) for name, tensor in theirs.items()}
        torch.save(half, "half.ckpt")
        save_file(half, "half.safetensors")
        rounded = ours_of(half, config, config.model.targets)
        for file in ("half.ckpt", "half.safetensors"):
            assert_same(read_pair(file, "model.yaml")[0], rounded)
    # Copies for other programs have lost the constants, and an early model had biases that did nothing.
    bare = {name: tensor for name, tensor in theirs.items() if "rotary_embed" not in name}
    assert len(bare) == len(theirs) - 2
    torch.save({"linear_62_bias_0": torch.zeros(24), "linear_64_bias_0": torch.zeros(8)} | bare, "bare.ckpt")
    assert_same(read_pair("bare.ckpt", "model.yaml")[0], expected)
    torch.save({"linear_62_bias_0": torch.ones(24)} | bare, "bias.ckpt")
    with pytest.raises(InputError, match="1 left over .'linear_62_bias_0'"):
        read_pair("bias.ckpt", "model.yaml")


@needs_pymss
@pytest.mark.parametrize("model", [BS, MEL], ids=["bs", "mel"])
def test_the_original_reads_what_is_written(model):
    from pymss_core.modules.bs_roformer import BSRoformer, MelBandRoformer

    from auralflow_torch.models import create_model
    from auralflow_torch.weights import load_state

    config, state = roformer(model | {"zero_dc": False, "mask_layers": 1})
    write_pair("model.ckpt", state, config, "m")
    arguments = yaml.unsafe_load(Path("model.yaml").read_text())["model"]
    if model is MEL:
        arguments["mlp_hidden_layers"] = arguments["mask_estimator_depth"]  # where it counts in another way
    theirs = (MelBandRoformer if model is MEL else BSRoformer)(**arguments).eval()
    theirs.load_state_dict(torch.load("model.ckpt"))
    ours = create_model(config).eval()
    load_state(ours.network, state)
    audio = torch.randn(1, 2, CHUNK, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = theirs(audio).reshape(1, len(config.model.targets), 2, -1)
        found = ours.estimate(audio).audio[..., : expected.shape[-1]]
    assert expected.abs().max() > 1e-3
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=0, atol=1e-5 * max(1, float(expected.abs().max())))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("model", {"num_bands": 8}), r"model.ckpt with model.yaml: the tensors do not fit the network: \d+ missing"),
        (("model", {"dim": 16}), "'band_split.to_features.0.1.bias' is .8,., expected .16,."),
        (("model", {"dim": "16"}), "model.yaml: model.dim is '16', expected a whole number"),
        (("model", {"dim": None}), "model.yaml: model.dim is None, expected a whole number"),
        (("model", {"dim": -1}), "model.yaml: model.dim is -1, expected at least 0"),
        (("model", {"dim": 0}), "model.yaml: model.dim: expected `int` >= 1, got 0$"),
        (("model", {"dim_head": 3}), r"model.yaml: model.dim_head \(3\) must be even"),
        (("model", {"ff_dropout": math.nan}), "model.yaml: model.ff_dropout is nan, expected at least 0"),
        (("model", {"ff_dropout": 10**400}), "model.ff_dropout is 1000.*000, expected at most 1000000"),
        (("model", {"num_bands": 10**8}), "model.num_bands is 100000000, expected at most 500"),
        (("model", {"depth": 10**9}), "model.depth is 1000000000, expected at most 200"),
        (("model", {"linear_transformer_depth": [1] * 999}), r"depth is .1, 1, .*\.\.\..* 1, 1., expected 0: no other"),
        (("model", {"heads": 10**30}), "model.heads is 10+, expected at most 1000000"),
        (("model", {"stft_n_fft": 1 << 20}), "model.stft_n_fft is 1048576, expected at most 65536"),
        (("audio", {"chunk_size": 10**12}), "audio.chunk_size is 10+, expected at most 100000000"),
        (("model", {"heads": True}), "model.heads is True, expected a whole number"),
        (("model", {"zero_dc": 1}), "model.zero_dc is 1, expected true or false"),
        (("model", {"freqs_per_bands": [2, 2]}), "freqs_per_bands is of a BS-RoFormer, but the checkpoint holds a Mel"),
        (("model", {"linear_transformer_depth": 1}), "linear_transformer_depth is 1, expected 0"),
        (("model", {"use_hyperace": True}), "unknown argument model.use_hyperace of a Mel-Band RoFormer; "),
        (("model", {"sample_rate": 44100}), "model.sample_rate is 44100, but audio.sample_rate is 8000"),
        (("model", {"stereo": False}), "audio.num_channels is 2, expected 1, as model.stereo is false"),
        (("model", {"num_stems": 2}), "model.num_stems is 2, but training names 1 as targets"),
        (("model", "htdemucs"), "model.yaml: model is 'htdemucs', expected a group"),
        (("training", []), "training is a list, expected a group"),
        (("training", {"instruments": []}), r"training.instruments is \[\], expected a list of names"),
        (("training", {"instruments": ["vocals", "VOCALS"]}), "two of which are one target"),
        (("training", {"target_instrument": "drums"}), "target_instrument is 'drums', expected one of vocals"),
        (("audio", {"chunk_size": "8 s"}), "audio.chunk_size is '8 s', expected a whole number"),
        (("audio", {"chunk_size": 3}), r"audio.chunk_size in seconds \(0.0.* s, 3 samples\) must hold at least 128"),
        (("audio", {"chunk_size": 0}), "audio.chunk_size is 0, expected at least 1$"),
        (("inference", {"chunk_size": -5}), "inference.chunk_size is -5, expected at least 1$"),
        (("training", {"instruments": [f"s{i}" for i in range(65)]}), "instruments has 65 names, expected at most 64$"),
        (("inference", {"normalize": 1}), "inference.normalize is 1, expected true or false"),
    ],
)
def test_settings_of_another_model_are_refused(here, change, words):
    settings = describe(MEL, ["vocals"])
    group, value = change
    settings[group] = settings[group] | value if isinstance(value, dict) else value
    make_pair(here, MEL, settings)
    with pytest.raises(InputError, match=words) as caught:
        read_pair("model.ckpt", "model.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("audio", {"sample_rate": 0}), "audio.sample_rate: expected `int` >= 1, got 0"),
        (("model", {"mask_estimator_depth": 0}), "model.mask_estimator_depth is 0, expected at least 1"),
        (("model", {"freqs_per_bands": [4, 0]}), r"model.freqs_per_bands\[1\]: expected `int` >= 1, got 0"),
        (("model", {"freqs_per_bands": [1] * 501}), "model.freqs_per_bands has 501 numbers, expected at most 500"),
        (("model", {"freqs_per_bands": 4}), "model.freqs_per_bands is 4, expected a list of numbers"),
        (
            ("model", {"freqs_per_bands": [4, 4]}),
            r"model.freqs_per_bands covers 8 bins, model.stft_n_fft \(64\) has 33",
        ),
    ],
)
def test_settings_of_other_bands_are_refused(here, change, words):
    settings = describe(BS, ["vocals", "other", "drums"])
    group, value = change
    settings[group] |= value
    make_pair(here, BS, settings)
    with pytest.raises(InputError, match=f"^model.yaml: {words}$"):
        read_pair("model.ckpt", "model.yaml")


def test_the_chunk_of_inference_comes_first_and_frames_last(here):
    settings = describe(MEL, ["vocals"])
    settings["inference"] |= {"chunk_size": 800, "normalize": True}
    make_pair(here, MEL, settings)
    state, config = read_pair("model.ckpt", "model.yaml")
    assert (config.crop_samples, config.model.normalize_song) == (800, True)
    write_pair("again.ckpt", state, config, "m")
    assert read_pair("again.ckpt", "again.yaml")[1].model.normalize_song
    del settings["inference"]["chunk_size"], settings["audio"]["chunk_size"]
    make_pair(here, MEL, settings)
    assert read_pair("model.ckpt", "model.yaml")[1].crop_samples == 32 * 4
    del settings["inference"]
    make_pair(here, MEL, settings)
    with pytest.raises(InputError, match=r"audio.chunk_size is missing"):
        read_pair("model.ckpt", "model.yaml")


def test_the_six_stem_models_settings_name_no_bands(here):
    model = BS | {"num_fft": 2048, "window_size": 2048, "hop_length": 512, "bands": []}
    settings = describe(model, ["vocals", "other", "drums"])
    del settings["model"]["freqs_per_bands"]
    settings["audio"]["chunk_size"] = 4096
    make_pair(here, model, settings)
    config = read_pair("model.ckpt", "model.yaml")[1]
    assert len(config.model.band_features) == 62  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (template("SpectrogramNetSimple"), "m: is of type SpectrogramNetSimple, which has no counterpart there"),
        (roformer(MEL | {"norms": "end"})[0], "m: model.norms is 'end', expected 'each'"),
        (roformer(BS | {"norms": "each"})[0], "m: model.norms is 'each', expected 'end'"),
        (roformer(MEL | {"positions": "polar"})[0], "m: model.positions is 'polar', expected 'rotary'"),
        (roformer(MEL | {"padding": "constant"})[0], "m: model.padding is 'constant', expected 'reflect'"),
    ],
)
def test_models_without_a_counterpart_are_not_written(here, config, words):
    with pytest.raises(InputError, match=words):
        write_pair("model.ckpt", {}, config, "m")
    with pytest.raises(InputError, match=r"^model.pth: a checkpoint must end in .ckpt"):
        write_pair("model.pth", {}, config, "m")
    assert list(here.iterdir()) == []


def test_nothing_is_half_written(here, monkeypatch):
    config, state = roformer(MEL)

    def fill(tensors, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", fill)
    with pytest.raises(OSError, match="No space left"):
        write_pair("model.ckpt", state, config, "m")
    assert list(here.iterdir()) == []
