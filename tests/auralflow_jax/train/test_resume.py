import os
import re
import shutil
import signal

import pytest
from msgspec.structs import replace

from auralflow_core.model_folder import ModelFolder
from auralflow_jax.train.monitor import Interrupted
from auralflow_jax.train.progress import Progress
from auralflow_jax.train.run import train

# When a run of three epochs, each of three steps, dies; and the checkpoint that it leaves.
MOMENTS = {
    "step 2": None,  # in the first epoch
    "step 5": 3,
    "os.mkdir 6.orbax-checkpoint-tmp/state.orbax-checkpoint-tmp/array_metadatas": 3,  # while arrays are written
    "os.rename checkpoint/6": 3,  # all is written, and not yet in place
    "os.rename best.safetensors": 3,  # the checkpoint is in place, its weights file is not
}


@pytest.fixture(scope="module")
def killed(tmp_path_factory, songs, tiny_config, start_training, finished):
    """The model folders of runs that died at these moments."""
    folders, processes = {}, []
    try:
        for moment in MOMENTS:
            folders[moment] = ModelFolder(tmp_path_factory.mktemp("killed") / "model")
            folders[moment].save_config(tiny_config)
            processes.append(start_training(folders[moment].path, songs, moment))
        for process in processes:
            _, errors = process.communicate(timeout=400)
            assert process.returncode == -signal.SIGKILL, errors
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return folders


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_goes_on_to_the_same_bits(killed, moment, songs, finished, outcome, console):
    folder, step = killed[moment], MOMENTS[moment]
    steps = [path.name for path in folder.checkpoint.iterdir() if path.name.isdigit()]
    assert steps == ([] if step is None else [str(step)])
    assert folder.weights.exists() == (step is not None and "best" not in moment)
    train(folder.path, songs, console=console)
    assert (f"Going on after step {step} (1 of 3 epochs done)." in console.file.getvalue()) == (step is not None)
    assert outcome(folder) == outcome(finished[0])
    assert not [path for path in folder.checkpoint.iterdir() if "tmp" in path.name]


@pytest.mark.parametrize(
    ("number", "step", "checkpoint"),
    [
        (signal.SIGINT, 5, 5),
        (signal.SIGTERM, 6, 6),  # the last of an epoch: it is validated first
    ],
)
def test_an_interrupted_run_saves_and_goes_on_to_the_same_bits(
    tmp_path, songs, tiny_config, finished, outcome, console, monkeypatch, number, step, checkpoint
):
    folder = ModelFolder(tmp_path / "model")
    folder.save_config(tiny_config)
    show, handlers = Progress.step, [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)]

    def interrupt(self, run, done, end):
        show(self, run, done, end)
        if done == step:
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "step", interrupt)
        with pytest.raises(Interrupted, match="after epoch 2" if step == 6 else "at step 5, which is saved"):
            train(folder.path, songs, console=console)
    assert [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)] == handlers
    assert (folder.checkpoint / str(checkpoint)).is_dir()
    train(folder.path, songs, console=console)
    assert f"Going on after step {checkpoint}" in console.file.getvalue()
    assert outcome(folder) == outcome(finished[0])


def copy(finished, path):
    shutil.copytree(finished[0].path, path)
    return ModelFolder(path)


def test_a_finished_run_has_nothing_to_do_and_gets_its_best_weights_back(tmp_path, songs, finished, outcome, console):
    folder = copy(finished, tmp_path / "model")
    folder.weights.unlink()
    history = train(folder.path, songs, console=console)
    assert history == finished[1]
    assert "Done: all 3 epochs are done" in console.file.getvalue()
    assert outcome(folder) == outcome(finished[0])


def test_a_run_goes_on_with_other_settings_and_another_dataset(tmp_path, songs, finished, tiny_config, console):
    """Epochs, rate, batches and tracks may change; what was done stays."""
    folder = copy(finished, tmp_path / "model")
    more = shutil.copytree(songs, tmp_path / "songs")
    shutil.copytree(next((songs / "train").iterdir()), more / "train" / "one-more")
    shutil.copytree(next((songs / "valid").iterdir()), more / "valid" / "one-more")
    folder.save_config(
        replace(
            tiny_config,
            dataset=replace(tiny_config.dataset, samples_per_epoch=1),
            training=replace(
                tiny_config.training, max_epochs=5, lr=0.1, batch_size=6, ema_decay=0.0, seed=9, lr_schedule="constant"
            ),
        )
    )
    history = train(folder.path, more, console=console)
    assert history[:3] == finished[1]
    assert [entry["step"] for entry in history] == [3, 6, 9, 10, 11]  # an epoch shorter than a batch is one step
    assert history[4]["lr"] == pytest.approx(0.1)
    assert "3 training tracks" in console.file.getvalue() and "2 validation tracks" in console.file.getvalue()


def test_an_epoch_that_became_shorter_than_what_is_done_of_it_ends_with_the_next_step(
    tmp_path, songs, tiny_config, console, monkeypatch
):
    folder = ModelFolder(tmp_path / "model")
    folder.save_config(tiny_config)
    show = Progress.step
    with monkeypatch.context() as patch:
        patch.setattr(
            Progress,
            "step",
            lambda self, run, done, end: (
                os.kill(os.getpid(), signal.SIGINT) if done == 2 else show(self, run, done, end)
            ),
        )
        with pytest.raises(Interrupted):
            train(folder.path, songs, console=console)
    folder.save_config(
        replace(
            tiny_config,
            dataset=replace(tiny_config.dataset, samples_per_epoch=4),
            training=replace(tiny_config.training, max_epochs=2),
        )
    )
    history = train(folder.path, songs, console=console)
    assert [entry["step"] for entry in history] == [3, 4]
    assert re.findall(r"Going on after step (\d+)", console.file.getvalue()) == ["2"]
