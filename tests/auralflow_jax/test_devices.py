"""One run on one device, on eight devices, and on two processes: the same figures."""

import json
import os
import socket

import jax
import numpy as np
import pytest
from msgspec.structs import replace
from rich.console import Console

from auralflow.errors import InputError
from auralflow.folder import ModelFolder
from auralflow_jax import hosts
from auralflow_jax.train import Run, train
from auralflow_jax.weights import load_weights

STEPS = 5  # each an epoch of its own, so that every step has its loss in the history


@pytest.fixture(scope="module")
def config(tiny_config):
    return replace(tiny_config, dataset=replace(tiny_config.dataset, samples_per_epoch=8),
                   training=replace(tiny_config.training, batch_size=8, max_epochs=STEPS),
                   visualizer=replace(tiny_config.visualizer, num_snippets=1, tensorboard=True, save_frequency=3))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def runs(tmp_path_factory, songs, config, start_training, finish_training):
    """Name -> the folder and the report of every process."""
    folders = {name: ModelFolder(tmp_path_factory.mktemp(name) / "model") for name in ("one", "eight", "two")}
    for folder in folders.values():
        folder.save_config(config)
    eight = [start_training(folders["eight"].path, songs, XLA_FLAGS=(
        os.environ["XLA_FLAGS"] + " --xla_force_host_platform_device_count=8"))]
    address = f"127.0.0.1:{free_port()}"
    two = [start_training(folders["two"].path, songs, JAX_COORDINATOR_ADDRESS=address, JAX_NUM_PROCESSES="2",
                          JAX_PROCESS_ID=str(number), JAX_PLATFORMS="cpu") for number in range(2)]
    one = [{"history": train(folders["one"].path, songs, console=Console(file=open(os.devnull, "w")))}]
    reports = finish_training([*eight, *two])
    return {"one": (folders["one"], one), "eight": (folders["eight"], reports[:1]), "two": (folders["two"], reports[1:])}


@pytest.mark.parametrize(("name", "devices", "processes"), [("eight", 8, 1), ("two", 2, 2)])
def test_losses_and_statistics_are_those_of_one_device(runs, name, devices, processes):
    (one, [expected]), (folder, reports) = runs["one"], runs[name]
    assert len(reports) == processes
    for report in reports:
        assert (report["devices"], report["processes"]) == (devices, processes)
        assert len(report["history"]) == STEPS
        for entry, reference in zip(report["history"], expected["history"], strict=True):
            for key in ("train_loss", "valid_loss"):
                assert entry[key] == pytest.approx(reference[key], abs=1e-5)
            for key in ("si_sdr", "si_sdr_improvement"):
                assert entry[key] == pytest.approx(reference[key], abs=2e-3)
    statistics, expected_statistics = (load_weights(each.weights)[0]["batch_stats"] for each in (folder, one))
    assert jax.tree.structure(statistics) == jax.tree.structure(expected_statistics)
    for value, reference in zip(*map(jax.tree.leaves, (statistics, expected_statistics)), strict=True):
        np.testing.assert_allclose(value, reference, rtol=1e-4, atol=1e-5)


def test_one_of_two_processes_writes_and_a_single_one_goes_on(runs, songs, config, console):
    folder, reports = runs["two"]
    losses = [[entry["train_loss"] for entry in report["history"]] for report in reports]
    assert losses[0] == losses[1]
    one = runs["one"][0]
    for name in ("audio", "images"):
        assert sorted(os.listdir(folder.path / name)) == sorted(os.listdir(one.path / name)) != []
    assert len(list(folder.runs.iterdir())) == 1
    assert sorted(os.listdir(folder.path)) == sorted(os.listdir(one.path))
    folder.save_config(replace(config, training=replace(config.training, max_epochs=STEPS + 1)))
    history = train(folder.path, songs, console=console)
    assert f"Going on after step {STEPS}" in console.file.getvalue()
    assert json.loads(json.dumps(history[:STEPS])) == reports[0]["history"] and len(history) == STEPS + 1


def test_a_batch_that_the_devices_cannot_share_is_refused(tmp_path, songs, config, monkeypatch):
    folder = ModelFolder(tmp_path / "model")
    folder.save_config(replace(config, training=replace(config.training, batch_size=6)))
    monkeypatch.setattr(jax, "device_count", lambda: 4)
    with pytest.raises(InputError, match="batch_size 6 cannot be divided among 4 devices; a multiple of 4 is accepted"):
        Run(folder, songs, None)


@pytest.mark.parametrize(("environment", "words"), [
    ({}, "JAX_NUM_PROCESSES must be a number .* got None"),
    ({"JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "first"}, "JAX_PROCESS_ID must be a number .* got 'first'")])
def test_half_an_address_is_refused(monkeypatch, environment, words):
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "127.0.0.1:1234")
    for name in ("JAX_NUM_PROCESSES", "JAX_PROCESS_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=words):
        hosts.initialize()


def test_a_process_on_its_own_joins_nobody(monkeypatch):
    for name in ("JAX_COORDINATOR_ADDRESS", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "TPU_WORKER_HOSTNAMES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(jax.distributed, "initialize", lambda **options: pytest.fail("joined"))
    hosts.initialize()
