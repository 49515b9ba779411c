"""Models in repositories of the Hugging Face Hub: written, pushed and fetched, on a server of this machine."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from hub_server import HubServer, instead_of_the_hub

import auralflow
import auralflow_jax
import auralflow_torch
from auralflow.api.results import results_folder
from auralflow_core.errors import InputError
from auralflow_core.hub.remote import FILES, remote_name
from auralflow_core.model_folder import ModelFolder, display_name, find_model
from auralflow_jax.models.base import SeparationModel as JaxModel
from auralflow_torch.models import AudioModel, SeparationModel
from bridge.parity.cases import small_config

hub = pytest.importorskip("huggingface_hub")
pytest.importorskip("huggingface_hub.constants")  # which is imported when it is used


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return auralflow_torch.create_model(small_config("SpectrogramNetSimple", frames=80)).eval()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server, which the library takes for the Hub; its cache is a new folder."""
    with instead_of_the_hub(tmp_path / "hub", monkeypatch) as server:
        yield server


@pytest.fixture
def files(model, tmp_path):
    """The files of a repository."""
    model.save_pretrained(tmp_path / "written")
    return {name: (tmp_path / "written" / name).read_bytes() for name in FILES}


def same(ours, theirs):
    return all(torch.equal(ours.state_dict()[name], value) for name, value in theirs.state_dict().items())


def test_a_repository_is_a_model_folder_for_both_frameworks(model, tmp_path):
    scores = {"MUSDB18-HQ": {"SI-SDR vocals": 5.25}}
    model.save_pretrained(tmp_path / "m", license="mit", base_model="user/base", datasets=["MUSDB18-HQ"], scores=scores)
    assert {path.name for path in (tmp_path / "m").iterdir()} == {*FILES}
    loaded = JaxModel.from_pretrained(tmp_path / "m")
    loaded.save_pretrained(tmp_path / "again", license="mit", base_model="user/base", datasets=["MUSDB18-HQ"])
    assert same(SeparationModel.from_pretrained(tmp_path / "again"), model)
    assert same(auralflow_torch.load(tmp_path / "m", device="cpu"), model)
    front = yaml.safe_load((tmp_path / "m/README.md").read_text().split("---\n")[1])
    assert front == {
        "library_name": "auralflow",
        "pipeline_tag": "audio-to-audio",
        "tags": ["music-source-separation", "vocals"],
        "license": "mit",
        "base_model": "user/base",
        "datasets": ["MUSDB18-HQ"],
        "model-index": [
            {
                "name": "m",
                "results": [
                    {
                        "task": {"type": "audio-to-audio", "name": "Music source separation"},
                        "dataset": {"type": "musdb18-hq", "name": "MUSDB18-HQ"},
                        "metrics": [{"type": "si-sdr", "name": "SI-SDR vocals", "value": 5.25}],
                    }
                ],
            }
        ],
    }
    assert hub.ModelCard.load(tmp_path / "m/README.md").data.eval_results[0].metric_value == 5.25
    with pytest.raises(InputError, match="expected an AudioModel"):
        AudioModel.from_pretrained(tmp_path / "m")
    with pytest.raises(InputError, match="expected an AudioModel"):
        auralflow_jax.models.AudioModel.from_pretrained(tmp_path / "m")


def test_a_repository_is_written_anew_and_keeps_its_card(model, tmp_path):
    model.save_pretrained(tmp_path / "m")
    (tmp_path / "m/README.md").write_text("mine")
    model.save_pretrained(tmp_path / "m")
    assert (tmp_path / "m/README.md").read_text() == "mine" and len([*(tmp_path / "m").iterdir()]) == 3
    model.save_pretrained(tmp_path / "m", license="mit")
    assert 'license: "mit"' in (tmp_path / "m/README.md").read_text()
    with pytest.raises(InputError, match=r"holds a repository's model.safetensors"):
        model.save(tmp_path / "m")
    model.save(tmp_path / "folder")
    with pytest.raises(InputError, match="exists already and is not what save_pretrained wrote"):
        model.save_pretrained(tmp_path / "folder")


def test_the_hubs_cache_is_read_without_a_server(files, tmp_path, monkeypatch, model):
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = tmp_path / f"cache/models--user--model/snapshots/{commit}"
    snapshot.mkdir(parents=True)
    for name, data in files.items():
        (snapshot / name).write_bytes(data)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs/main").write_text(commit)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    assert same(SeparationModel.from_pretrained("user/model"), model)
    assert find_model(f"hf:user/model@{commit}") == snapshot
    with pytest.raises(InputError, match=r"hf:user/other: cannot be fetched: .*"):
        auralflow_jax.load("hf:user/other")


def test_revisions_are_pinned(server, files, model):
    first = server.put("user/model", files, "main", "v1")
    second = server.put("user/model", files | {"README.md": b"newer"}, "main")
    assert find_model("hf:user/model@v1").name == find_model(f"hf:user/model@{first}").name == first
    assert find_model("hf:user/model").name == second != first
    assert same(SeparationModel.from_pretrained("user/model", revision="v1"), model)
    asked = len(server.requests)
    assert find_model(f"hf:user/model@{first}").name == first
    assert not [path for _, path, _ in server.requests[asked:] if "resolve" in path]


def test_a_download_that_breaks_off_goes_on_from_there(server, files, monkeypatch):
    monkeypatch.setattr(hub.constants, "DOWNLOAD_CHUNK_SIZE", 10)
    server.put("user/model", files, "main")
    server.cut = 100
    try:
        folder = find_model("hf:user/model")
    except InputError:  # early versions do not go on by themselves
        folder = find_model("hf:user/model")
    assert {name: (folder / name).read_bytes() for name in FILES} == files
    assert [first for _, _, first in server.requests if first and first != "bytes=0-"] == ["bytes=100-"]


def test_pushed_models_come_back(server, model):
    address = model.push_to_hub("user/model", token="hf_x", license="mit")
    assert address.startswith(f"{server.address}/user/model/commit/")
    JaxModel.from_pretrained("user/model").push_to_hub("user/second", token="hf_x", revision="dev")
    assert same(SeparationModel.from_pretrained("user/second", revision="dev"), model)
    assert server.repositories["user/model"]["main"].keys() == {*FILES}
    assert b'license: "mit"' in server.repositories["user/model"]["main"]["README.md"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf:user", "hf:user: expected hf:USER/MODEL, or hf:USER/MODEL@REVISION"),
        ("hf:user/model/../x", "hf:user/model/../x: expected hf:USER/MODEL"),
        ("hf:user/none", "hf:user/none: cannot be fetched: "),
        ("hf:user/model@v9", "hf:user/model@v9: cannot be fetched: "),
        ("hf:user/empty", "hf:user/empty: holds no "),
        ("hf:user/model/none.ckpt", "hf:user/model/none.ckpt: "),
    ],
)
def test_what_cannot_be_fetched_is_named(server, files, name, message):
    server.put("user/model", files, "main")
    server.put("user/empty", {"config.json": files["config.json"], "other.bin": b""}, "main")
    with pytest.raises(InputError) as error:
        find_model(name)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_names_of_repositories(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("user/here").mkdir(parents=True)
    assert remote_name("user/model") == "hf:user/model"
    assert remote_name("hf:user/model", "v1") == remote_name("user/model", "v1") == "hf:user/model@v1"
    assert remote_name("user/here") == "user/here" and remote_name("my_model") == "my_model"
    assert display_name("hf:user/model@v1") == "model"
    snapshot = tmp_path / "hub/models--user--model/snapshots/0123abc"
    snapshot.mkdir(parents=True)
    assert display_name(snapshot) == "model" and results_folder(snapshot) == Path("evaluated/model")
    for name, message in (("user/here", "can have no revision"), ("hf:user/model@v1", "has a revision already")):
        with pytest.raises(InputError, match=message):
            remote_name(name, "v2")


@pytest.mark.slow
def test_a_song_is_separated_by_a_model_of_the_hub_and_again_without_it(files, tmp_path):
    server = HubServer()
    server.put("user/model", files, "main")
    soundfile.write(tmp_path / "song.wav", np.random.default_rng(0).normal(size=8000) / 10, 8000)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(auralflow.__file__).parents[1]), *sys.path]),
        "HF_ENDPOINT": server.address,
        "HF_HOME": str(tmp_path / "home"),
    }
    command = [sys.executable, "-m", "auralflow", "separate", "--backend", "torch", "--overwrite"]
    command += ["--model", "hf:user/model", tmp_path / "song.wav", "--save", tmp_path / "out"]
    for offline in ("0", "1"):
        done = subprocess.run(command, env=environment | {"HF_HUB_OFFLINE": offline}, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / "out/model/song/vocals.wav").exists()
        if offline == "0":
            server.close()


def test_folders_of_training_runs_are_no_repositories(tmp_path, model):
    folder = ModelFolder(tmp_path / "run")
    folder.save_config(model.settings)
    with pytest.raises(InputError, match="is not what save_pretrained wrote"):
        model.save_pretrained(folder.path)
