import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from auralflow_core import config as configuration
from auralflow_core.errors import InputError
from auralflow_core.weights.file import FLAX, TORCH, TRAINING, TensorFile, nested, read_tensors, write_tensors
from auralflow_core.weights.training_state import TrainingTensors, read_training, write_training

CONFIG = configuration.template("SpectrogramNetSimple")


def test_a_file_gives_back_what_was_written_also_transposed_arrays(tmp_path):
    rng = np.random.default_rng(0)
    tensors = {
        "kernel": rng.standard_normal((3, 4, 5)).astype(np.float32).transpose(2, 0, 1),
        "odd": rng.integers(0, 2**32, (6, 7), np.uint32).view(np.float32)[::2, ::3],
        "count": np.zeros((), np.int64),
    }
    write_tensors(tmp_path / "a.safetensors", TensorFile(TORCH, tensors, CONFIG, {"epoch": 3}))
    file = read_tensors(tmp_path / "a.safetensors")
    assert (file.format, file.config, file.provenance) == (TORCH, CONFIG, {"epoch": 3})
    for stored in (file.tensors, load_file(tmp_path / "a.safetensors")):
        assert stored.keys() == tensors.keys()
        for name, array in tensors.items():
            assert stored[name].shape == array.shape and stored[name].tobytes() == array.tobytes()


METADATA = {"format": TORCH, "config": json.dumps(configuration.to_dict(CONFIG)), "provenance": "{}"}


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({}, "holds tensors and no configuration, which is expected as config.json next to it"),
        ({"format": FLAX}, "the metadata's format is 'auralflow-flax', expected 'auralflow-torch'"),
        ({"format": TORCH, "config": "{}"}, "the metadata lack a provenance"),
        ({"format": TORCH}, "the metadata lack a config and a provenance"),
        (METADATA | {"config": "{"}, "config: not valid JSON at line 1, column 2"),
        (METADATA | {"config": "[" * 9999}, "config: nested more than 64 levels deep"),
        (METADATA | {"provenance": '{"seed": ' + "7" * 5000 + "}"}, "provenance: seed is 7777"),
        (METADATA | {"provenance": '{"seed": "\\ud800"}'}, r"provenance: seed is '\ud800', expected Unicode text"),
        (METADATA | {"provenance": "[1, 2]"}, "the metadata's provenance is [1, 2], expected an object"),
        ({"format": "x" * 9999}, "xxx', expected"),
        (
            METADATA | {"config": '{"model": {"model_type": "SpectrogramNetSimpel"}}'},
            "did you mean 'SpectrogramNetSimple'",
        ),
    ],
)
def test_metadata_that_do_not_belong_are_refused(tmp_path, metadata, words):
    path = tmp_path / "a.safetensors"
    save_file({"a": np.zeros(3, np.float32)}, path, metadata)
    with pytest.raises(InputError) as caught:
        read_tensors(path, [TORCH])
    assert str(caught.value).startswith(str(path)) and words in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, share):
    path = tmp_path / "a.safetensors"
    save_file({"a": np.zeros((30, 30), np.float32)}, path, METADATA)
    whole = path.read_bytes()
    assert read_tensors(path).tensors["a"].shape == (30, 30)
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="not a readable safetensors file"):
        read_tensors(path)


def test_a_flipped_bit_of_tensors_or_metadata_is_refused(tmp_path):
    path, rng = tmp_path / "a.safetensors", np.random.default_rng(0)
    tensors = {
        "a": rng.standard_normal((9, 9)).astype(np.float32),
        "b": np.zeros((), np.int64),
        "none": np.zeros((0, 3)),
    }
    write_tensors(path, TensorFile(TORCH, tensors, CONFIG, {"epoch": 3, "note": "é"}))
    whole = path.read_bytes()
    for place in rng.choice(len(whole), 300, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            file = read_tensors(path)
        except InputError as error:
            assert str(error).startswith(str(path))  # noqa: PT017
        else:  # the damaged part is none that is read: a space of the header, or the checksum's own name
            assert (file.config, file.provenance) == (CONFIG, {"epoch": 3, "note": "é"})
            assert {name: (a.shape, a.tobytes()) for name, a in file.tensors.items()} == {
                name: (a.shape, a.tobytes()) for name, a in tensors.items()
            }
            assert place < whole.index(b'"sha256"') + 10 or place < 8


def test_a_number_that_is_not_finite_is_not_written_and_still_read(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(InputError, match="provenance: score is nan, expected a finite number"):
        write_tensors(path, TensorFile(TORCH, {"a": np.zeros(3)}, CONFIG, {"score": float("nan")}))
    assert not path.exists()
    save_file({"a": np.zeros(3)}, path, METADATA | {"provenance": '{"score": NaN}'})  # as earlier versions did
    assert np.isnan(read_tensors(path).provenance["score"])


def test_a_missing_file_a_folder_and_a_type_that_numpy_lacks_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_tensors(tmp_path / "nowhere.safetensors")
    with pytest.raises(InputError, match="not a readable safetensors file"):
        read_tensors(tmp_path)
    header = json.dumps({"__metadata__": METADATA, "a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}})
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header.encode() + bytes(4))
    with pytest.raises(InputError, match="tensor 'a' is of type BF16"):
        read_tensors(path)


def test_flax_names_that_contradict_each_other_are_refused():
    a = np.zeros(1, np.float32)
    assert nested(TensorFile(FLAX, {"params/a/b": a}, None, {}), "f") == {"params": {"a": {"b": a}}, "batch_stats": {}}
    for names in (("params/a", "params/a/b"), ("params/a/b", "params/a")):
        with pytest.raises(InputError, match="f: tensor 'params/a"):
            nested(TensorFile(FLAX, dict.fromkeys(names, a), None, {}), "f")


def training(best=True):
    rng = np.random.default_rng(0)
    draw = lambda: {"a.weight": rng.standard_normal((2, 3)).astype(np.float32)}  # noqa: E731
    return TrainingTensors(draw(), draw(), draw(), draw(), 12, np.array(0.25, np.float32), draw() if best else None)


@pytest.mark.parametrize("best", [True, False])
def test_a_training_state_comes_back_whole(tmp_path, best):
    path, run = (
        tmp_path / "t.safetensors",
        {"history": [{"epoch": 1, "step": 12, "valid_loss": 0.5}] if best else [], "losses": [0.5]},
    )
    write_training(path, training(best), CONFIG, run)
    found, config, found_run = read_training(path)
    assert (config, found_run, found.step, found.lr_scale) == (CONFIG, run, 12, np.float32(0.25))
    for group in ("params", "ema", "exp_avg", "exp_avg_sq", "best"):
        a, b = getattr(training(best), group), getattr(found, group)
        assert (a is None and b is None) or (a["a.weight"] == b["a.weight"]).all()


@pytest.mark.parametrize(
    ("changes", "run", "words"),
    [
        ({"moment.a": np.zeros(2)}, {}, "tensor 'moment.a' of shape (2,) is no part of a training state"),
        ({"step": None}, {}, "tensor 'step' is missing, expected int64 of shape ()"),
        ({"step": np.array(3.0)}, {}, "tensor 'step' is float64 of shape (), expected int64"),
        ({"lr_scale": None}, {}, "tensor 'lr_scale' is missing"),
        ({"best.a.weight": None}, {}, "history has 1 epochs, but there are 0 tensors"),
        ({}, {"history": []}, "history has 0 epochs, but there are 1 tensors"),
        ({}, {"losses": None}, "lacks the run's history and losses"),
        ({}, {"losses": ["a"]}, "losses[0]: expected `float`, got 'a'"),
        ({}, {"history": [{"step": 12}]}, "history[0]: object missing required field `valid_loss`"),
        ({}, {"history": [[12]]}, "history[0]: expected `object`, got [12]"),
    ],
)
def test_a_training_state_with_parts_missing_or_left_over_is_refused(tmp_path, changes, run, words):
    path = tmp_path / "t.safetensors"
    write_training(path, training(), CONFIG, {"history": [{"epoch": 1, "step": 12, "valid_loss": 0.5}], "losses": []})
    file = read_tensors(path)
    tensors = {name: array for name, array in (file.tensors | changes).items() if array is not None}
    provenance = {key: value for key, value in (file.provenance | run).items() if value is not None}
    write_tensors(path, TensorFile(TRAINING, tensors, CONFIG, provenance))
    with pytest.raises(InputError) as caught:
        read_training(path)
    assert words in str(caught.value)
