import dataclasses
import io
import re
import shutil

import jax
import numpy as np
import pytest
import soundfile
from matplotlib.image import imread
from msgspec.structs import replace
from rich.console import Console
from runs import prepare

from auralflow_core.audio import DamagedAudio
from auralflow_core.config import AudioNetVAE
from auralflow_core.data.tracks import find_tracks
from auralflow_core.errors import DivergedError, InputError, TrainingError
from auralflow_core.model_folder import ModelFolder
from auralflow_jax.data.batches import training_batches
from auralflow_jax.data.crops import ValidationSegments
from auralflow_jax.loading import load
from auralflow_jax.losses import make_loss
from auralflow_jax.models.registry import build
from auralflow_jax.separation import separate
from auralflow_jax.train import loop
from auralflow_jax.train.plan import make_plan
from auralflow_jax.train.progress import Progress
from auralflow_jax.train.run import train
from auralflow_jax.train.sharding import make_mesh
from auralflow_jax.train.validation import make_eval_step, validate
from auralflow_jax.weights import load_weights


def test_a_run_reports_every_epoch_and_learns(finished):
    _folder, history, printed = finished
    assert [entry["epoch"] for entry in history] == [1, 2, 3] and [entry["step"] for entry in history] == [3, 6, 9]
    for entry in history:
        assert entry.keys() == {
            "epoch",
            "step",
            "train_loss",
            "valid_loss",
            "si_sdr",
            "si_sdr_improvement",
            "lr",
            "samples_per_second",
            "seconds",
        }
        assert entry["si_sdr"].keys() == entry["si_sdr_improvement"].keys() == {"vocals"}
    assert history[2]["valid_loss"] < history[1]["valid_loss"] < history[0]["valid_loss"]
    assert "2 training tracks (0:04), 1 validation track; 3 steps of 8 crops an epoch" in printed
    assert len(re.findall(r"epoch +\d  train \S+  valid \S+ .* SI-SDR vocals \S+ dB \(\S+\)", printed)) == 3
    assert "Done: all 3 epochs are done." in printed and "Going on" not in printed


def test_the_weights_file_holds_what_validation_scored_best(finished, songs):
    folder, history, _ = finished
    weights, config, provenance = load_weights(folder.weights)
    best = min(history, key=lambda entry: entry["valid_loss"])
    assert provenance == best
    model, mesh = build(config), make_mesh()
    eval_step = make_eval_step(model, make_loss(config.training, model.represent), mesh)
    segments = ValidationSegments(find_tracks(songs, "valid"), config)
    scores = validate(eval_step, jax.device_put(weights), segments, mesh)
    assert scores == {key: best[key] for key in scores}


def test_snippets_are_sound_pictures_and_events(finished, songs):
    folder, _, _ = finished
    track = find_tracks(songs, "valid")[0]
    kinds = {}
    for kind in ("mixture", "estimate", "truth"):
        kinds[kind], rate = soundfile.read(folder.audio / f"{track.name}-vocals-{kind}.wav", always_2d=True)
        assert rate == 8000 and kinds[kind].shape == (12000, 1) and np.abs(kinds[kind]).max() > 1e-3
    vocals, _ = soundfile.read(track.stems["vocals"], always_2d=True)
    vocals = vocals.mean(1)
    places = [
        start
        for start in range(len(vocals) - 12000 + 1)
        if np.allclose(vocals[start : start + 12000], kinds["truth"][:, 0], atol=1e-6)
    ]
    assert places
    energies = [np.square(vocals[start : start + 12000]).sum() for start in range(0, len(vocals) - 12000 + 1, 4000)]
    assert np.square(kinds["truth"]).sum() == pytest.approx(max(energies), rel=1e-4)
    expected = separate(load(folder.path), kinds["mixture"].T, 8000)[0]  # the last epoch was the best
    np.testing.assert_allclose(kinds["estimate"].T, expected, atol=1e-6)
    for kind in ("spectrogram", "waveform"):
        picture = imread(folder.images / f"{track.name}-vocals-{kind}.png")
        assert picture.shape[0] > 300 and picture.shape[1] > 800 and picture[..., :3].std() > 0.05
    [events] = folder.runs.iterdir()
    content = events.read_bytes()
    for tag in (b"train_loss", b"valid_loss", b"si_sdr/vocals", b"lr", b"vocals/spectrogram", b"vocals/waveform"):
        assert tag in content


def test_another_architecture_is_refused_by_its_keys(tmp_path, songs, finished, console):
    shutil.copytree(finished[0].path, tmp_path / "model")
    folder = ModelFolder(tmp_path / "model")
    config = folder.load_config()
    folder.save_config(replace(config, model=replace(config.model, depth=2, targets=("drums",), model_name="new")))
    with pytest.raises(
        InputError,
        match=r"depth \(1 there, 2 here\), targets \(.*vocals.* there, .*drums.* here\);"
        " restore these keys in .*config.json, or start over with --restart",
    ):
        train(folder.path, songs, console=console)
    folder.save_config(replace(config, model=replace(config.model, model_name="new")))
    assert train(folder.path, songs, console=console) == finished[1]


def test_restart_moves_everything_aside(tmp_path, songs, finished, console, outcome):
    shutil.copytree(finished[0].path, tmp_path / "model")
    folder = ModelFolder(tmp_path / "model")
    before = outcome(folder)
    history = train(folder.path, songs, restart=True, console=console)
    assert f"The earlier run now lies in {folder.path / 'earlier-runs' / '1'}." in console.file.getvalue()
    assert [entry["valid_loss"] for entry in history] == [entry["valid_loss"] for entry in finished[1]]
    assert outcome(folder) == before
    aside = folder.path / "earlier-runs" / "1"
    assert {path.name for path in aside.iterdir()} == {"checkpoint", "audio", "images", "runs"}
    assert (aside / "checkpoint" / "best.safetensors").read_bytes() == finished[0].weights.read_bytes()


def test_a_run_that_cannot_work_moves_nothing(tmp_path, songs, finished, console):
    shutil.copytree(finished[0].path, tmp_path / "model")
    folder = ModelFolder(tmp_path / "model")
    config = folder.load_config()
    folder.save_config(replace(config, model=replace(config.model, targets=("vocal",))))
    with pytest.raises(InputError, match="unknown target 'vocal'; did you mean 'vocals'"):
        train(folder.path, songs, restart=True, console=console)
    assert folder.weights.exists() and not (folder.path / "earlier-runs").exists()


def test_a_run_that_goes_on_with_other_data_says_so(songs, finished, console):
    assert finished[2].count("A star marks the best epoch so far") == 1
    plan, run = make_plan(finished[0], songs), prepare(finished[0], songs, console)
    assert run.data == plan.data
    other = plan.data | {"sha256": "0" * 64, "datasets": ["earlier"]}
    for data, is_noted in ((plan.data, False), (None, False), (other, True)):
        written = io.StringIO()
        with Progress(plan, Console(file=written, soft_wrap=True)) as progress:
            progress.start(dataclasses.replace(run, data=data))
        assert ("The run so far was on other data (earlier: " in written.getvalue()) == is_noted


def test_a_family_without_spectra_trains_and_separates_like_all(songs, console, new_folder, tiny_config):
    folder, model = new_folder(), AudioNetVAE(sample_rate=8000, hidden_channels=2, depth=1, recurrent_depth=1)
    folder.save_config(
        replace(
            tiny_config,
            model=model,
            training=replace(tiny_config.training, max_epochs=1, loss_domain="audio"),
            visualizer=replace(tiny_config.visualizer, num_snippets=1),
        )
    )
    history = train(folder.path, songs, console=console)
    assert np.isfinite(history[0]["valid_loss"]) and folder.weights.exists()
    assert len(list(folder.audio.iterdir())) == 3 and len(list(folder.images.iterdir())) == 2
    audio = np.random.default_rng(0).standard_normal((2, 9000)).astype(np.float32)
    assert separate(load(folder.path), audio, 11025).shape == (1, 2, 9000)


def test_a_run_ends_when_nothing_gets_better(songs, console, new_folder, monkeypatch):
    scores = iter([0.5, 0.4, 0.4, 0.45, 0.41, 0.3])
    monkeypatch.setattr(
        loop, "validate", lambda *arguments: {"valid_loss": next(scores), "si_sdr": {}, "si_sdr_improvement": {}}
    )
    folder = new_folder(
        dataset={"samples_per_epoch": 4},
        training={"max_epochs": 6, "stop_patience": 3, "lr_patience": 2, "warmup_steps": 0, "lr": 1e-3},
    )
    history = train(folder.path, songs, console=console)
    assert [entry["lr"] for entry in history] == pytest.approx([1e-3, 1e-3, 1e-3, 1e-3, 0.5e-3])
    assert "Done: no better validation loss in 3 epochs (stop_patience). Best epoch 2" in console.file.getvalue()
    assert "SI-SDR undefined: silent targets" in console.file.getvalue()
    assert sorted(path.name for path in folder.checkpoint.iterdir()) == ["2", "5", "best.safetensors"]


@pytest.mark.parametrize(
    ("epoch_of", "checkpoint"), [(2, "the last good checkpoint is that of step 3"), (1, "there is no checkpoint yet")]
)
def test_a_loss_that_is_not_finite_names_its_step_tracks_and_the_checkpoint(
    songs, console, new_folder, monkeypatch, epoch_of, checkpoint
):
    bad = 3 * epoch_of - 1

    def poisoned(crops, start_step, process):
        for step, batch in enumerate(training_batches(crops, start_step, process), start=start_step + 1):
            if step == bad:
                batch["mixture"][0, 0, 100] = np.nan
                batch["tracks"][:] = 1
            yield batch

    monkeypatch.setattr(loop, "training_batches", poisoned)
    folder = new_folder()
    second = find_tracks(songs, "train")[1].name
    with pytest.raises(DivergedError) as caught:
        train(folder.path, songs, console=console)
    assert str(caught.value) == (
        f"the loss of step {bad} is nan; its batch came from {second}; {checkpoint}; try a "
        "smaller training.lr or training.max_grad_norm, and look for damaged audio"
    )
    error = caught.value
    assert (error.step, error.tracks, error.checkpoint) == (bad, (second,), 3 if epoch_of == 2 else None)


def test_weights_that_run_away_end_the_run(songs, console, new_folder):
    folder = new_folder(training={"lr": 1e38, "warmup_steps": 0})
    with pytest.raises(
        DivergedError, match=r"of step \d is (nan|inf); its batch came from .*try a smaller training.lr"
    ):
        train(folder.path, songs, console=console)


@pytest.mark.slow
def test_a_file_that_cannot_be_read_is_named_and_the_run_goes_on_without_it(
    tmp_path, songs, console, new_folder, monkeypatch
):
    dataset = shutil.copytree(songs, tmp_path / "songs")
    folder = new_folder("model", training={"max_epochs": 1, "batch_size": 2}, dataset={"samples_per_epoch": 6})

    def fails_later(crops, start, hosts):
        batches = training_batches(crops, start, hosts)
        yield next(batches)
        raise DamagedAudio("drums.wav: holds NaN")

    monkeypatch.setattr(loop, "training_batches", fails_later)
    with pytest.raises(TrainingError, match=r"drums.wav: holds NaN; the run is saved at step 1\. Repair the file"):
        train(folder.path, dataset, console=console)
    monkeypatch.undo()
    assert train(folder.path, dataset, console=console)[-1]["step"] == 3
    assert "Going on after step 1" in console.file.getvalue()
