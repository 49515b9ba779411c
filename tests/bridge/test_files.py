import os
import pickle
import warnings

import numpy as np
import pytest
import torch
from small_models import KINDS, make_model, random_weights, small_config

import auralflow_torch
from auralflow_core.errors import InputError
from auralflow_core.weights.file import TORCH, TRAINING, TensorFile, write_tensors
from auralflow_core.weights.names import to_torch
from auralflow_torch.networks import build_network
from bridge.files import read_flax, read_pickled, read_torch


class Runs:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.parametrize("suffix", ["pth", "pt"])
def test_a_state_dict_of_torch_save_is_read(here, new_format, suffix):
    state = torch.nn.BatchNorm2d(3).state_dict()
    torch.save(state, f"net.{suffix}", _use_new_zipfile_serialization=new_format)
    file = read_torch(f"net.{suffix}")
    assert (file.format, file.config, file.provenance) == (TORCH, None, {})
    assert file.tensors.keys() == state.keys()
    assert all(np.array_equal(file.tensors[name], tensor.numpy()) for name, tensor in state.items())


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(here):
    torch.save({"a": Runs(here / "trace")}, "a.pth")
    with open("b.pth", "wb") as file:
        pickle.dump({"a": Runs(here / "trace")}, file)
    torch.save(torch.nn.Linear(2, 2), "c.pth")
    for name, words in (
        ("a.pth", "loading it would run posix.mkdir"),
        ("b.pth", "could run code"),
        ("c.pth", "loading it would run torch.nn.modules.linear.Linear"),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(InputError, match=f"{name}: refused, .*{words}; only a state dict of tensors"):
                read_pickled(name)
    assert not (here / "trace").exists()
    torch.load("a.pth", weights_only=False)  # the trap is a real one
    assert (here / "trace").exists()


@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.parametrize("share", [0, 0.1, 0.9])
def test_a_truncated_file_of_torch_save_is_refused(here, new_format, share):
    torch.save(torch.nn.Linear(30, 30).state_dict(), "a.pth", _use_new_zipfile_serialization=new_format)
    with open("a.pth", "r+b") as file:
        file.truncate(int(share * os.path.getsize("a.pth")))
    with pytest.raises(InputError, match="a.pth: not a readable file of torch.save|a.pth: refused") as caught:
        read_torch("a.pth")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"model": {"a": torch.zeros(2)}}, "'model' is a dict"),
        ({"a": torch.zeros(2), "epoch": 3}, "'epoch' is an int"),
        ({3: torch.zeros(2)}, "3 is a Tensor"),
        ([torch.zeros(2)], "holds a list"),
        ({"a": torch.zeros(2, dtype=torch.bfloat16)}, "tensor 'a' of type torch.bfloat16"),
    ],
)
def test_what_is_no_state_dict_is_refused(here, content, words):
    torch.save(content, "a.pth")
    with pytest.raises(InputError) as caught:
        read_torch("a.pth")
    assert str(caught.value).startswith("a.pth: ") and words in str(caught.value)


def test_garbage_and_nothing_are_refused(here):
    (here / "a.pth").write_bytes(b"hello world" * 10)
    with pytest.raises(InputError, match="a.pth: is a text that begins with .hello world"):
        read_torch("a.pth")
    for name in ("nowhere.pth", "nowhere.safetensors"):
        with pytest.raises(InputError, match=f"{name}: no such file"):
            read_torch(name)
    with pytest.raises(InputError, match="nowhere: no such file"):
        read_flax("nowhere")
    (here / "folder").mkdir()
    with pytest.raises(InputError, match="no model folder"):
        read_flax("folder")


@pytest.mark.parametrize("kind", KINDS)
def test_torch_loads_a_folder_its_best_weights_alone_and_a_converted_file(here, kind):
    config = small_config(kind, targets="bass,vocals")
    variables = random_weights(config)
    folder = make_model("model", config, variables)
    state = to_torch(variables)
    write_tensors("t.safetensors", TensorFile(TORCH, state, config, {}))
    folder.weights.rename("alone.safetensors")
    make_model("model", config, variables)
    for source in ("model", "alone.safetensors", "t.safetensors"):
        network = auralflow_torch.load(source).network
        assert type(network).__name__ == kind and not network.training
        loaded = network.state_dict()
        assert loaded.keys() == state.keys()
        assert all(torch.equal(loaded[name], torch.from_numpy(array)) for name, array in state.items())
        mask = network(torch.rand(3, 1, config.model.num_bins, config.model.count_frames(config.crop_samples)))  # pyright: ignore[reportAttributeAccessIssue]
        assert mask.shape[:3] == (3, 2, 1) and mask.min() >= 0 and mask.max() <= 1


def test_torch_refuses_files_that_do_not_fit(here):
    config = small_config()
    state = {name: tensor.numpy() for name, tensor in build_network(config).state_dict().items()}
    for change, words in (
        ({"head.bias": np.zeros(2, np.float32)}, r"'head.bias' is \(2,\), expected \(1,\)"),
        ({"more": np.zeros(2, np.float32)}, r"1 left over \('more' of shape \(2,\)\)"),
        ({"head.bias": np.zeros(1, np.float64)}, "'head.bias' is float64, expected float32"),
    ):
        write_tensors("t.safetensors", TensorFile(TORCH, state | change, config, {}))
        with pytest.raises(InputError, match=f"t.safetensors: .*{words}"):
            auralflow_torch.load("t.safetensors")
    write_tensors("t.safetensors", TensorFile(TRAINING, state, config, {}))
    with pytest.raises(InputError, match="the metadata's format is 'auralflow-torch-training'"):
        auralflow_torch.load("t.safetensors")
    with pytest.raises(InputError, match="no such file"):
        auralflow_torch.load(here / "nowhere")
