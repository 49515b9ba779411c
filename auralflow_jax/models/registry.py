"""Models by their configurations."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from auralflow_core.config import Config
from auralflow_core.model_folder import as_config
from auralflow_core.weights.size import check_memory
from auralflow_jax.compilation import drawing_options
from auralflow_jax.models.base import SeparationModel, abstract_variables, build

__all__ = ["build", "create_model"]


def create_model(config_or_dict_or_path: Config | Mapping[str, Any] | str | Path) -> SeparationModel:
    """Makes the model that a configuration describes, of whatever family, with fresh weights.

    Args:
        config_or_dict_or_path: a `Config`; what config.json holds, as a dict; or the path of such a file or of a model
            folder. The weights are drawn from its `training.seed`.

    Raises:
        InputError: a wrong key or value, a file that cannot be read, or a model that the machine could not hold.
    """
    config = as_config(config_or_dict_or_path)
    model = build(config)
    check_memory((leaf.shape for leaf in jax.tree.leaves(abstract_variables(config))), type(config.model).__name__)
    init = jax.jit(model.init, compiler_options=drawing_options())
    return model.replace(variables=init(jax.random.key(config.training.seed)))
