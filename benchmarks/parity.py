"""How far the two frameworks are apart, network by network, as markdown.

    python benchmarks/parity.py [--model NAME ...] [--full]

At the templates' geometry: random weights, one crop of noise and, module by module and end to end, one of a sweep
in noise; evaluation, then one training step without dropout, from the same latent noise. A figure is of the tensor
that comes nearest to what is tolerated, or exceeds it most; that is relative to its largest value where this
exceeds 1, as float32 rounds. The exit status is 1 where anything is past its tolerance.

A gradient in float32, summed over a whole spectrogram, differs between any two orders of summation. There and in
the weights after a step, four times what torch itself errs by is tolerated, tensor by tensor: the largest difference
in float32, in the worse of its two memory layouts, from its own values in float64. That both frameworks agree in
float64 tells that it is rounding and nothing else. A rectifier that is zero but for rounding may fall on either side of
it, which can go past what is tolerated.

Fifty steps of AdamW in float32, of a small network, are reported next to the difference of torch's two layouts, not
judged: AdamW divides by gradients that are next to nothing, and so magnifies rounding.

With --full, small networks over every combination of settings: channels, targets, mask activation,
normalisation, axis, sizes. That takes hours. As by `python -m bridge verify`, ten times as much is tolerated in float32
of a network that is the same in float64: a normalisation of few values magnifies rounding.
"""

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import jax
import numpy as np
import optax
import torch
from rich.console import Console

import bridge
from auralflow_core.config import MODELS, Config, template
from auralflow_core.console.progress import progress_bar
from bridge.parity.cases import product, small_config
from bridge.parity.outputs import END, EXACT, ROUNDING, TOLERANCE, compare_networks
from bridge.parity.single_step import (
    FLOAT32,
    FLOAT64,
    StepResult,
    TensorDifference,
    compare_steps,
    flax_step,
    torch_step,
)
from bridge.parity.trajectory import draw_batches, flax_run, torch_run
from bridge.parity.twins import Twins, make_twins

ERRORS = 4  # times torch's own in float32 are tolerated
STEP = {
    "evaluated": "output in evaluation",
    "trained": "output in training",
    "gradients": "gradients",
    "weights": "weights after a step",
    "statistics": "batch statistics after a step",
}
OUTPUTS64, AFTER64 = "any output, float64", "weights and statistics after a step, float64"
STEP64 = {
    "evaluated": OUTPUTS64,
    "trained": OUTPUTS64,
    "gradients": "gradients, float64",
    "weights": AFTER64,
    "statistics": AFTER64,
}
BACK, ADAMW = "weights, there and back", "weights after 50 steps of AdamW"
APART = (*dict.fromkeys(STEP64.values()), BACK, ADAMW)  # in a table of their own


class Line(NamedTuple):
    """A quantity of one network; `ok` is None where it is not judged."""

    quantity: str
    difference: float
    tolerance: float
    ok: bool | None

    def __str__(self) -> str:
        if self.ok is None:
            return f"{self.difference:.1e} next to {self.tolerance:.0e}"
        return f"{self.difference:.1e} of {self.tolerance:.0e}{'' if self.ok else ' **past**'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--model",
        nargs="+",
        default=list(MODELS),
        choices=list(MODELS),
        metavar="NAME",
        help=f"of {', '.join(MODELS)}; default: all",
    )
    parser.add_argument("--full", action="store_true", help="small networks over the product of all settings")
    arguments = parser.parse_args()
    found: dict[str, dict[str, Line]] = {}
    with progress_bar(len(arguments.model), "networks", Console(stderr=True)) as advance:
        for name in arguments.model:
            lines = whole_product(name, advance) if arguments.full else full_size(template(name))
            found[name] = {line.quantity: line for line in lines}
            advance(name, 1)
    quantities = dict.fromkeys(quantity for lines in found.values() for quantity in lines)
    show(found, [quantity for quantity in quantities if quantity not in APART])
    show(found, [quantity for quantity in APART if quantity in quantities])
    return 0 if all(line.ok is not False for lines in found.values() for line in lines.values()) else 1


def show(found: dict[str, dict[str, Line]], quantities: list[str]) -> None:
    """Prints a table of some quantities; networks that lack one leave its cell empty."""
    if quantities:
        print(f"| largest difference, of what is tolerated | {' | '.join(quantities)} |")
        print("| --- |" + " ---: |" * len(quantities))
        for name, lines in found.items():
            print(f"| `{name}` |" + "".join(f" {lines.get(quantity, '')} |" for quantity in quantities))
        print()


def full_size(config: Config) -> Iterator[Line]:
    """Every quantity of one network at its template's size."""
    twins = make_twins(config, batch=1)
    yield Line(BACK, *round_trip(twins, config))
    channels_last = make_twins(config, batch=1)
    channels_last.torch.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # torch's stubs lack it
    exact = outcomes(make_twins(config, batch=1, precision="float64"), "float64")
    rounded = outcomes(twins, "float32")
    errors = {
        quantity: own_errors(quantity, exact[1], rounded[1], torch_step(channels_last))
        for quantity in ("gradients", "weights")
    }
    yield from worst(
        itertools.chain(
            modules(config, twins.variables, "float32"),
            step(*rounded, "float32", errors),
            modules(config, twins.variables, "float64"),
            step(*exact, "float64"),
        )
    )
    yield Line(ADAMW, *adamw(type(config.model).__name__), None)


def whole_product(name: str, advance: Callable[[str, float], None]) -> Iterable[Line]:
    """The worst of each quantity over small networks with every combination of settings."""
    cases, found = list(product(name)), []
    for done, case in enumerate(cases, 1):
        config = small_config(**case)
        differences = small_step(config, "float32")
        if not all(gap.ok for gap in differences) and all(gap.ok for gap in small_step(config, "float64")):
            differences = [
                gap._replace(ok=gap.difference <= ROUNDING / TOLERANCE * gap.tolerance) for gap in differences
            ]
        found += differences
        jax.clear_caches()  # no program is needed twice
        advance(name, done / len(cases))
    return worst(found)


def small_step(config: Config, precision: str) -> list[TensorDifference]:
    """The differences of one step of a small network."""
    return list(step(*outcomes(make_twins(config, precision=precision), precision), precision))


def round_trip(twins: Twins, config: Config) -> tuple[float, float, bool]:
    """From flax into torch and back: the largest difference, 0 as what is tolerated, whether every bit is the same."""
    state = {key: tensor.numpy(force=True) for key, tensor in twins.torch.state_dict().items()}
    before, after = (jax.tree.leaves(tree) for tree in (twins.variables, bridge.to_flax(state, config)))
    return (
        max(largest(a - b) for a, b in zip(before, after, strict=True)),
        0.0,
        all(a.tobytes() == b.tobytes() for a, b in zip(before, after, strict=True)),
    )


def modules(config: Config, variables: dict, precision: str) -> Iterator[TensorDifference]:
    """Each module's output, the mask and the audio, of the same audio."""
    bar = {"float32": TOLERANCE, "float64": EXACT}[precision]
    for row in compare_networks(config, variables, precision=precision):
        tolerance = bar * max(1.0, row.largest)
        single = f"{row.name.removeprefix(END)}, end to end" if row.name.startswith(END) else "output of any module"
        yield TensorDifference(
            single if precision == "float32" else OUTPUTS64,
            row.name,
            row.absolute,
            tolerance,
            row.absolute <= tolerance,
        )


def outcomes(twins: Twins, precision: str) -> tuple[StepResult, StepResult]:
    """Evaluation, gradients, and what a training step leaves: in flax and in torch."""
    with jax.enable_x64(precision == "float64"):
        ours = flax_step(twins)
    return ours, torch_step(twins)


def own_errors(quantity: str, exact: StepResult, *rounded: StepResult) -> dict[str, float]:
    """By how much each tensor in float32 differs from that in float64, at most."""
    return {
        name: max(largest(getattr(outcome, quantity)[name] - true) for outcome in rounded)
        for name, true in getattr(exact, quantity).items()
    }


def step(
    ours: StepResult, theirs: StepResult, precision: str, errors: Mapping[str, Mapping[str, float]] | None = None
) -> Iterator[TensorDifference]:
    """How far two outcomes are apart.

    Args:
        ours: of flax.
        theirs: of torch.
        precision: of both, float32 or float64.
        errors: torch's own, by quantity and tensor, where more than the bars is tolerated.
    """
    bars, names = {"float32": (FLOAT32, STEP), "float64": (FLOAT64, STEP64)}[precision]
    for gap in compare_steps(ours, theirs, bars):
        if own := (errors or {}).get(gap.quantity):
            tolerance = max(gap.tolerance, ERRORS * own[gap.name])
            gap = gap._replace(tolerance=tolerance, ok=gap.ok or gap.difference <= tolerance)
        yield gap._replace(quantity=names[gap.quantity])


def adamw(name: str) -> tuple[float, float]:
    """By how much weights differ after 50 steps: both frameworks', and those of torch's two memory layouts."""
    twins, again = (make_twins(small_config(name)) for _ in range(2))
    again.torch.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # torch's stubs lack it
    batches = draw_batches(twins, 50)
    runs = [flax_run(twins, batches, optax.adamw(1e-3, weight_decay=0.01))] + [
        torch_run(each, batches, torch.optim.AdamW(each.torch.parameters(), 1e-3, weight_decay=0.01))
        for each in (twins, again)
    ]
    ours, contiguous, channels_last = (run.state for run in runs)
    names = [name for name, _ in twins.torch.named_parameters()]
    apart, rounding = (max(largest(one[name] - contiguous[name]) for name in names) for one in (ours, channels_last))
    return apart, rounding


def largest(array: np.ndarray) -> float:
    return float(np.abs(array).max())


def worst(found: Iterable[TensorDifference]) -> Iterator[Line]:
    """Of each quantity the tensor that comes nearest to what is tolerated, or exceeds it most."""
    kept: dict[str, TensorDifference] = {}
    for gap in found:
        other = kept.setdefault(gap.quantity, gap)
        if (not gap.ok, gap.difference / gap.tolerance) > (not other.ok, other.difference / other.tolerance):
            kept[gap.quantity] = gap
    return (Line(gap.quantity, gap.difference, gap.tolerance, gap.ok) for gap in kept.values())


if __name__ == "__main__":
    sys.exit(main())
