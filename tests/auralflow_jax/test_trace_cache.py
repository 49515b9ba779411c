"""Programs that one process has traced serve the next one, and nothing else does."""

import jax
import numpy as np
import pytest
from flax import linen as nn
from small_models import random_weights, small_config

from auralflow_core.config import override
from auralflow_jax import trace_cache
from auralflow_jax.models.base import abstract_variables, build
from auralflow_jax.trace_cache import keep_traces, traced_program, traced_shapes


@pytest.fixture
def folder(tmp_path):
    keep_traces(tmp_path / "traces")
    yield tmp_path / "traces"
    keep_traces(None)


def later(folder):
    """As in a process that starts now."""
    keep_traces(folder)


class Traced:
    """A jitted estimate that counts how often it is traced."""

    def __init__(self):
        self.count = 0
        self.function = jax.jit(self.estimate)

    def estimate(self, model, audio):
        self.count += 1
        return model.estimate(audio).audio


def filled(config):
    return build(config).replace(variables=random_weights(config))


def noise(config, seconds=0.3):
    shape = (1, config.model.num_channels, round(seconds * config.model.sample_rate))
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("kind", ["SpectrogramNetSimple", "AudioNetSimple", "BSRoformer"])
def test_a_later_process_computes_the_same_bits_and_traces_nothing(folder, kind):
    config = small_config(kind)
    model, audio, first, second = filled(config), noise(config), Traced(), Traced()
    expected = np.asarray(jax.jit(lambda model, audio: model.estimate(audio).audio)(model, audio))
    program = traced_program(first.function, config, model.network, model, audio)
    np.testing.assert_array_equal(program(model, audio), expected)
    later(folder)
    program = traced_program(second.function, config, model.network, model, audio)
    np.testing.assert_array_equal(program(model, audio), expected)
    assert (first.count, second.count) == (1, 0)
    # Other weights of the same shapes are arguments of the same program.
    other = model.replace(variables=random_weights(config, seed=1))
    assert traced_program(second.function, config, model.network, other, audio) is program
    assert np.abs(np.asarray(program(other, audio)) - expected).max() > 1e-6


def test_shapes_are_those_that_were_traced(folder):
    config, calls = small_config("SpectrogramNetLSTM"), []

    def trace(config):
        calls.append(config)
        return abstract_variables(config)

    assert traced_shapes(trace, config) == abstract_variables(config)
    later(folder)
    assert traced_shapes(trace, config) == abstract_variables(config)
    assert len(calls) == 1


def _others():
    config = small_config()
    yield "settings", override(config, {"depth": "1"}), noise(config)
    yield "length", config, noise(config, seconds=0.4)
    yield "batch", config, np.concatenate([noise(config)] * 2)


@pytest.mark.parametrize(("config", "audio"), [pytest.param(*rest, id=name) for name, *rest in _others()])
def test_what_differs_is_traced(folder, config, audio):
    usual = small_config()
    model = filled(usual)
    traced_program(Traced().function, usual, model.network, model, noise(usual))
    later(folder)
    traced, model = Traced(), filled(config)
    traced_program(traced.function, config, model.network, model, audio)
    assert traced.count == 1


def test_other_code_and_other_settings_of_jax_are_traced(folder, monkeypatch):
    config = small_config()
    model, audio, traced = filled(config), noise(config), Traced()

    def again():
        later(folder)
        jax.clear_caches()
        traced_program(traced.function, config, model.network, model, audio)

    again()
    with jax.default_matmul_precision("highest"):
        again()
    monkeypatch.setattr(trace_cache, "_code", lambda: "an edited package")
    again()
    assert traced.count == 3


def test_a_damaged_file_is_traced_and_written_again(folder):
    config = small_config()
    model, audio = filled(config), noise(config)
    traced_program(Traced().function, config, model.network, model, audio)
    (file,) = folder.iterdir()
    content = file.read_bytes()
    for damaged in (b"", content[:-1], content[:40], content[:-1] + bytes([content[-1] ^ 1])):
        file.write_bytes(damaged)
        for expected in 1, 0:
            later(folder)
            traced = Traced()
            traced_program(traced.function, config, model.network, model, audio)
            assert traced.count == expected


def test_networks_of_other_code_and_changed_ones_are_not_kept(folder):
    config, traced = small_config(), Traced()
    model = filled(config)

    class Foreign(nn.Module):
        pass

    assert traced_program(traced.function, config, Foreign(), model, noise(config)) is traced.function
    changed = build(override(config, {"depth": "1"})).network
    assert traced_program(traced.function, config, changed, model, noise(config)) is traced.function
    keep_traces(None)
    assert traced_program(traced.function, config, model.network, model, noise(config)) is traced.function
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_to_costs_time_alone(tmp_path):
    (tmp_path / "file").touch()
    keep_traces(tmp_path / "file" / "traces")
    try:
        config, traced = small_config(), Traced()
        model, audio = filled(config), noise(config)
        program = traced_program(traced.function, config, model.network, model, audio)
        assert np.asarray(program(model, audio)).shape[-1] == audio.shape[-1]
    finally:
        keep_traces(None)


def test_old_files_go(folder, monkeypatch):
    monkeypatch.setattr(trace_cache, "MAX_FILES", 2)
    for depth in "1", "2", "3":
        traced_shapes(abstract_variables, small_config(depth=depth))
    assert len(list(folder.iterdir())) == 2
