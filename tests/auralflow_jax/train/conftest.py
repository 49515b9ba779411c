"""Model folders to train."""

import pytest
from msgspec.structs import replace

from auralflow_core.model_folder import ModelFolder


@pytest.fixture
def new_folder(tmp_path, tiny_config):
    """Makes a model folder, with changes to the groups of `tiny_config`."""

    def make(name="model", **groups):
        folder = ModelFolder(tmp_path / name)
        folder.save_config(
            replace(
                tiny_config,
                **{group: replace(getattr(tiny_config, group), **changes) for group, changes in groups.items()},
            )
        )
        return folder

    return make
