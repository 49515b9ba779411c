"""One run on one device, on eight devices, and on two processes: the same figures."""

import io
import os
import signal
import socket
import time

import jax
import numpy as np
import pytest
from msgspec.structs import replace
from rich.console import Console

from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_jax.train import sharding as hosts
from auralflow_jax.train.plan import make_plan
from auralflow_jax.train.run import train
from auralflow_jax.weights import load_weights


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def runs(tmp_path_factory, songs, finished, start_training, finish_training):
    """Name -> the folder, and the report of every process, of runs like that of `finished`."""
    folders = {name: ModelFolder(tmp_path_factory.mktemp(name) / "model") for name in ("eight", "two")}
    for folder in folders.values():
        folder.save_config(finished[0].load_config())
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=8"
    address = {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{free_port()}", "JAX_NUM_PROCESSES": "2", "JAX_PLATFORMS": "cpu"}
    reports = finish_training(
        [
            start_training(folders["eight"].path, songs, XLA_FLAGS=flags),
            *(start_training(folders["two"].path, songs, JAX_PROCESS_ID=str(number), **address) for number in range(2)),
        ]
    )
    return {"eight": (folders["eight"], reports[:1]), "two": (folders["two"], reports[1:])}


@pytest.mark.parametrize(("name", "devices", "processes"), [("eight", 8, 1), ("two", 2, 2)])
def test_losses_and_statistics_are_those_of_one_device(runs, finished, name, devices, processes):
    """Over nine steps. An epoch's training loss is a mean of three, so 3e-6 is 1e-5 in any of them."""
    (one, expected, _), (folder, reports) = finished, runs[name]
    assert len(reports) == processes
    for report in reports:
        assert (report["devices"], report["processes"]) == (devices, processes)
        assert report["history"][-1]["step"] == 9
        for entry, reference in zip(report["history"], expected, strict=True):
            for key in ("train_loss", "valid_loss"):
                assert entry[key] == pytest.approx(reference[key], abs=3e-6)
            for key in ("si_sdr", "si_sdr_improvement"):
                assert entry[key] == pytest.approx(reference[key], abs=2e-3)
    statistics, expected_statistics = (load_weights(each.weights)[0]["batch_stats"] for each in (folder, one))
    assert jax.tree.structure(statistics) == jax.tree.structure(expected_statistics)
    for value, reference in zip(*map(jax.tree.leaves, (statistics, expected_statistics)), strict=True):
        np.testing.assert_allclose(value, reference, rtol=1e-5, atol=1e-6)


def test_one_of_two_processes_writes_and_a_single_one_goes_on(runs, songs, finished, console):
    folder, reports = runs["two"]
    losses = [[entry["train_loss"] for entry in report["history"]] for report in reports]
    assert losses[0] == losses[1]
    one = finished[0]
    for name in ("audio", "images"):
        assert sorted(os.listdir(folder.path / name)) == sorted(os.listdir(one.path / name)) != []
    assert len(list(folder.runs.iterdir())) == 1
    assert sorted(os.listdir(folder.path)) == sorted(os.listdir(one.path))
    config = folder.load_config()
    folder.save_config(replace(config, training=replace(config.training, max_epochs=4)))
    history = train(folder.path, songs, console=console)
    assert "Going on after step 9 (3 of 4 epochs done)." in console.file.getvalue()
    assert history[:3] == reports[0]["history"] and history[3]["step"] == 12


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("ending", ["SIGKILL", "SIGSTOP"])
def test_a_host_that_dies_is_reported_and_the_run_goes_on(tmp_path, songs, finished, start_training, victim, ending):
    folder = ModelFolder(tmp_path / "model")
    config = finished[0].load_config()
    config = replace(config, visualizer=replace(config.visualizer, num_snippets=0, tensorboard=False))
    folder.save_config(replace(config, training=replace(config.training, max_epochs=2000)))
    address = {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{free_port()}", "JAX_NUM_PROCESSES": "2", "JAX_PLATFORMS": "cpu"}
    both = [start_training(folder.path, songs, JAX_PROCESS_ID=str(host), **address) for host in range(2)]
    try:
        while not folder.checkpoint.exists() or not any(path.name.isdigit() for path in folder.checkpoint.iterdir()):
            assert [process.poll() for process in both] == [None, None]
            time.sleep(0.1)
        both[victim].send_signal(getattr(signal, ending))
        started = time.monotonic()
        _, errors = both[1 - victim].communicate(timeout=120)
        assert time.monotonic() - started < 10
    finally:
        for process in both:
            process.kill()
            process.communicate()
    name = ["the first host", "host 1 (counted from 0)"][victim]
    # Its own error where the process gets one from jax; else the process is ended with the sentence.
    if jax.__version_info__ < (0, 9) and (ending, victim) == ("SIGKILL", 0):
        assert "likely indicates that another task died" in errors  # jax 0.8 ends the process itself, without a signal
    else:
        assert f"rror: {name} of the 2 that train together has ended" in errors.splitlines()[-1]
    assert both[1 - victim].returncode == 1
    before = folder.load_config()
    folder.save_config(replace(before, training=replace(before.training, max_epochs=1)))
    assert train(folder.path, songs, console=Console(file=io.StringIO()))


def test_a_batch_that_the_devices_cannot_share_is_refused(tmp_path, songs, tiny_config, monkeypatch):
    folder = ModelFolder(tmp_path / "model")
    folder.save_config(tiny_config)
    monkeypatch.setattr(jax, "device_count", lambda: 3)
    with pytest.raises(InputError, match="batch_size 8 cannot be divided among 3 devices; a multiple of 3 is accepted"):
        make_plan(folder, songs)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "JAX_NUM_PROCESSES must be a number .* got None"),
        ({"JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "first"}, "JAX_PROCESS_ID must be a number .* got 'first'"),
    ],
)
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
