"""Checkpoints that are refused: of other networks, damaged, or dangerous."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from roformer_files import BS, MEL, make_pair

from auralflow_core.errors import InputError
from bridge.importers.checkpoint import family_of, read_checkpoint
from bridge.importers.msst import read_pair


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Code:
    """Writes a file when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("it-ran",)


def refusal(path="model.ckpt"):
    """The sentence with which a checkpoint is refused."""
    with pytest.raises(InputError, match=f"^{path}: ") as caught:
        family_of(read_checkpoint(path), path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("layers.0.0.layers.0.0.to_qkv.lora_A.weight", "adapters (LoRA), which are no whole model"),
        ("layers.0.0.layers.0.0.branch.norm.gamma", "a RoFormer of the later bs-roformer package, with residual"),
        ("to_value_residual_mix.0.0.weight", "a RoFormer of the later bs-roformer package, with value residuals"),
        ("stg1_low_band_net.enc1.conv.weight", "a VR network: melband-roformer-kim separates vocals better"),
        ("conv.weight", "a network of another kind (1 tensors, its first is 'conv.weight')"),
    ],
)
def test_networks_that_are_not_read(name, words):
    torch.save({f"module.{name}": torch.ones(2)}, "model.ckpt")
    assert words in refusal() and "HTDemucs, HDemucs, SCNets and MDX23C networks are read" in refusal()


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("UVR-MDX-NET.onnx", "is an ONNX graph, as of MDX-Net, which is not read: melband-roformer-kim separates"),
        ("HP2.pth", "a VR network of UVR, which is not read: melband-roformer-kim separates vocals better"),
        ("model.meta", "as of Spleeter, which is not read: the pretrained model spleeter-2stems has Spleeter's"),
        ("model.data-00000-of-00001", "of a checkpoint of TensorFlow"),
        ("955717e8.th", "a package of demucs"),
        ("model", "is a file without a suffix"),
        ("model.bin", "is a file that ends in .bin"),
    ],
)
def test_files_of_other_kinds(file, words):
    torch.save({"stg1_low_band_net.enc1.conv.weight": torch.ones(2)}, file)
    assert words in refusal(file)


def test_a_truncated_file(here):
    make_pair(here, BS)
    whole = Path("model.ckpt").read_bytes()
    for size in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        Path("model.ckpt").write_bytes(whole[:size])
        assert "it is damaged or of another kind" in refusal() or "could run code" in refusal()
    Path("model.ckpt").write_text("<!DOCTYPE html>\n<html>404")
    assert "is a text that begins with '<!DOCTYPE html>\\n<html>404', no file of torch.save; perhaps" in refusal()
    Path("model.safetensors").write_bytes(b"\x80\x00\x00\x00\x00\x00\x00\x00{")
    assert "not a readable safetensors file" in refusal("model.safetensors")
    for file in ("nowhere.ckpt", "nowhere.safetensors"):
        assert "no such file of weights" in refusal(file)
    Path("folder.ckpt").mkdir()
    assert "damaged or of another kind" in refusal("folder.ckpt")


def test_no_code_is_run(here):
    make_pair(here, MEL)
    theirs = torch.load("model.ckpt")
    for zipped in (True, False):
        torch.save({"state_dict": theirs, "extra": Code()}, "model.ckpt", _use_new_zipfile_serialization=zipped)
        assert "refused, as loading it would run posix.mkdir" in refusal()
    torch.save(theirs | {"band_split": np.zeros(1, object)}, "model.ckpt")
    assert "refused, as loading it would run" in refusal()
    assert {path.name for path in here.iterdir()} == {"model.ckpt", "model.yaml"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], "holds a list, expected a state dict"),
        ({}, r"holds a network of another kind (0 tensors)"),
        ({"epoch": 3, "weights": {}}, "holds epoch, weights, expected a state dict, or state or state_dict or model_"),
        ({"state_dict": {"a": 3}}, "'a' is an int, expected a state dict of tensors alone"),
        ({3: torch.ones(1)}, "3 is a Tensor, expected a state dict of tensors alone"),
        ({"a": torch.ones(1, dtype=torch.float64)}, "tensor 'a' is of type torch.float64 on cpu; float32, float16 and"),
        ({"a": torch.ones(1, dtype=torch.int32)}, "tensor 'a' is of type torch.int32 on cpu"),
        ({"a": torch.ones(1, device="meta")}, "tensor 'a' is of type torch.float32 on meta"),
        ({"a": torch.tensor([1.0, float("nan")])}, "tensor 'a' holds NaN or infinite values, with which nothing can"),
        ({"a": torch.tensor(float("-inf")).half()}, "tensor 'a' holds NaN or infinite values"),
        ({"a": torch.eye(2).to_sparse()}, "tensor 'a' has the layout torch.sparse_coo; dense tensors are read"),
        ({"a": torch.ones(1).expand(10**6, 10**6)}, "tensor 'a' has 4000000000000 bytes, more than the file"),
    ],
)
def test_files_of_something_else(content, words):
    torch.save(content, "model.ckpt")
    assert words in refusal()


def test_tensors_of_one_family_with_settings_of_another(here):
    make_pair(here, BS)
    make_pair(here, MEL, stem="mel")
    for checkpoint, settings in (("model.ckpt", "mel.yaml"), ("mel.ckpt", "model.yaml")):
        with pytest.raises(InputError, match=rf"^{settings}: model.\w+ is of a .* but the checkpoint holds a "):
            read_pair(checkpoint, settings)
