"""The documentation's table of networks, against what is computed; no weights are made."""

import runpy
from pathlib import Path

import pytest
import torch

from auralflow_core.config import MODELS, template
from auralflow_torch.networks import build_network

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sizes():
    return runpy.run_path(str(ROOT / "benchmarks" / "sizes.py"))


def test_the_documentation_shows_the_table(sizes):
    assert f"\n\n{sizes['table']()}\n\n" in (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MODELS)
def test_both_frameworks_have_the_documented_size(sizes, name):
    count = sizes["count_parameters"](name)
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in build_network(template(name)).parameters()) == count
    if documented := sizes["DOCUMENTED"].get(name):
        assert count == pytest.approx(documented * 1e6, rel=0.1)


def test_every_documented_model_is_there(sizes):
    assert sizes["DOCUMENTED"].keys() <= MODELS.keys()
