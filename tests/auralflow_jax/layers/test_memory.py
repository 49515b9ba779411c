"""The memory that XLA plans for layers that could need much of it."""

import jax
import jax.numpy as jnp
import pytest

from auralflow_jax.compilation import separation_options
from auralflow_jax.layers.cross_transformer import MultiheadAttention
from auralflow_jax.layers.lstm import LSTM

on_cpu = pytest.mark.skipif(jax.default_backend() != "cpu", reason="the options are for the CPU")


def planned(layer, *shapes, **options):
    """Bytes of a layer's intermediate arrays."""
    arrays = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    variables = jax.eval_shape(layer.init, jax.random.key(0), *arrays)
    compiled = jax.jit(layer.apply, **options).lower(variables, *arrays).compile()
    return compiled.memory_analysis().temp_size_in_bytes


@pytest.mark.parametrize("batch", [1, 2])
def test_the_scores_of_all_heads_are_never_there_together(batch):
    heads, steps, width = 32, 1024, 64
    shape = batch, steps, width
    assert planned(MultiheadAttention(heads), shape, shape) < 0.5 * 4 * heads * steps**2


@on_cpu
def test_separation_begins_the_outputs_of_scans_one_by_one():
    layers = LSTM(16, num_layers=6)
    shape = 32, 100, 32
    usual, least = (planned(layers, shape, compiler_options=options) for options in (None, separation_options()))
    assert least < 0.9 * usual
