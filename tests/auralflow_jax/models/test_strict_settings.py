"""Every network under the settings of jax that strict programs have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from auralflow_core.config import MODELS, override, template
from auralflow_jax.losses import make_loss
from auralflow_jax.models.base import abstract_variables, build
from auralflow_jax.train.step import compare

SMALL = {"sample_length": "0.3", "hidden_channels": "2", "audio_channels": "2", "width": "8", "num_blocks": "1"}
SMALL |= {"compression": "2", "num_layers": "2"}


OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in MODELS if name != "SpectrogramNetLSTM"]


@pytest.fixture(scope="module", params=["SpectrogramNetLSTM", *OTHERS])
def model(request):
    config = template(request.param)
    fields = (*config.model.__struct_fields__, "sample_length")
    return build(override(config, {key: value for key, value in SMALL.items() if key in fields}))


def training_loss(model):
    loss = make_loss(model.settings.training, model.represent)

    def run(variables, batch):
        estimate, _ = model.apply_and_update(variables, batch["mixture"], True, jax.random.key(0))
        return compare(model, loss, estimate, batch)

    return run


def batch_of(model, sharding=None):
    mixture = (2, model.num_channels, model.settings.crop_samples)
    shapes = {"mixture": mixture, "targets": (2, len(model.targets), *mixture[1:])}
    return {name: jax.ShapeDtypeStruct(shape, jnp.float32, sharding=sharding) for name, shape in shapes.items()}


def types(tree):
    return {leaf.dtype for leaf in jax.tree.leaves(tree)}


def test_64_bits_both_strict_promotions_and_both_modes_of_differentiation(model):
    """All of these faults are found while jax traces, which costs little."""
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        variables, loss, batch = abstract_variables(model.settings), training_loss(model), batch_of(model)
        assert types(variables) == {np.dtype(np.float32)}
        assert types(jax.eval_shape(model.apply, variables, batch["mixture"])) == {np.dtype(np.float32)}
        slope = jax.eval_shape(lambda *both: jax.jvp(loss, both, both), variables, batch)
        assert [(leaf.shape, leaf.dtype) for leaf in slope] == 2 * [((), np.float32)]
        assert types(jax.eval_shape(jax.grad(loss), variables, batch)) == {np.dtype(np.float32)}


def test_a_mesh_with_explicit_axes(model):
    mesh = jax.make_mesh((1,), ("data",), axis_types=(AxisType.Explicit,))
    whole, divided = NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec("data"))
    with jax.set_mesh(mesh):
        batch = batch_of(model, divided)
        variables = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=whole),
            abstract_variables(model.settings),
        )
        estimate = jax.eval_shape(model.apply, variables, batch["mixture"])
        assert estimate.audio.sharding.spec[0] == "data"
        gradients = jax.eval_shape(jax.grad(training_loss(model)), variables, batch)
        assert {leaf.sharding.spec for leaf in jax.tree.leaves(gradients)} <= {
            PartitionSpec(*([None] * rank)) for rank in range(7)
        }
