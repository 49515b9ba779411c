"""Converters of other projects leave the process as they found it."""

import contextlib
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import process_state
import pytest
import torch
from converters import require

import auralflow
from auralflow.backends import EXPORTERS
from auralflow_core.errors import InputError
from auralflow_torch.export.converter import converting, default_jax
from auralflow_torch.models import create_model
from bridge.parity.cases import small_config

# Exports each model twice, in a process that has imported no converter yet, and says what is different then.
EXPORT = """
import sys
import jax, torch, torch.export
import process_state
from auralflow.api.export import export
from auralflow_core.errors import InputError

to, path, *models = sys.argv[1:]
before = process_state.take()
for model in [*models, *models]:
    try:
        export(model, to, path)
        print(f"{model} written")
    except InputError as error:
        print(f"{model} refused: {error}")
    print(process_state.differences(before, process_state.take()))
"""


def wild(fail, logger):
    """Does what converters do when they are imported or used."""
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_default_matmul_precision", "bfloat16")
    logging.basicConfig(level=logging.DEBUG)
    warnings.simplefilter("error")
    logging.getLogger("torch").handlers.clear()
    logging.getLogger("torch").setLevel(logging.CRITICAL)
    logger.addHandler(logging.StreamHandler())
    print("a remark")
    assert (jnp.arange(2, dtype=jnp.int32) + jnp.ones((1, 2), jnp.int64)).dtype == jnp.int64
    if fail:
        raise ValueError("no such operation\nand a lot more")


@pytest.mark.parametrize("fail", [False, True])
@pytest.mark.parametrize("x64", [False, True])
def test_what_a_converter_changes_is_changed_back(monkeypatch, capsys, fail, x64):
    monkeypatch.setattr(logging.root, "handlers", [])  # as outside of tests
    before, name = process_state.take(), f"{__name__}.{fail}.{x64}"  # a logger that is made meanwhile
    with jax.enable_x64(x64):  # the user's own, for a while
        inside = jnp.arange(2.0).dtype
        reason = "^The converter does not take this network: ValueError: no such operation$"
        with pytest.raises(InputError, match=reason) if fail else contextlib.nullcontext():
            with converting("The converter"), default_jax():
                wild(fail, logging.getLogger(name))
        assert jnp.arange(2.0).dtype == inside
    assert process_state.differences(before, process_state.take()) == []
    assert jnp.arange(2.0).dtype == jnp.float32
    (handler,) = logging.getLogger(name).handlers
    assert isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
    assert capsys.readouterr() == ("", "")
    logging.getLogger("another").warning("heard")
    assert capsys.readouterr().err == "heard\n"


@pytest.mark.slow
@pytest.mark.parametrize("to", ["tflite", "executorch"])
def test_an_export_leaves_the_process_as_it_found_it(tmp_path, to):
    require(to)
    for name in ("SpectrogramNetSimple", "SpleeterNet"):
        torch.manual_seed(0)
        create_model(small_config(name, targets=("bass", "vocals"), num_channels=1)).save(tmp_path / name)
    root = Path(auralflow.__file__).parents[1]
    paths = os.pathsep.join(map(str, (root, root / "tests/helpers")))
    command = [sys.executable, "-c", EXPORT, to, f"out{EXPORTERS[to].suffix}", "SpectrogramNetSimple", "SpleeterNet"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [lines[index].split(" ")[0] for index in range(0, 8, 2)] == ["SpectrogramNetSimple", "SpleeterNet"] * 2
    assert [lines[index] for index in (0, 4)] == ["SpectrogramNetSimple written"] * 2
    assert lines[1::2] == ["[]"] * 4
    if to == "tflite":
        assert "SpleeterNet refused: LiteRT's converter does not take this network" in lines[2]
