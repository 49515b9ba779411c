from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from safetensors.numpy import load_file

from auralflow.cli.main import main
from auralflow.pretrained import PRETRAINED, get_model, packing
from auralflow.pretrained.bundled import bundled
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder, find_model
from auralflow_core.weights.file import nested, read_tensors, write_tensors
from auralflow_core.weights.names import to_torch


@pytest.fixture
def own(trained, monkeypatch):
    """A small model of our own among the pretrained ones."""
    Path("weights").mkdir()
    Path("weights/own-model.md").write_text("Made for a test.\n")
    assert bundled(Path("weights")) == []
    packing.pack(trained.model.path, "weights/own-model.safetensors")
    [ready] = bundled(Path("weights"))
    monkeypatch.setitem(PRETRAINED, ready.name, ready)
    return ready


def test_packed_weights_are_halves_of_kernels_and_whole_vectors(own, trained):
    packed = load_file("weights/own-model.safetensors")
    whole = to_torch(nested(read_tensors(trained.model.weights), ""))
    assert packed.keys() == whole.keys() and {array.ndim for array in whole.values()} == {0, 1, 4}
    for name, array in whole.items():
        if array.ndim < 2:
            assert packed[name].dtype == array.dtype
            np.testing.assert_array_equal(packed[name], array)
        else:  # eleven bits: half of the last one is 2^-11 of the number, or of the smallest normal one, 2^-14
            assert packed[name].dtype == np.float16
            assert (np.abs(packed[name] - array) <= 2.0**-11 * np.maximum(np.abs(array), 2.0**-14)).all()
    read = read_tensors("weights/own-model.safetensors")
    for name, array in read.tensors.items():
        assert array.dtype == whole[name].dtype
        np.testing.assert_array_equal(array, packed[name])
    assert own.megabytes == Path("weights/own-model.safetensors").stat().st_size / 1e6
    assert own.quality.startswith(f"SI-SDR vocals {read.provenance['si_sdr']['vocals']:.1f} dB")


def test_what_float16_cannot_hold_is_refused():
    with pytest.raises(InputError, match=r"here: kernel holds 70000.0, more than the 65504.0 of float16"):
        packing.halved(np.full((2, 2), 7e4, np.float32), "here: kernel")


def test_a_model_of_our_own_needs_no_network(own, trained, home, capsys):
    folder = get_model(own.name, offline=True)
    assert folder == find_model(own.name) and folder.name == own.name and (home / "models") in folder.parents
    assert "Made for a test." in (folder / "README.md").read_text()
    config = ModelFolder(folder).load_config()
    assert config.model == msgspec.structs.replace(trained.model.load_config().model, model_name=own.name)
    song = np.random.default_rng(0).uniform(-0.5, 0.5, (8000, 1))
    soundfile.write("song.wav", song, 8000)
    stems = []
    for name, model, backend in (
        ("jax", own.name, "jax"),
        ("torch", own.name, "torch"),
        ("whole", trained.model.path, "jax"),
    ):
        assert main(["separate", str(model), "song.wav", "--save", name, "--backend", backend]) == 0
        stems.append(soundfile.read(f"{name}/{Path(model).name}/song/vocals.wav")[0])
    np.testing.assert_allclose(stems[0], stems[1], rtol=0, atol=1e-5)  # as tests/parity has it
    assert 0 < np.abs(stems[0] - stems[2]).max() < 0.01
    capsys.readouterr()
    assert main(["pretrained", "list"]) == 0 and own.name in capsys.readouterr().out
    assert main(["evaluate", own.name, str(trained.songs), "--metrics", "sdr", "--no_report"]) == 0
    results = Path("evaluated", own.name)  # and not in the cache
    assert {path.name for path in results.iterdir()} == {"evaluation.csv", "evaluation.json"}
    assert not list(home.rglob("evaluation*"))
    assert main(["train", "new", "nowhere", "--from", own.name]) == 2
    assert ModelFolder("new").load_config().dataset.shares == ()


def test_other_weights_of_the_same_name_are_kept_apart(own, trained):
    before = get_model(own.name)
    packed = read_tensors("weights/own-model.safetensors", ["auralflow-torch"])
    tensors = {name: array + array.dtype.type(1) for name, array in packed.tensors.items()}
    write_tensors("weights/own-model.safetensors", replace(packed, tensors=tensors))
    after = get_model(own.name)
    assert before != after and before.exists()
    for name, array in read_tensors(ModelFolder(after).weights).tensors.items():
        np.testing.assert_array_equal(array, tensors[name])


def test_packing_is_a_command(trained, monkeypatch, capsys):
    monkeypatch.setattr(packing, "WEIGHTS", Path("weights"))
    assert packing.main([str(trained.model.path), "mine"]) == 2
    assert "weights/mine.md: no such file" in capsys.readouterr().err and not Path("weights").exists()
    Path("weights").mkdir()
    Path("weights/mine.md").touch()
    assert packing.main([str(trained.model.path), "mine"]) == 0
    assert "Wrote weights/mine.safetensors" in capsys.readouterr().out
    assert packing.main(["nowhere", "mine"]) == 2
    assert "nowhere: no model folder" in capsys.readouterr().err
