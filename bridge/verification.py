"""Verification of a model: both frameworks estimate the same."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auralflow_core.optional import needs
from auralflow_core.weights.file import TORCH
from bridge.files import read_flax, read_torch
from bridge.folders import check_network

if TYPE_CHECKING:
    from bridge.parity.outputs import Difference


@dataclass(frozen=True)
class Verification:
    """The outcome of `verify`.

    Attributes:
        same: whether the networks are the same.
        rows: the differences in float32, module by module, then of the whole model.
        exact: the same in float64, if float32 could not tell a difference from rounding; else None.
    """

    same: bool
    rows: "list[Difference]"
    exact: "list[Difference] | None" = None


def verify(model: str | Path, torch: str | Path | None = None) -> Verification:
    """Runs a model in both frameworks on the same audio, and compares the outputs of all modules.

    Args:
        model: a model folder, a file of weights, or a pretrained model's name.
        torch: a file of torch weights to compare with. Default: the model's, freshly converted.

    Raises:
        InputError: there is no such model, a file is damaged, or the torch weights are of another network.
        MissingPackage: torch is not installed.

    Example:
        assert bridge.verify("my_model").same
    """
    from bridge.parity.outputs import EXACT, ROUNDING, TOLERANCE, compare_networks

    with needs("torch"):
        importlib.import_module("torch")  # before the work in JAX, which takes longer

    variables, config, _ = read_flax(model)
    state = None
    if torch:
        stored = read_torch(torch, [TORCH])
        check_network(stored.config or config, config, torch, model)
        state = stored.tensors
    rows = compare_networks(config, variables, state, str(torch))
    if (worst := _worst(rows)) <= TOLERANCE or worst > ROUNDING:
        return Verification(worst <= TOLERANCE, rows)
    exact = compare_networks(config, variables, state, str(torch), "float64")
    return Verification(_worst(exact) <= EXACT, rows, exact)


def _worst(rows: "list[Difference]") -> float:
    return max(row.relative for row in rows)
