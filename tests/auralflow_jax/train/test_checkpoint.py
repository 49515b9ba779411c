import contextlib
import functools
import gc
import resource
import subprocess
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from msgspec.structs import replace
from small_models import same_bits

from auralflow_core.errors import InputError, StorageError
from auralflow_core.model_folder import ModelFolder
from auralflow_jax.train.checkpoint import Checkpoints
from auralflow_jax.train.optimizer import make_optimizer, update
from auralflow_jax.train.state import new_state
from auralflow_jax.weights import load_weights


@pytest.fixture
def folder(tmp_path):
    return ModelFolder(tmp_path / "model")


class Saver:
    """Saves states of one weight matrix that is filled with the step's number."""

    def __init__(self, config, size=4):
        self.config, self.size, self.history = config, size, []
        self.abstract = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), self.state(0)
        )

    def state(self, step):
        # Noise, so that it cannot be compressed; the first value is the step.
        weight = np.random.default_rng(step).standard_normal((self.size, self.size)).astype(np.float32)
        weight[0, 0] = step
        variables = {"params": {"a": {"kernel": jnp.asarray(weight)}}, "batch_stats": {}}
        return new_state(variables, make_optimizer(self.config.training, 10)).replace(step=jnp.int32(step))

    def save(self, checkpoints, step, loss=None):
        """With a loss, the step ends an epoch."""
        if loss is not None:
            self.history.append({"epoch": len(self.history) + 1, "step": step, "valid_loss": loss})
        checkpoints.save(self.state(step), self.config, {"history": list(self.history), "losses": [0.1 + 0.2]})


def steps(folder):
    return sorted(int(path.name) for path in folder.checkpoint.iterdir() if path.name.isdigit())


def best_weight(folder):
    return load_weights(folder.weights)[0]["params"]["a"]["kernel"][0, 0]


def test_the_latest_and_the_best_stay_also_over_restarts(folder, tiny_config):
    saver = Saver(tiny_config)
    for step, loss, kept, best in [
        (2, 0.5, [2], 2),
        (3, None, [2, 3], 2),
        (4, 0.3, [4], 4),
        (6, 0.3, [4, 6], 4),
        (8, 0.4, [4, 8], 4),
        (9, None, [4, 9], 4),
        (10, 0.2, [10], 10),
    ]:
        with contextlib.closing(Checkpoints(folder)) as checkpoints:  # as in another process
            if restored := checkpoints.restore(saver.abstract, tiny_config):
                state, run = restored
                assert run == {"history": saver.history, "losses": [0.1 + 0.2]}
                assert float(state.params["a"]["kernel"][0, 0]) == int(state.step) == checkpoints.latest
            saver.save(checkpoints, step, loss)
            assert checkpoints.latest == step
        assert steps(folder) == kept and best_weight(folder) == best


def test_a_lost_weights_file_comes_back_from_the_best_step(folder, tiny_config):
    saver = Saver(tiny_config)
    with contextlib.closing(Checkpoints(folder)) as checkpoints:
        saver.save(checkpoints, 2, 0.1)
        saver.save(checkpoints, 4, 0.3)
    for damage in (folder.weights.unlink, lambda: folder.weights.write_bytes(b"x")):
        damage()
        with contextlib.closing(Checkpoints(folder)) as checkpoints:
            state, _ = checkpoints.restore(saver.abstract, tiny_config)  # pyright: ignore[reportGeneralTypeIssues]
        assert int(state.step) == 4 and best_weight(folder) == 2


def test_a_lost_weights_file_without_its_step_is_an_error(folder, tiny_config):
    saver = Saver(tiny_config)
    saver.history = [{"epoch": 1, "step": 2, "valid_loss": 0.1}]
    with contextlib.closing(Checkpoints(folder)) as checkpoints:
        saver.save(checkpoints, 4, 0.3)
        with pytest.raises(
            InputError,
            match="best.safetensors: is missing or damaged, and the checkpoint of the best epoch, step 2, is missing",
        ):
            checkpoints.restore(saver.abstract, tiny_config)


def wait_for_rest(folder):
    """Until nothing in a folder changes: threads of orbax that end late still write into what the next save removes."""
    seen, now = None, sorted(folder.rglob("*"))
    while seen != now:
        time.sleep(0.3)
        seen, now = now, sorted(folder.rglob("*"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # those threads
def test_a_full_disk_leaves_the_checkpoint_before(folder, tiny_config, caplog):
    """A limit on the size of files stands for the disk."""
    saver = Saver(tiny_config, size=300)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with contextlib.closing(Checkpoints(folder)) as checkpoints:
        saver.save(checkpoints, 2, 0.5)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            with pytest.raises(
                StorageError,
                match="the checkpoint of step 4 cannot be written, the one of step 2 is still there: .*File too large",
            ):
                saver.save(checkpoints, 4, 0.4)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    wait_for_rest(folder.checkpoint)
    gc.collect()
    assert not [record for record in caplog.records if record.name == "asyncio"]  # of the other writes that failed
    saver.history.pop()
    assert best_weight(folder) == 2
    with contextlib.closing(Checkpoints(folder)) as checkpoints:
        state, run = checkpoints.restore(saver.abstract, tiny_config)  # pyright: ignore[reportGeneralTypeIssues]
        assert int(state.step) == 2 and run["history"] == saver.history
        saver.save(checkpoints, 4, 0.4)
    assert steps(folder) == [4] and best_weight(folder) == 4
    assert not [path for path in folder.checkpoint.iterdir() if "tmp" in path.name]


def test_an_array_of_another_shape_is_refused(folder, tiny_config):
    saver, other = Saver(tiny_config), Saver(tiny_config, size=5)
    with contextlib.closing(Checkpoints(folder)) as checkpoints:
        assert checkpoints.restore(saver.abstract, tiny_config) is None
        saver.save(checkpoints, 2, 0.5)
        with pytest.raises(InputError, match=r"a/kernel' is \(4, 4\), expected \(5, 5\)"):
            checkpoints.restore(other.abstract, tiny_config)
        longer = replace(tiny_config, dataset=replace(tiny_config.dataset, sample_length=1.0))
        words = r"made with other settings: sample_length \(0.75 there, 1.0 here\); restore"
        with pytest.raises(InputError, match=words):
            checkpoints.restore(other.abstract, longer)
        assert checkpoints.restore(saver.abstract, longer) is not None


@pytest.mark.parametrize("file", ["state/_METADATA", "run/metadata", "state/manifest.ocdbt", "SHA256SUMS"])
@pytest.mark.parametrize("change", ["deleted", "emptied", "truncated", "flipped"])
def test_a_damaged_checkpoint_names_the_file_and_the_way_on(folder, tiny_config, file, change):
    saver = Saver(tiny_config)
    with contextlib.closing(Checkpoints(folder)) as checkpoints:
        saver.save(checkpoints, 2, 0.1)
        saver.save(checkpoints, 4, 0.3)
    path = folder.checkpoint / "4" / file
    whole = path.read_bytes()
    if change == "deleted":
        path.unlink()
    else:
        flipped = bytes([*whole[:20], whole[20] ^ 1, *whole[21:]])
        path.write_bytes({"emptied": b"", "truncated": whole[: len(whole) // 2], "flipped": flipped}[change])
    with contextlib.closing(Checkpoints(folder)) as checkpoints:
        if (file, change) == ("SHA256SUMS", "deleted"):  # as in a checkpoint of an earlier version
            assert int(checkpoints.restore(saver.abstract, tiny_config)[0].step) == 4
            return
        with pytest.raises(InputError) as caught:
            checkpoints.restore(saver.abstract, tiny_config)
    words = f"move {folder.checkpoint / '4'} away to go on from step 2, or start over with --restart"
    assert str(caught.value).startswith(str(folder.checkpoint / "4")) and str(caught.value).endswith(words)
    (folder.checkpoint / "4").rename(folder.path / "aside")
    with contextlib.closing(Checkpoints(folder)) as checkpoints:  # the way on
        assert int(checkpoints.restore(saver.abstract, tiny_config)[0].step) == 2


@pytest.mark.parametrize("file", ["state/_METADATA", "run/metadata", "state/manifest.ocdbt"])
def test_a_damaged_checkpoint_without_checksums_is_one_sentence(folder, tiny_config, file):
    saver = Saver(tiny_config)
    with contextlib.closing(Checkpoints(folder)) as checkpoints:
        saver.save(checkpoints, 2, 0.1)
    (folder.checkpoint / "2" / "SHA256SUMS").unlink()
    (folder.checkpoint / "2" / file).write_bytes(b"")
    with contextlib.closing(Checkpoints(folder)) as checkpoints:
        with pytest.raises(InputError, match=f"^{folder.checkpoint / '2'}.*or start over with --restart$") as caught:
            checkpoints.restore(saver.abstract, tiny_config)
    assert "\n" not in str(caught.value)


def test_a_step_that_orbax_cannot_list_is_one_sentence(folder, tiny_config):
    (folder.checkpoint / "2").mkdir(parents=True)
    (folder.checkpoint / "2" / "_CHECKPOINT_METADATA").write_text("[]")
    with pytest.raises(InputError, match=f"^{folder.checkpoint}: a step is damaged .*; move the latest away, or"):
        Checkpoints(folder)


def test_checksums_are_those_of_sha256sum(folder, tiny_config):
    saver = Saver(tiny_config)
    with contextlib.closing(Checkpoints(folder)) as checkpoints:
        saver.save(checkpoints, 2, 0.1)
    command = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
    step = folder.checkpoint / "2"
    assert subprocess.run(command, cwd=step, check=False).returncode == 0
    files = {path.relative_to(step).as_posix() for path in step.rglob("*") if path.is_file()}
    assert {line.split("  ")[1] for line in (step / "SHA256SUMS").read_text().splitlines()} == files - {"SHA256SUMS"}


OPTIMIZERS = {"muon": {}, "prodigy": {"lr": 1.0}, "schedule_free_adamw": {"lr_schedule": "constant"}}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_goes_on_to_the_same_bits(folder, tiny_config, optimizer):
    training = replace(tiny_config.training, optimizer=optimizer, **OPTIMIZERS[optimizer])
    saver = Saver(replace(tiny_config, training=training))
    change = jax.jit(functools.partial(update, make_optimizer(training, 10)), donate_argnums=1)

    def go_on(state, steps):
        for step in steps:
            gradient = {"a": {"kernel": np.random.default_rng(100 + step).standard_normal((4, 4)).astype(np.float32)}}
            updates, opt_state = change(gradient, state.opt_state, state.params)
            state = state.replace(params=jax.tree.map(jnp.add, state.params, updates), opt_state=opt_state)
        return state

    whole = go_on(saver.state(0), range(4))
    with contextlib.closing(Checkpoints(folder)) as checkpoints:
        checkpoints.save(go_on(saver.state(0), range(2)), saver.config, {"history": [], "losses": []})
    with contextlib.closing(Checkpoints(folder)) as checkpoints:
        restored = checkpoints.restore(saver.abstract, saver.config)
        assert restored is not None
        state, _ = restored
        assert same_bits(jax.device_get(go_on(state, range(2, 4))), jax.device_get(whole))
        others = replace(tiny_config, training=replace(tiny_config.training, optimizer="adamw"))
        with pytest.raises(InputError, match=f"other settings: optimizer \\('{optimizer}' there, 'adamw' here\\)"):
            checkpoints.restore(saver.abstract, others)
