"""Weights of a model for one with other targets."""

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from msgspec.structs import replace
from small_models import make_model, random_weights, small_config

from auralflow_core.config import from_dict
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_jax.models.base import abstract_variables
from auralflow_jax.retarget import fresh_tensors, retarget
from auralflow_jax.weights import load_for


def with_targets(config, *targets):
    return replace(config, model=replace(config.model, targets=targets))


def test_all_but_the_last_layer_is_kept():
    theirs = small_config(targets="vocals", depth="1")
    variables = random_weights(theirs)
    assert retarget(variables, theirs, theirs) is variables
    for targets in (("drums", "vocals"), ("drums",)):
        ours = with_targets(theirs, *targets)
        kept, expected = retarget(variables, ours, theirs), abstract_variables(ours)
        assert fresh_tensors(kept, expected) == ["params/head/bias", "params/head/kernel"]
        assert kept.keys() == {"params", "batch_stats"}
        for path, array in flatten_dict(kept).items():
            assert array is flatten_dict(variables)[path]
            assert np.shape(array) == np.shape(flatten_dict(expected)[path])  # pyright: ignore[reportArgumentType]


def test_parts_follow_the_names_of_their_targets():
    theirs = from_dict({"model": {"model_type": "SpleeterNet", "hidden_channels": 1, "depth": 3}})
    assert theirs.model.targets == ("accompaniment", "vocals")
    variables = random_weights(theirs)
    vocals = variables["params"]["target_1"]
    for targets, place in ((("bass", "vocals"), 1), (("vocals", "xylophone"), 0)):
        kept = retarget(variables, with_targets(theirs, *targets), theirs)
        assert kept["params"].keys() == {f"target_{place}"}
        jax.tree.map(np.testing.assert_array_equal, kept["params"][f"target_{place}"], vocals)


def test_nothing_that_fits_is_an_error(tmp_path):
    theirs = from_dict(
        {"model": {"model_type": "SpleeterNet", "hidden_channels": 1, "depth": 2, "freeze_statistics": True}}
    )
    folder = make_model(tmp_path / "theirs", theirs)
    ours = with_targets(theirs, "bass", "drums")
    with pytest.raises(InputError, match="theirs: separates accompaniment, vocals, and nothing of it fits a SpleeterN"):
        load_for([ModelFolder(folder.path)], ours, abstract_variables(ours))
