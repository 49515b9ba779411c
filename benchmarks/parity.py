"""How far the two frameworks are apart, network by network, as one markdown table.

    python benchmarks/parity.py [--model NAME ...] [--full]

At the templates' geometry: random weights, one crop of noise and, module by module and end to end, one of a sweep
in noise; evaluation, then one training step without dropout, from the same latent noise. A figure is of the tensor
that comes nearest to what is tolerated, or exceeds it most; that is relative to its largest value where this
exceeds 1, as float32 rounds. The exit status is 1 where anything is past its tolerance.

A gradient in float32, summed over a whole spectrogram, differs between any two orders of summation. There and in
the weights after a step, what torch's own two memory layouts, contiguous and channels-last, differ by is tolerated,
as a share of the tensor's largest value; float64 tells that it is rounding and nothing else.

Fifty steps of AdamW in float32, of a small network, are reported beside what torch's two layouts differ by, not
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
from auralflow.config import MODELS, Config, template
from auralflow.terminal import progress_bar
from bridge.cases import product, small_config
from bridge.comparison import END, EXACT, ROUNDING, TOLERANCE, compare_networks
from bridge.run import draw_batches, flax_run, torch_run
from bridge.step import FLOAT32, FLOAT64, Gap, flax_step, gaps, torch_step
from bridge.twins import Twins, make_twins

STEP = {"evaluated": "output in evaluation", "trained": "output in training", "gradients": "gradients",
        "weights": "weights after a step", "statistics": "batch statistics after a step"}
OUTPUTS64, AFTER64 = "any output, float64", "weights and statistics after a step, float64"
STEP64 = {"evaluated": OUTPUTS64, "trained": OUTPUTS64, "gradients": "gradients, float64", "weights": AFTER64,
          "statistics": AFTER64}


class Line(NamedTuple):
    """A quantity of one network; `ok` is None where it is not judged."""

    quantity: str
    difference: float
    tolerance: float
    ok: bool | None

    def __str__(self) -> str:
        if self.ok is None:
            return f"{self.difference:.1e} beside {self.tolerance:.0e}"
        return f"{self.difference:.1e} of {self.tolerance:.0e}{'' if self.ok else ' **past**'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="+", default=list(MODELS), choices=list(MODELS), metavar="NAME",
                        help=f"of {', '.join(MODELS)}; default: all")
    parser.add_argument("--full", action="store_true", help="small networks over the product of all settings")
    arguments = parser.parse_args()
    columns: dict[str, dict[str, Line]] = {}
    with progress_bar(len(arguments.model), "networks", Console(stderr=True)) as advance:
        for name in arguments.model:
            lines = whole_product(name, advance) if arguments.full else full_size(template(name))
            columns[name] = {line.quantity: line for line in lines}
            advance(name, 1)
    print("| largest difference, of what is tolerated |" + "".join(f" `{name}` |" for name in columns))
    print("| --- |" + " ---: |" * len(columns))
    for quantity in dict.fromkeys(quantity for lines in columns.values() for quantity in lines):
        print(f"| {quantity} |" + "".join(f" {lines.get(quantity, '')} |" for lines in columns.values()))
    return 0 if all(line.ok is not False for lines in columns.values() for line in lines.values()) else 1


def full_size(config: Config) -> Iterator[Line]:
    """Every quantity of one network at its template's size."""
    twins = make_twins(config, batch=1)
    yield Line("weights, there and back", *round_trip(twins, config))
    yield from worst(itertools.chain(
        modules(config, twins.variables, "float32"),
        step(twins, "float32", rounding(config)),
        modules(config, twins.variables, "float64"),
        step(make_twins(config, batch=1, precision="float64"), "float64")))
    yield Line("weights after 50 steps of AdamW", *adamw(type(config.model).__name__), None)


def whole_product(name: str, advance: Callable[[str, float], None]) -> Iterable[Line]:
    """The worst of each quantity over small networks with every combination of settings."""
    cases, found = list(product(name)), []
    for done, case in enumerate(cases, 1):
        config = small_config(**case)
        differences = list(step(make_twins(config), "float32"))
        if not all(gap.ok for gap in differences) and all(
                gap.ok for gap in step(make_twins(config, precision="float64"), "float64")):
            differences = [gap._replace(ok=gap.difference <= ROUNDING / TOLERANCE * gap.tolerance)
                           for gap in differences]
        found += differences
        jax.clear_caches()  # no program is needed twice
        advance(name, done / len(cases))
    return worst(found)


def round_trip(twins: Twins, config: Config) -> tuple[float, float, bool]:
    """From flax into torch and back: the largest difference, 0 as what is tolerated, whether every bit is the same."""
    state = {key: tensor.numpy(force=True) for key, tensor in twins.torch.state_dict().items()}
    before, after = (jax.tree.leaves(tree) for tree in (twins.variables, bridge.to_flax(state, config)))
    return (max(largest(a - b) for a, b in zip(before, after, strict=True)), 0.0,
            all(a.tobytes() == b.tobytes() for a, b in zip(before, after, strict=True)))


def modules(config: Config, variables: dict, precision: str) -> Iterator[Gap]:
    """Each module's output, the mask and the audio, of the same audio."""
    bar = {"float32": TOLERANCE, "float64": EXACT}[precision]
    for row in compare_networks(config, variables, precision=precision):
        tolerance = bar * max(1.0, row.largest)
        single = f"{row.name.removeprefix(END)}, end to end" if row.name.startswith(END) else "output of any module"
        yield Gap(single if precision == "float32" else OUTPUTS64, row.name, row.absolute, tolerance,
                  row.absolute <= tolerance)


def step(twins: Twins, precision: str, shares: Mapping[str, float] | None = None) -> Iterator[Gap]:
    """Evaluation, gradients, and what a training step leaves.

    Args:
        twins: of that precision.
        precision: float32 or float64.
        shares: of the largest value of a tensor, by quantity, where more than the bars is tolerated.
    """
    bars, names = {"float32": (FLOAT32, STEP), "float64": (FLOAT64, STEP64)}[precision]
    with jax.enable_x64(precision == "float64"):
        ours = flax_step(twins)
    theirs = torch_step(twins)
    for gap in gaps(ours, theirs, bars):
        if share := (shares or {}).get(gap.quantity):
            tolerance = max(gap.tolerance, share * largest(getattr(theirs, gap.quantity)[gap.name]))
            gap = gap._replace(tolerance=tolerance, ok=gap.ok or gap.difference <= tolerance)
        yield gap._replace(quantity=names[gap.quantity])


def rounding(config: Config) -> dict[str, float]:
    """By what share of a tensor's largest value, at most, torch's two memory layouts differ after the same step."""
    contiguous, channels_last = (make_twins(config, batch=1) for _ in range(2))
    channels_last.torch.to(memory_format=torch.channels_last)
    one, other = torch_step(contiguous), torch_step(channels_last)
    return {quantity: max(largest(getattr(one, quantity)[name] - array) / largest(array)
                          for name, array in getattr(other, quantity).items())
            for quantity in ("gradients", "weights")}


def adamw(name: str) -> tuple[float, float]:
    """By how much weights differ after 50 steps: both frameworks', and those of torch's two memory layouts."""
    twins, again = (make_twins(small_config(name)) for _ in range(2))
    again.torch.to(memory_format=torch.channels_last)
    batches = draw_batches(twins, 50)
    runs = [flax_run(twins, batches, optax.adamw(1e-3, weight_decay=0.01))] + [
        torch_run(each, batches, torch.optim.AdamW(each.torch.parameters(), 1e-3, weight_decay=0.01))
        for each in (twins, again)]
    ours, contiguous, channels_last = (run.state for run in runs)
    names = [name for name, _ in twins.torch.named_parameters()]
    return tuple(max(largest(one[name] - contiguous[name]) for name in names) for one in (ours, channels_last))


def largest(array: np.ndarray) -> float:
    return float(np.abs(array).max())


def worst(found: Iterable[Gap]) -> Iterator[Line]:
    """Of each quantity the tensor that comes nearest to what is tolerated, or exceeds it most."""
    kept: dict[str, Gap] = {}
    for gap in found:
        other = kept.setdefault(gap.quantity, gap)
        if (not gap.ok, gap.difference / gap.tolerance) > (not other.ok, other.difference / other.tolerance):
            kept[gap.quantity] = gap
    return (Line(gap.quantity, gap.difference, gap.tolerance, gap.ok) for gap in kept.values())


if __name__ == "__main__":
    sys.exit(main())
