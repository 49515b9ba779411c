"""Packages of demucs, in and out, and refused."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from demucs_files import SAMPLES, SMALL, ht_demucs, package_of, write_safetensors, write_th
from safetensors import safe_open

from auralflow_core.config import template
from auralflow_core.errors import InputError
from bridge.importers.demucs_package import read_package, write_package


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


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
        (lambda package: package["kwargs"].update(segment=math.nan), "segment is nan, expected a number of seconds"),
        (lambda package: package["kwargs"].update(segment=math.inf), "segment is inf, expected a number of seconds"),
        (lambda package: package["kwargs"].update(segment=0), "segment is 0, expected a number of seconds above 0"),
        (lambda package: package["kwargs"].update(samplerate=math.nan), "samplerate is nan, expected a whole number"),
        (lambda package: package["kwargs"].update(nfft=-math.inf), "nfft is -inf, expected a whole number"),
        (lambda package: package["kwargs"].update(t_layers=10**6), "t_layers is 1000000, expected a whole number from"),
        (lambda package: package["kwargs"].update(dconv_depth=201), "dconv_depth is 201, expected a .* from 0 to 200"),
        (lambda package: package["kwargs"].update(channels=0), "channels: expected `int` >= 1, got 0"),
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
