import importlib.util
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from outcomes import assert_same_outcome, averages, outcome, quiet, same, weights

from auralflow_core.audio import probe
from auralflow_core.errors import InputError, StorageError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.storage.atomic import replacing
from auralflow_core.storage.lock import sole_run
from auralflow_core.weights.file import read_tensors
from auralflow_torch.models import SpectrogramMaskModel
from auralflow_torch.train.trainer import Callback

SCRIPT = Path(__file__).with_name("killed_trainer.py")


def test_a_folder_has_all_that_a_run_leaves(make_trainer, loaders, tmp_path):
    class Notes(Callback):
        events = []

        def on_train_begin(self, trainer):
            self.events.append("begin")

        def on_step_end(self, trainer, step, loss, grad_norm):
            self.events.append((step, loss.shape, float(grad_norm) > 0))

        def on_epoch_end(self, trainer, epoch):
            self.events.append(epoch["epoch"])
            torch.rand(3)

        def on_train_end(self, trainer):
            self.events.append("end")

    plain = make_trainer()
    trainer = make_trainer(folder=tmp_path / "model", callbacks=None)
    trainer.callbacks.append(Notes())
    for one in (plain, trainer):
        one.train(*loaders, max_epochs=2)
    assert same(weights(plain), weights(trainer))  # watching changes nothing
    assert Notes.events == [
        "begin",
        *((k, (), True) for k in range(1, 5)),
        1,
        *((k, (), True) for k in range(5, 9)),
        2,
        "end",
    ]
    folder = ModelFolder(tmp_path / "model")
    assert folder.load_config() == trainer.model.config
    assert {path.name for path in folder.path.iterdir()} == {
        ".lock",
        "audio",
        "checkpoint",
        "config.json",
        "images",
        "runs",
    }
    assert {path.name for path in folder.checkpoint.iterdir()} == {"best.safetensors", "last.pt"}
    assert {path.name for path in folder.audio.iterdir()} == {
        f"valid-{number}-vocals-{kind}.wav" for number in (1, 2) for kind in ("mixture", "estimate", "truth")
    }
    assert probe(folder.audio / "valid-1-vocals-estimate.wav") == (8000, 1, 600)
    assert {path.name for path in folder.images.iterdir()} == {
        f"valid-{number}-vocals-{kind}.png" for number in (1, 2) for kind in ("spectrogram", "waveform")
    }
    events = b"".join(path.read_bytes() for path in folder.runs.iterdir())
    for tag in (
        "valid_loss",
        "train_loss",
        "step/loss",
        "step/grad_norm",
        "weight_norm/head.weight",
        "grad_norm/head.weight",
        "valid-1-vocals/waveform",
        "valid-2-vocals/spectrogram",
    ):
        assert tag.encode() in events


def test_the_best_weights_are_loaded_by_name_of_the_folder(make_trainer, loaders, tmp_path, monkeypatch):
    trainer, kept = make_trainer(folder=tmp_path), {}
    losses = iter([3.0, 1.0, 2.0])

    def validate(loader):
        loss = next(losses)
        kept[loss] = averages(trainer)
        return loss

    monkeypatch.setattr(trainer, "validate", validate)
    trainer.train(*loaders, max_epochs=3)
    best = SpectrogramMaskModel.from_pretrained(tmp_path)
    assert same(best.network.state_dict(), kept[1.0]) and not same(averages(trainer), kept[1.0])
    assert read_tensors(trainer.folder.weights).provenance["epoch"] == 2


def test_ctrl_c_leaves_the_folder_to_go_on_from(make_trainer, loaders, tmp_path):
    class Stop(Callback):
        def on_step_end(self, trainer, step, loss, grad_norm):
            if step == 7:
                raise KeyboardInterrupt

    whole = make_trainer(folder=tmp_path / "whole")
    whole.train(*loaders, max_epochs=3)
    stopped = make_trainer(folder=tmp_path / "stopped", callbacks=[Stop()])
    with pytest.raises(KeyboardInterrupt):
        stopped.train(*loaders, max_epochs=3)
    assert (
        "Interrupted in epoch 2, of which nothing is kept; the same call begins it again."
        in stopped.console.file.getvalue()
    )
    again = make_trainer(folder=tmp_path / "stopped")
    again.train(*loaders, max_epochs=3)
    assert_same_outcome(outcome(again), outcome(whole))


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Folders of runs that were killed in their third and fourth write: of the second epoch's state and weights."""
    folders = {number: ModelFolder(tmp_path_factory.mktemp("killed")) for number in (3, 4)}
    arguments = [str(part) for number, folder in folders.items() for part in (folder.path, number)]
    process = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=200)
    codes = [line for line in process.stdout.splitlines() if line.startswith("-")]
    assert codes == 2 * [f"-{int(signal.SIGKILL)}"], process.stdout + process.stderr
    return folders


@pytest.mark.parametrize("number", [3, 4])
def test_a_kill_in_the_middle_of_a_write_leaves_checkpoints(killed, number, tmp_path):
    folder = killed[number]
    names = {path.name for path in folder.checkpoint.iterdir()}
    assert {"best.safetensors", "last.pt"} < names and len(names) == 3  # the third was being written
    history = torch.load(folder.last, weights_only=True)["state"]["history"]
    assert [epoch["epoch"] for epoch in history] == list(range(1, number - 1))
    assert read_tensors(folder.weights).provenance["epoch"] == 1
    assert SpectrogramMaskModel.from_pretrained(folder.path)

    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    spec.loader.exec_module(script := importlib.util.module_from_spec(spec))
    console = quiet()
    resumed, whole = script.run(folder.path, console), script.run(tmp_path, quiet())
    assert f"Going on after epoch {number - 2}" in console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert same(resumed.state_dict(), whole.state_dict())
    for path in (folder.path, tmp_path):
        assert {file.name for file in (path / "checkpoint").iterdir()} == {"best.safetensors", "last.pt"}
        assert same(SpectrogramMaskModel.from_pretrained(path).state_dict(), whole.state_dict())


def test_a_full_disk_leaves_the_earlier_checkpoint(make_trainer, loaders, tmp_path, monkeypatch):
    trainer = make_trainer(folder=tmp_path)
    trainer.train(*loaders, max_epochs=1)
    before = trainer.folder.last.read_bytes()

    def full(file, path):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torch.save", full)
    with pytest.raises(StorageError, match="checkpoint of epoch 2 cannot be written: No space left on device"):
        make_trainer(folder=tmp_path).train(*loaders, max_epochs=2)
    assert trainer.folder.last.read_bytes() == before and len(list(trainer.folder.checkpoint.iterdir())) == 2


def test_folders_that_cannot_be_used_are_refused(make_trainer, loaders, tmp_path):
    make_trainer(folder=tmp_path / "a").train(*loaders, max_epochs=1)
    folder = ModelFolder(tmp_path / "a")
    with pytest.raises(InputError, match=r"config\.json: is of another model: hidden_channels \(2 there, 3 here\)"):
        make_trainer(model={"hidden_channels": 3}, folder=folder.path).train(*loaders, max_epochs=1)
    with pytest.raises(InputError, match="max_epochs is 0"):
        make_trainer(folder=folder.path).train(*loaders, max_epochs=0)
    good = folder.last.read_bytes()
    for content in (good[: len(good) // 2], b"", b"text"):
        folder.last.write_bytes(content)
        with pytest.raises(InputError, match=r"last\.pt: not a readable state.*resume=False"):
            make_trainer(folder=folder.path).train(*loaders, max_epochs=2)
    with replacing(folder.last) as aside:
        torch.save({"weights": torch.zeros(3)}, aside)
    with pytest.raises(InputError, match="not the state of a run in torch"):
        make_trainer(folder=folder.path).train(*loaders, max_epochs=2)
    folder.last.unlink()
    with pytest.raises(InputError, match=r"holds another run, which cannot go on here as it has no last\.pt"):
        make_trainer(folder=folder.path).train(*loaders, max_epochs=2)
    assert len(make_trainer(folder=folder.path).train(*loaders, max_epochs=1, resume=False)) == 1


def test_a_flipped_bit_in_the_last_state_is_found(make_trainer, loaders, tmp_path):
    """torch.load does not compare the checksums that torch.save writes."""
    make_trainer(folder=tmp_path).train(*loaders, max_epochs=1)
    folder, rng = ModelFolder(tmp_path), np.random.default_rng(0)
    with zipfile.ZipFile(folder.last) as records:
        largest = max(records.infolist(), key=lambda record: record.file_size)
        tensor = records.read(largest)
    whole = folder.last.read_bytes()
    for place in whole.index(tensor) + rng.choice(len(tensor), 20, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        folder.last.write_bytes(damaged)
        with pytest.raises(InputError, match=r"last\.pt: is damaged: .* differs from its checksum; start over"):
            make_trainer(folder=tmp_path).train(*loaders, max_epochs=2)


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("history", [{"epoch": 1}], "last.pt: history.0.: object missing required field `valid_loss`"),
        ("network", {}, "last.pt: does not hold what this run needs .RuntimeError"),
        ("parts", None, "last.pt: does not hold what this run needs .AttributeError"),
        ("step", None, "last.pt: does not hold what this run needs"),
    ],
)
def test_a_last_state_that_lacks_something_is_one_sentence(make_trainer, loaders, tmp_path, part, value, words):
    make_trainer(folder=tmp_path).train(*loaders, max_epochs=1)
    last = ModelFolder(tmp_path).last
    file = torch.load(last, weights_only=True)
    file["state"][part] = value
    if part == "step":
        del file["state"][part]
    with replacing(last) as aside:
        torch.save(file, aside)
    with pytest.raises(InputError, match=words) as caught:
        make_trainer(folder=tmp_path).train(*loaders, max_epochs=2)
    assert "\n" not in str(caught.value)


def test_a_second_run_in_a_folder_is_refused(make_trainer, loaders, tmp_path):
    with sole_run(tmp_path), pytest.raises(InputError, match="another run is writing to this folder"):
        make_trainer(folder=tmp_path).train(*loaders, max_epochs=1)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_best_weights_that_are_lost_come_back_only_from_the_last_epoch(make_trainer, loaders, tmp_path, monkeypatch):
    trainer = make_trainer(folder=tmp_path)
    losses = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr(trainer, "validate", lambda loader: next(losses))
    trainer.train(*loaders, max_epochs=2)
    lost = read_tensors(trainer.folder.weights)
    trainer.folder.weights.unlink()
    make_trainer(folder=tmp_path).train(*loaders, max_epochs=2)
    found = read_tensors(trainer.folder.weights)
    assert found.provenance == lost.provenance and found.config == lost.config
    np.testing.assert_equal(found.tensors, lost.tensors)
    trainer.train(*loaders, max_epochs=3)
    trainer.folder.weights.unlink()
    with pytest.raises(InputError, match=r"is not what the run's best epoch, 2, left there"):
        make_trainer(folder=tmp_path).train(*loaders, max_epochs=4)
