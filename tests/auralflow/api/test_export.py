"""Exported files: every family in every kind of file, their weights in fewer bits, and what is refused."""

import itertools
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import small_models
import soundfile
import torch
from converters import REFUSED, require
from distributions import modules_beyond, requirements

import auralflow
from auralflow.api.export import export
from auralflow.backends import EXPORTERS, load_exporter
from auralflow_core.config import MODELS
from auralflow_core.errors import InputError
from auralflow_core.evaluation.metrics import si_sdr
from auralflow_core.exported import onnx_file, tflite_file
from auralflow_core.exported.paths import is_exported
from auralflow_core.model_folder import find_model
from auralflow_torch.export.small_weights import quantize, shrink
from auralflow_torch.models import create_model
from bridge.parity.cases import small_config

# The fixture `exported` below has a file of ONNX in every run.
QUICK = [("SpectrogramNetSimple", "pt2"), ("SpectrogramNetSimple", "stablehlo")]
FAMILIES = [
    pair if pair in QUICK else pytest.param(*pair, marks=pytest.mark.slow)
    for pair in itertools.product(MODELS, EXPORTERS)
    if pair not in REFUSED
]
# Runs the command where some packages cannot be imported.
ALONE = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split()))
from auralflow.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


def save_model(folder, config):
    """Saves a model with random weights, and returns it."""
    torch.manual_seed(0)
    model = create_model(config).eval()
    model.save(folder)
    return model


def estimate(model, audio):
    with torch.no_grad():
        return model.estimate(torch.from_numpy(audio)).audio.numpy()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A stereo model of two targets, its folder and its ONNX file."""
    folder = tmp_path_factory.mktemp("export")
    config = small_models.small_config(num_channels="2", targets="bass,vocals", hidden_channels="16")
    model = save_model(folder / "model", config)
    path, description = export(folder / "model", "onnx", folder / "model.onnx")
    return model, folder / "model", path, description


@pytest.mark.parametrize(("name", "to"), FAMILIES)
def test_every_family_is_exported_and_agrees_with_its_model(tmp_path, name, to):
    require(to)
    model = save_model(tmp_path / name, small_config(name, targets=("bass", "vocals"), num_channels=2))
    path, description = export(tmp_path / name, to, tmp_path / f"out{EXPORTERS[to].suffix}")
    audio = np.random.default_rng(0).normal(size=(1, 2, description.samples)).astype(np.float32) / 10
    found, expected = load_exporter(to).open_program(path)(audio), estimate(model, audio)
    assert found.shape == expected.shape == (1, 2, 2, description.samples)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert load_exporter(to).read_description(path) == description
    assert description.settings(str(path)) == model.settings
    assert description.check.tolerance == 1e-4 >= description.check.largest_difference


def test_a_song_is_separated_by_onnxruntime_alone(exported, tmp_path):
    _, folder, path, _ = exported
    missing = " ".join(modules_beyond(requirements("packaging/onnx")))
    assert {"jax", "torch", "onnx", "yaml"} < {*missing.split()}
    song = tmp_path / "song.wav"
    soundfile.write(song, np.random.default_rng(1).normal(size=(2 * 22050, 2)) / 10, 22050)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            ALONE,
            missing,
            "separate",
            "--model",
            path,
            song,
            "--save",
            tmp_path / "ours",
            "--residual",
        ],
        env={"PYTHONPATH": str(Path(auralflow.__file__).parents[1]), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "with model, onnxruntime on cpu." in done.stdout
    auralflow.separate(folder, song, tmp_path / "theirs", residual=True, backend="torch")
    for stem in ("bass", "vocals", "residual"):
        ours, theirs = (soundfile.read(tmp_path / side / f"model/song/{stem}.wav")[0] for side in ("ours", "theirs"))
        assert np.abs(theirs).max() > 1e-3
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(("weights", "share", "quality"), [("float16", 0.55, 60), ("int8", 0.35, 25)])
def test_smaller_weights_cost_little(exported, tmp_path, weights, share, quality):
    model, _, path, _ = exported
    proto = onnx.load(path)
    shrink(proto, {f"model.{name}": array.detach().numpy() for name, array in model.named_parameters()}, weights)
    onnx.checker.check_model(proto)
    onnx.save(proto, tmp_path / "small.onnx")
    large = sum(parameter.numel() for parameter in model.parameters() if parameter.numel() >= 1024)
    saved = path.stat().st_size - (tmp_path / "small.onnx").stat().st_size
    assert saved > (1 - share) * 4 * large > 10000
    audio = np.random.default_rng(0).normal(size=(1, 2, model.settings.crop_samples)).astype(np.float32) / 10
    found, expected = onnx_file.open_program(tmp_path / "small.onnx")(audio), estimate(model, audio)
    assert quality < si_sdr(found, expected) < 120


@pytest.mark.slow
def test_a_song_is_separated_by_litert(exported, tmp_path):
    require("tflite")
    _, folder, _, _ = exported
    song = tmp_path / "song.wav"
    soundfile.write(song, np.random.default_rng(1).normal(size=(2 * 22050, 2)) / 10, 22050)
    expected = auralflow.separate(folder, song, tmp_path / "theirs", backend="torch").model
    for weights, largest in (("float32", 1e-5), ("float16", 1e-2), ("int8", 1e-1)):
        path, description = export(folder, "tflite", tmp_path / f"{weights}.tflite", weights=weights)
        assert is_exported(path) and description.weights == weights
        auralflow.separate(path, song, tmp_path / "ours")
        for stem in ("bass", "vocals"):
            files = tmp_path / f"ours/{weights}/song/{stem}.wav", tmp_path / f"theirs/{expected}/song/{stem}.wav"
            ours, theirs = (soundfile.read(file)[0] for file in files)
            error = np.abs(ours - theirs).max() / np.abs(theirs).max()
            assert error < largest and (weights == "float32" or error > 1e-6)
    sizes = [(tmp_path / f"{weights}.tflite").stat().st_size for weights in ("float32", "float16", "int8")]
    assert sizes == sorted(sizes, reverse=True)
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"TFL3" * 100)
    with pytest.raises(InputError, match=r"damaged.tflite: LiteRT cannot open it"):
        tflite_file.load(damaged)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "to"), REFUSED)
def test_a_converter_that_refuses_a_network_says_why(tmp_path, name, to):
    require(to)
    save_model(tmp_path / name, small_config(name, targets=("bass", "vocals"), num_channels=2))
    path = tmp_path / f"out{EXPORTERS[to].suffix}"
    with pytest.raises(InputError, match=REFUSED[name, to]):
        export(tmp_path / name, to, path)
    assert not path.exists()


def test_the_page_about_exports_lists_what_converters_take():
    page = (Path(__file__).parents[3] / "docs/export.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \| (yes|no) \|$", page, re.MULTILINE)
    assert rows == [
        (name, *("no" if (name, to) in REFUSED else "yes" for to in ("tflite", "executorch")))
        for name in sorted(MODELS)
    ]


def test_a_file_that_its_runtime_does_not_take_is_not_left(exported, tmp_path, monkeypatch):
    def run(audio):
        raise RuntimeError("Node number 517 failed to prepare.\nand a lot more")

    wrong = SimpleNamespace(write=lambda model, path: path.write_text("newer"), open_program=lambda path: run)
    monkeypatch.setattr("auralflow.api.export.load_exporter", lambda to: wrong)
    path = tmp_path / "new.pt2"
    reason = r"its runtime does not take what was converted: RuntimeError: Node number 517 failed to prepare\.$"
    with pytest.raises(InputError, match=f"new.pt2: not written: {reason}"):
        export(exported[1], "pt2", path)
    assert not [*tmp_path.iterdir()]


def test_int8_takes_the_axis_whose_slices_differ_most():
    array = np.outer([1, 100, 0], np.linspace(-1, 1, 255)).astype(np.float32)
    values, scale, axis = quantize(array)
    assert axis == 0 and values.dtype == np.int8
    np.testing.assert_allclose(scale, [1 / 127, 100 / 127, 1], rtol=1e-6)
    np.testing.assert_allclose(values * scale[:, None], array, atol=0.5 * 100 / 127)
    np.testing.assert_allclose(values[0] * scale[0], array[0], atol=0.51 / 127)


def test_past_tolerance_no_file_is_left_and_an_older_one_stays(exported, tmp_path, monkeypatch):
    model, folder, _, _ = exported
    wrong = SimpleNamespace(
        write=lambda model, path: path.write_text("newer"),
        open_program=lambda path: lambda audio: estimate(model, audio) + np.float32(2e-3),
        describe=lambda path, description: None,
    )
    monkeypatch.setattr("auralflow.api.export.load_exporter", lambda to: wrong)
    path = tmp_path / "kept.pt2"
    path.write_text("older")
    with pytest.raises(InputError, match=r"kept.pt2: not written: opened again, it differs from the model by 2.0e-03 "):
        export(folder, "pt2", path)
    assert path.read_text() == "older" and [*tmp_path.iterdir()] == [path]
    _, description = export(folder, "pt2", path, tolerance=3e-3)
    assert path.read_text() == "newer" and description.check.tolerance == 3e-3
    assert description.check.largest_difference == pytest.approx(2e-3, rel=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "coreml"}, "unknown kind of file 'coreml'; known: executorch, onnx, pt2, stablehlo, tflite"),
        ({"weights": "int4"}, "weights is 'int4'"),
        (
            {"to": "pt2", "weights": "int8"},
            "weights is 'int8', which files of onnx, tflite can have; one of pt2 has float32",
        ),
        ({"save": "model.bin"}, "model.bin: files of onnx end in .onnx"),
        ({"tolerance": float("nan")}, "tolerance is nan, expected a number above 0"),
        ({"audio": "no.wav"}, "no.wav: no such file"),
        ({"model": "other.onnx"}, "other.onnx: no such file"),
    ],
)
def test_arguments_that_are_not_accepted_are_named(exported, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        export(**{"model": exported[1], "to": "onnx"} | options)
    assert str(error.value).startswith(message)
    assert not [*tmp_path.iterdir()]


def test_an_exported_model_is_no_model_with_weights(exported, tmp_path):
    path = exported[2]
    with pytest.raises(InputError, match=r"model.onnx: is exported already; the model that"):
        export(path, "pt2")
    with pytest.raises(
        InputError, match=r"model.onnx: is an exported model, which `separate` and `evaluate` run in its"
    ):
        auralflow.models.load_model(path)
    with pytest.raises(InputError, match=r"model.onnx: an exported model takes no adapter"):
        auralflow.backends.load_separator(path, adapter="adapter.safetensors")
    damaged, foreign = tmp_path / "damaged.onnx", tmp_path / "foreign.onnx"
    damaged.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"damaged.onnx: onnxruntime cannot open it"):
        onnx_file.load(damaged)
    damaged.write_bytes(path.read_bytes().replace(b'"sample_rate"', b'"sample\xb1rate"'))
    with pytest.raises(InputError, match=r"damaged.onnx: its description of the model is damaged: .*0xb1"):
        onnx_file.load(damaged)
    proto = onnx.load(path)
    del proto.metadata_props[:]
    onnx.save(proto, foreign)
    with pytest.raises(InputError, match=r"foreign.onnx: is an ONNX graph, as of MDX-Net, which is not read"):
        find_model(foreign)
    with pytest.raises(InputError, match=r"foreign.onnx: does not say which model it holds"):
        onnx_file.load(foreign)
