"""Runs that start from the weights of other models."""

import shutil

import jax
import numpy as np
import pytest
from msgspec.structs import replace
from runs import assert_equal_trees, prepare

import auralflow_jax.train.run
from auralflow_core.config import HybridNet
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_jax.models.registry import build
from auralflow_jax.train.plan import make_plan
from auralflow_jax.train.run import train
from auralflow_jax.train.start import Start, unfinished_start
from auralflow_jax.weights import load_weights, save_weights


def test_a_run_can_start_from_anothers_weights(songs, finished, console, new_folder):
    source = load_weights(finished[0].weights)[0]
    folder = new_folder(model={"mask_activation": "hardtanh"}, training={"seed": 5})
    fresh = prepare(folder, songs, console).state
    assert not np.array_equal(jax.tree.leaves(fresh.params)[0], jax.tree.leaves(source["params"])[0])
    state = prepare(folder, songs, console, start_from=finished[0].path).state
    assert int(state.step) == 0
    assert_equal_trees(state.variables, source)
    assert_equal_trees(state.ema, source)


def test_a_run_of_other_targets_starts_from_what_fits_and_says_so(songs, finished, console, new_folder):
    source = load_weights(finished[0].weights)[0]
    folder = new_folder(model={"targets": ("bass", "drums")}, training={"max_epochs": 1})
    state = prepare(folder, songs, console, start_from=finished[0].path).state
    assert state.params["head"]["bias"].shape == (2,)
    for name in source["params"].keys() - {"head"}:
        assert_equal_trees(state.params[name], source["params"][name])
    plan = make_plan(folder, songs, finished[0].path)
    assert plan.start.note == (
        f"Starts from the weights of {finished[0].path}, 32 of 34 tensors; the others start fresh: that model "
        "separates vocals, and this one bass, drums (params/head/bias and others)."
    )
    assert make_plan(finished[0], songs, finished[0].path).start.note.endswith(", all 34 tensors.")


def test_weights_of_another_architecture_are_refused(songs, finished, console, new_folder):
    with pytest.raises(InputError, match=r"hidden_channels \(2 there, 4 here\); only these may differ: model_name, "):
        prepare(new_folder(model={"hidden_channels": 4}), songs, console, start_from=finished[0].path)
    with pytest.raises(InputError, match="is not trained yet"):
        prepare(new_folder("a"), songs, console, start_from=new_folder("b").path)


def test_a_run_can_start_from_the_parts_of_its_model(tmp_path, songs, console, tiny_config):
    small = dict(
        audio_channels=2,
        audio_depth=1,
        hidden_channels=2,
        depth=1,
        num_fft=256,
        window_size=256,
        hop_length=96,
        num_bins=100,
        sample_rate=8000,
        recurrent_depth=1,
        dropout_p=0.1,
    )
    config = replace(tiny_config, model=HybridNet(**small))
    folders = {name: ModelFolder(tmp_path / name) for name in ("hybrid", "spectrogram", "audio", "other", "whole")}
    folders["hybrid"].save_config(config)

    rng = np.random.default_rng(0)

    def trained(name, model):
        part = replace(config, model=model)
        folders[name].save_config(part)
        shapes = jax.eval_shape(lambda: build(part).init(jax.random.key(0), part.crop_samples))
        variables = jax.tree.map(lambda leaf: rng.standard_normal(leaf.shape, np.float32), shapes)
        save_weights(folders[name].weights, variables, part, {})
        return variables

    parts = {name: trained(name, branch) for name, branch in config.model.branches().items()}
    source = [folders[name].path for name in ("spectrogram", "audio")]  # in any order
    state = prepare(folders["hybrid"], songs, console, start_from=source).state
    assert_equal_trees(state.params["audio"], parts["audio"]["params"])
    assert_equal_trees(state.params["spectrogram"], parts["spectrogram"]["params"])
    assert_equal_trees(state.ema["batch_stats"], {"spectrogram": parts["spectrogram"]["batch_stats"]})
    np.testing.assert_array_equal(state.params["blend"], np.zeros((1, 129)))
    whole = trained("whole", config.model)
    assert_equal_trees(
        prepare(folders["hybrid"], songs, console, start_from=folders["whole"].path).state.variables, whole
    )

    for wrong in ([source[0]], [source[0]] * 2, [*source, source[0]]):
        with pytest.raises(
            InputError,
            match="HybridNet starts from one AudioNetSimpleLSTM and one SpectrogramNetLSTM"
            ", or one HybridNet; got .*spectrogram .SpectrogramNetLSTM",
        ):
            prepare(folders["hybrid"], songs, console, start_from=wrong)
    trained("other", replace(config.model.branches()["audio"], hidden_channels=3))
    with pytest.raises(InputError, match=r"other: its weights are of .*: hidden_channels \(3 there, 2 here"):
        prepare(folders["hybrid"], songs, console, start_from=[source[0], folders["other"].path])
    with pytest.raises(InputError, match="SpectrogramNetLSTM starts from one SpectrogramNetLSTM; got"):
        prepare(folders["spectrogram"], songs, console, start_from=source)


def test_a_run_that_is_there_keeps_its_weights_unless_told_otherwise(tmp_path, songs, finished, console):
    shutil.copytree(finished[0].path, tmp_path / "model")
    folder = ModelFolder(tmp_path / "model")
    with pytest.raises(InputError, match="there is one already, which did not start from these weights; leave"):
        prepare(folder, songs, console, start_from=finished[0].path)
    # Even from its own weights, which are read before they are moved.
    run = prepare(folder, songs, console, start_from=folder.path, restart=True)
    assert run.history == [] and int(run.state.step) == 0
    assert_equal_trees(run.state.variables, load_weights(finished[0].weights)[0])


def test_a_run_that_was_stopped_before_its_first_checkpoint_starts_from_the_same_weights(
    songs, finished, console, new_folder, monkeypatch
):
    folder, whole = (new_folder(name, training={"seed": 5, "max_epochs": 1}) for name in ("stopped", "whole"))

    def stop(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(auralflow_jax.train.run, "open_loop", stop)
        with pytest.raises(KeyboardInterrupt):
            train(folder.path, songs, start_from=finished[0].path, console=console)
    history = train(folder.path, songs, console=console)
    assert console.file.getvalue().count("Starts from the weights of") == 2
    train(whole.path, songs, start_from=finished[0].path, console=console)
    assert_equal_trees(load_weights(folder.weights)[0], load_weights(whole.weights)[0])
    # The command that it began with goes on, too: here there is nothing left to do.
    assert train(folder.path, songs, start_from=finished[0].path, console=console) == history
    with pytest.raises(InputError, match="did not start from these weights"):
        train(folder.path, songs, start_from=whole.path, console=console)
    train(folder.path, songs, restart=True, console=console)
    assert console.file.getvalue().count("Starts from the weights of") == 3


def test_the_record_of_a_start_stays_right_where_the_folders_are_moved(tmp_path):
    base, folder = ModelFolder(tmp_path / "a" / "base"), ModelFolder(tmp_path / "a" / "models" / "tuned")
    Start({}, [base], "").record(folder)
    (tmp_path / "a").rename(tmp_path / "b")
    moved = ModelFolder(tmp_path / "b" / "models" / "tuned")
    assert unfinished_start(moved) == [tmp_path / "b" / "base"]
    moved.start.write_text('{"from": 3}')
    with pytest.raises(InputError, match=r"start.json: holds no list `from`"):
        unfinished_start(moved)
