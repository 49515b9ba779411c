"""A network of another package, that of docs/add-a-network.md: known to everything once it is registered."""

import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import jax
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import auralflow_jax.networks
import auralflow_torch.networks
import bridge
from auralflow_core.config import MODELS, template
from auralflow_core.errors import InputError
from auralflow_jax.models.base import abstract_variables
from bridge.parity.cases import small_config
from bridge.parity.twins import random_variables

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add-a-network.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```\w+\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0].splitlines()

# Runs the commands of the page one after the other, in one process, and then its comparison.
SCRIPT = """
import glob, json, runpy, sys
from auralflow.cli.main import main
for _, *arguments in json.load(sys.stdin):
    arguments = [path for argument in arguments for path in (sorted(glob.glob(argument)) or [argument])]
    print("$", *arguments, flush=True)
    if status := main(arguments):
        sys.exit(status)
runpy.run_path("compare.py")
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A folder with the package, whose entry points nobody knows of."""
    folder = tmp_path_factory.mktemp("package")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "toy_net" / "__init__.py").touch()
    return folder


@pytest.fixture(scope="module")
def installed(package, tmp_path_factory):
    """A folder that makes the package look installed: with its metadata, as pip writes them."""
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    folder = tmp_path_factory.mktemp("installed")
    info = folder / f"toy_net-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return folder


@pytest.fixture
def registries(monkeypatch):
    """The registries, which forget afterwards what a test has registered."""
    registries = MODELS, auralflow_jax.networks.NETWORKS, auralflow_torch.networks.NETWORKS
    for registry in registries:
        monkeypatch.setattr(registry, "_entries", dict(registry))
    yield registries
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy_net"]:
        del sys.modules[name]


@pytest.fixture
def toy_net(registries, package, monkeypatch):
    """The network, registered by calls."""
    monkeypatch.syspath_prepend(package)
    return [importlib.import_module(f"toy_net.{name}").ToyNet for name in ("config", "in_jax", "in_torch")]


def test_the_page_from_config_to_verify(package, installed, tmp_path):
    commands = [shlex.split(command) for command in COMMANDS]
    path = os.pathsep.join(map(str, (ROOT, package, installed)))
    (tmp_path / "compare.py").write_text(FILES["compare.py"], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(commands),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "120"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Wrote my_model/config.json (ToyNet)." in done.stdout
    assert re.search(r"hidden_size +8 +features between the two layers", done.stdout)
    assert "The networks are the same." in done.stdout and re.search(r"network +ToyNet", done.stdout)
    assert (tmp_path / "my_model" / "evaluation.csv").read_text().count("vocals") >= 1
    stems = [sorted(path.name for path in tmp_path.glob(f"{folder}/**/*.wav")) for folder in ("stems", "stems-torch")]
    assert stems[0] == stems[1] == ["vocals.wav"]
    ours, again = (load_file(tmp_path / folder / "checkpoint" / "best.safetensors") for folder in ("my_model", "again"))
    assert ours.keys() == again.keys() and len(ours) == 4
    assert all(ours[name].tobytes() == again[name].tobytes() for name in ours)
    assert "gradients outer.weight" in done.stdout


def test_registered_by_calls(toy_net, registries):
    assert [registry["ToyNet"] for registry in registries] == toy_net
    config = small_config("ToyNet", targets=("bass", "vocals"), num_channels=2)
    assert type(config.model) is toy_net[0]
    variables = random_variables(abstract_variables(config))
    network = auralflow_torch.networks.build_network(config)
    assert type(network) is toy_net[2]
    state = bridge.to_torch(variables)
    assert {name: tensor.shape for name, tensor in network.state_dict().items()} == {
        name: array.shape for name, array in state.items()
    }
    for ours, again in zip(jax.tree.leaves(variables), jax.tree.leaves(bridge.to_flax(state, config)), strict=True):
        np.testing.assert_array_equal(ours, again)


def test_a_package_that_registers_in_one_framework_alone(registries, package, monkeypatch):
    monkeypatch.syspath_prepend(package)
    importlib.import_module("toy_net.config")
    with pytest.raises(InputError, match="auralflow_torch has no network 'ToyNet'; .*known: AudioNetSimple, "):
        auralflow_torch.networks.build_network(template("ToyNet"))
    with pytest.raises(InputError, match="auralflow_jax has no network 'ToyNet'; .*known: AudioNetSimple, "):
        auralflow_jax.networks.build_network(template("ToyNet"))


@pytest.mark.parametrize("framework", [auralflow_jax, auralflow_torch])
def test_a_setting_that_a_network_does_not_use_is_refused(toy_net, framework):
    class ToyNetWithMore(toy_net[0]):
        momentum: float = 0.5

    network = framework.networks.NETWORKS["ToyNet"]
    words = r"ToyNetWithMore has the settings momentum, which the network toy_net.in_\w+.ToyNet does not use"
    with pytest.raises(ValueError, match=words):
        framework.register("ToyNetWithMore", network, ToyNetWithMore)
    assert "ToyNetWithMore" not in MODELS and "ToyNetWithMore" not in framework.networks.NETWORKS
    with pytest.raises(ValueError, match="the network 'Other' and its struct 'ToyNet' must have the same name"):
        framework.register("Other", network, toy_net[0])


BROKEN = [  # in which framework, what is changed of the network, and what the sentence says
    (
        "in_jax",
        "masks.astype(magnitude.dtype), None",
        "masks",
        "returned one thing, of shape .*, expected two things: its",
    ),
    (
        "in_jax",
        "len(config.targets), channels, bins)",
        "channels, bins, 1)",
        r"returned an output of shape .*, expected",
    ),
    (
        "in_jax",
        "    dtype: jnp.dtype = jnp.float32\n",
        "    dtype = jnp.float32\n",
        "called with .* unexpected .* 'dtype'",
    ),
    ("in_jax", "train: bool = False, noise: None = None", "*, train: bool = False", "__call__ is called with"),
    ("in_torch", "masks), None", "masks)", "returned one thing, of shape .*, expected two things: its output"),
    ("in_torch", "def estimate(", "def other(", r"estimate is called with \(x, noise\), and does not exist"),
    (
        "in_torch",
        "masks.squeeze(1) if targets == 1 else masks",
        "masks",
        "returned an output of shape .*, expected one of",
    ),
]


@pytest.mark.parametrize("file, old, new, words", BROKEN)
def test_networks_that_are_not_as_they_must_be(registries, package, tmp_path, monkeypatch, file, old, new, words):
    shutil.copytree(package / "toy_net", tmp_path / "toy_net")
    path = tmp_path / "toy_net" / f"{file}.py"
    text = path.read_text(encoding="utf-8").replace(old, new)
    assert text != path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module(f"toy_net.{file}")
    audio = np.zeros((1, 1, 600), np.float32)
    framework, audio = (auralflow_jax, audio) if file == "in_jax" else (auralflow_torch, torch.from_numpy(audio))
    with pytest.raises(InputError, match=rf"^toy_net\.{file}\.ToyNet.*{words}"):
        framework.create_model(small_config("ToyNet")).estimate(audio)
