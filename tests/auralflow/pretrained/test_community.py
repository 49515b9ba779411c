"""Checkpoints that others trained, from a pair of files to stems, to a fine-tuned model, and back."""

import signal
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
import pytest
import soundfile
import torch
from demucs_files import SMALL, ht_demucs, package_of, write_th
from roformer_files import BS, MEL, describe, make_pair

import auralflow_jax
import auralflow_torch
from auralflow.cli.main import main
from auralflow.pretrained import choose_model, import_model
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder, find_model
from auralflow_core.weights.file import read_tensors


@pytest.fixture
def pair():
    return make_pair(Path.cwd(), MEL)


def files(folder="."):
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


def refused(capsys, *arguments):
    capsys.readouterr()
    before = files()
    assert main([*arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("auralflow") and err.count("\n") == 1 and files() == before
    return err


def test_a_pair_becomes_a_folder_and_a_pair_again(pair, capsys):
    command = "pretrained get --file model.ckpt --settings model.yaml --save my_model"
    assert main(command.split()) == 0, capsys.readouterr().err
    assert capsys.readouterr().out == "The model is in my_model; it separates vocals.\n"
    assert files("my_model") == {"config.json", "README.md", "checkpoint/best.safetensors"}
    config = ModelFolder("my_model").load_config()
    assert (
        config.model.model_name == "my_model" and config == read_tensors("my_model/checkpoint/best.safetensors").config
    )
    card = Path("my_model/README.md").read_text()
    assert "- model.ckpt, SHA-256 " in card and "- model.yaml, SHA-256 " in card and "Licence: " in card
    assert main("convert to-msst my_model -o again.ckpt".split()) == 0
    assert capsys.readouterr().out.split() == ["again.ckpt", "again.yaml"]
    again = torch.load("again.ckpt")
    assert again.keys() == pair.keys() and all(torch.equal(again[name], pair[name]) for name in pair)
    assert main("convert to-msst my_model".split()) == 0 and {"my_model.ckpt", "my_model.yaml"} < files()
    Path("link.ckpt").symlink_to("nowhere")
    for name in ("again.ckpt", "link.ckpt"):
        assert f"{name}: exists already" in refused(capsys, *f"convert to-msst my_model -o {name}".split())


@pytest.mark.parametrize(
    ("command", "step"),
    [
        ("pretrained get --file model.ckpt --save new", "bridge.importers.msst.read_pair"),
        ("pretrained get --file model.ckpt --save new", "auralflow.pretrained.folder.write_tensors"),
        ("convert to-msst mine", "bridge.cli.read_flax"),
        ("convert to-msst mine", "torch.save"),
        ("convert to-torch mine", "bridge.cli.read_flax"),
        ("convert to-jax mine new", "bridge.cli.read_torch"),
        ("convert to-jax mine new", "auralflow_jax.weights.save_weights"),
    ],
)
def test_an_interrupted_command_leaves_nothing_and_can_be_given_again(pair, capsys, monkeypatch, command, step):
    assert main("pretrained get --file model.ckpt --save mine".split()) == 0
    before, done = files(), resolve_name(step)

    def interrupted(*arguments, **keywords):
        result = done(*arguments, **keywords)
        signal.raise_signal(signal.SIGINT)
        return result

    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(step, interrupted)
        assert main(command.split()) == 130
    out, err = capsys.readouterr()
    assert out == "" and err.endswith(": interrupted\n") and err.count("\n") == 1 and files() == before
    assert main(command.split()) == 0 and files() > before


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_checkpoint_beside_its_settings_is_a_model(pair, home, capsys, backend):
    soundfile.write("song.wav", np.random.default_rng(0).uniform(-0.5, 0.5, (4000, 2)), 8000)
    stems = []
    main("pretrained get --file model.ckpt --save my_model".split())
    for model in ("model.ckpt", "my_model"):
        assert main(["separate", model, "song.wav", "--save", f"{model}-out", "--backend", backend]) == 0
        stems.append(soundfile.read(next(Path(f"{model}-out").rglob("vocals.wav")))[0])
    np.testing.assert_array_equal(*stems)
    assert np.abs(stems[0]).max() > 0.01
    folder = find_model("model.ckpt")
    assert folder.is_relative_to(home) and folder.name == "model" and find_model(Path("model.ckpt").resolve()) == folder


def test_a_bag_beside_its_files_is_a_model(home):
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, (4000, 2))
    soundfile.write("song.wav", audio, 8000)
    Path("bag").mkdir()
    for seed, signature in enumerate(("aa", "bb")):
        write_th(f"bag/{signature}.th", package_of(*ht_demucs(SMALL, seed)))
    Path("bag/b1.yaml").write_text("models: [aa, bb]\nweights: [[1, 1, 1, 1], [3, 3, 3, 3]]\n")
    stems = {}
    for name, arguments in {"flag": ["--model", "bag/b1.yaml"], "first": ["bag/b1.yaml"], "aa": ["bag/aa.th"]}.items():
        assert main(["separate", *arguments, "song.wav", "--save", name, "--backend", "torch"]) == 0
        stems[name] = soundfile.read(next(Path(name).rglob("vocals.wav")))[0]
    np.testing.assert_array_equal(stems["flag"], stems["first"])
    assert np.abs(stems["flag"] - stems["aa"]).max() > 0.01
    folder = find_model("bag/b1.yaml")
    assert folder.is_relative_to(home) and ModelFolder(folder).load_config().model.to_dict()["members"] == 2
    assert "- bb.th, SHA-256 " in (folder / "README.md").read_text()
    write_th("bag/bb.th", package_of(*ht_demucs(SMALL, 3)))  # a change of a member is seen
    assert find_model("bag/b1.yaml") != folder


def test_both_packages_load_it(pair):
    audio = np.random.default_rng(0).standard_normal((1, 2, 1600), np.float32)
    with torch.no_grad():
        theirs = auralflow_torch.load("model.ckpt").estimate(torch.from_numpy(audio)).audio.numpy()
    ours = auralflow_jax.load("model.ckpt").estimate(audio).audio
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


def test_a_change_of_the_files_is_seen(pair):
    first = find_model("model.ckpt")
    assert find_model("model.ckpt") == first
    Path("model.yaml").write_text(Path("model.yaml").read_text().replace("chunk_size: 1600", "chunk_size: 3200"))
    second = find_model("model.ckpt")
    assert second != first and ModelFolder(second).load_config().crop_samples == 3200
    assert ModelFolder(first).load_config().crop_samples == 1600


def test_a_checkpoint_is_read_once_and_its_damaged_copy_made_again(pair):
    folder = find_model("model.ckpt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("auralflow.pretrained.community.sha256", lambda path: pytest.fail("hashed again"))
        patch.setattr("bridge.importers.msst.read_pair", lambda *paths: pytest.fail("read again"))
        assert find_model("model.ckpt") == folder
    weights = ModelFolder(folder).weights
    good, tensors = weights.read_bytes(), read_tensors(weights).tensors
    weights.write_bytes(good[:-9])  # its header tells
    assert find_model("model.ckpt") == folder
    np.testing.assert_equal(read_tensors(weights).tensors, tensors)
    weights.write_bytes(good[:-9] + bytes([good[-9] ^ 1]) + good[-8:])
    with pytest.raises(InputError, match="model: was damaged, and is removed; .* the same command makes it again"):
        auralflow_torch.load("model.ckpt")
    assert auralflow_torch.load("model.ckpt").targets == ("vocals",)


def test_files_of_our_own_with_settings_beside_them(pair):
    import_model("model.ckpt", save="my_model")
    Path("my_model/checkpoint/best.safetensors").rename("model.safetensors")
    assert find_model("model.safetensors") == Path("model.safetensors")
    assert auralflow_jax.load("model.safetensors").targets == ("vocals",)


def test_what_stands_before_the_inputs(pair):
    assert choose_model(None, ["model.ckpt", "a.wav"]) == ("model.ckpt", ["a.wav"])
    assert choose_model(None, ["model.yaml", "a.wav"]) == ("model.yaml", ["a.wav"])
    with pytest.raises(InputError, match="model.ckpt: is a model, and no input follows"):
        choose_model(None, ["model.ckpt"])


def test_bad_input(pair, capsys):
    get = ("pretrained", "get", "--save", "mine", "--file")
    make_pair(Path.cwd(), BS, stem="bs")
    make_pair(Path.cwd(), MEL, describe(MEL | {"width": 16}, ["vocals"]), stem="wide")
    Path("cut.ckpt").write_bytes(Path("model.ckpt").read_bytes()[:5000])
    Path("bomb.yaml").write_text(
        "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
    )
    Path("code.yaml").write_text("a: !!python/object/apply:os.mkdir [it-ran]")
    Path("alone.ckpt").write_bytes(b"")
    Path("UVR-MDX-NET.onnx").touch()
    Path("full").mkdir()
    Path("full/file").touch()
    for arguments, words in (
        ((*get, "model.ckpt", "--settings", "bs.yaml"), "bs.yaml: model.freqs_per_bands is of a BS-RoFormer, but"),
        ((*get, "model.ckpt", "--settings", "wide.yaml"), "model.ckpt with wide.yaml: the tensors do not fit"),
        ((*get, "cut.ckpt", "--settings", "model.yaml"), "cut.ckpt: not a readable file of torch.save, it is damaged"),
        ((*get, "model.ckpt", "--settings", "bomb.yaml"), "bomb.yaml: its aliases stand for more than 100000"),
        ((*get, "model.ckpt", "--settings", "code.yaml"), "code.yaml: not valid YAML: could not determine a constr"),
        ((*get, "model.ckpt", "--settings", "model.ckpt"), "model.ckpt: not valid YAML: "),
        ((*get, "model.ckpt", "--settings", "nowhere.yaml"), "nowhere.yaml: cannot be read: No such file"),
        ((*get, "model.yaml"), "model.yaml: names no models, so it is no bag of demucs; if it is the settings of"),
        (
            (*get, "model.yaml", "--settings", "model.ckpt"),
            "model.yaml: ends in .yaml, expected the checkpoint that mod",
        ),
        (("separate", "--model", "model.yaml", "song.wav"), "song.wav: "),
        (("train", "mine", "full", "--from", "model.yaml"), "model.yaml: names no models, so it is no bag of demucs; "),
        ((*get, "alone.ckpt"), "alone.ckpt: its settings are missing, alone.yaml is expected next to it; "),
        ((*get, "UVR-MDX-NET.onnx"), "is an ONNX graph, as of MDX-Net, which is not read: melband-roformer-kim"),
        (("separate", "UVR-MDX-NET.onnx", "song.wav"), "song.wav: "),
        (("train", "mine", "full", "--from", "UVR-MDX-NET.onnx"), "UVR-MDX-NET.onnx: is an ONNX graph"),
        ((*get, "nowhere.ckpt"), "nowhere.ckpt: no such file; a checkpoint is expected"),
        ((*get, "full"), "full: is no file; a checkpoint is expected"),
        (
            ("pretrained", "get", "--file", "model.ckpt", "--save", "cut.ckpt/x"),
            "cut.ckpt: is a file, a folder for cut.ckpt/x",
        ),
        (
            ("pretrained", "get", "umx", "--save", "cut.ckpt/x"),
            "cut.ckpt: is a file, a folder for cut.ckpt/x is expected",
        ),
        ((*get, "model.ckpt", "--high_bins", "mean"), "--high_bins mean is no setting of a checkpoint"),
        (("pretrained", "get", "--file", "model.ckpt"), "model.ckpt: the folder for its model is missing (--save)"),
        (("pretrained", "get", "umx", "--settings", "model.yaml"), "--settings belongs to a checkpoint of --file"),
        (("pretrained", "get"), "pretrained get needs a name"),
        (("pretrained", "get", "--file", "model.ckpt", "--save", "full"), "full: exists already; a new or empty"),
        (("separate", "alone.ckpt", "song.wav"), "song.wav: "),
        (("train", "mine", "full", "--from", "alone.ckpt"), "alone.ckpt: its settings are missing"),
        (("convert", "to-msst", "alone.ckpt", "-o", "x.ckpt"), "alone.ckpt: its settings are missing"),
        (("convert", "to-msst", "spleeter"), "spleeter: no such file or folder"),
    ):
        assert words in refused(capsys, *arguments)


def test_training_goes_on_from_a_checkpoint(pair, trained, capsys):
    assert main("pretrained get --file model.ckpt --save theirs".split()) == 0
    short = "--max_epochs 1 --samples_per_epoch 1 --num_snippets 0 --tensorboard false"
    assert main(f"config theirs {short}".split()) == 0
    status = main(f"train mine {trained.songs} --from theirs".split())
    assert status == 0, capsys.readouterr().err
    assert main("convert to-msst mine -o mine.ckpt".split()) == 0
    again = torch.load("mine.ckpt")
    assert again.keys() == pair.keys() and any(not torch.equal(again[name], pair[name]) for name in pair)
