"""Import times of the packages, next to those of the frameworks that they import, and the start-up of the command.

Each line is the median of fresh processes, in seconds. The last column of the first table is the time that a package
takes in addition to its framework; the second table has the whole process, by the clock and in CPU time, and its budget
on two idle cores.

    python benchmarks/imports.py --runs 5
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time

from arguments import whole_number

# Modules, each with the framework that it is compared with.
CASES = (
    ("auralflow", "sys"),
    ("auralflow.cli.main", "sys"),
    ("auralflow_torch", "torch"),
    ("auralflow_torch.models", "torch"),
    ("auralflow_torch.separation", "torch"),
    ("auralflow_jax", "jax"),
    ("auralflow_jax.networks", "flax.linen"),
    ("auralflow_jax.separation", "flax.linen"),
)
# Arguments of `auralflow`, and the seconds that a call may take.
COMMANDS = (("--help", 0.3), ("separate --help", 0.3), ("train --help", 0.3), ("config --help", 1.0))
CODE = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def main() -> None:
    parser = argparse.ArgumentParser(description="Import times of the packages and their frameworks.")
    parser.add_argument("--runs", type=whole_number, default=5, help="processes for each figure (default: %(default)s)")
    runs = parser.parse_args().runs
    print("| import | s | its framework | s | difference |\n|---|---|---|---|---|")
    for package, framework in CASES:
        # In turns, so that whatever else the machine does meets both.
        pairs = [(seconds(package), seconds(framework)) for _ in range(runs + 1)][1:]  # the first fills the disk cache
        own, other = map(statistics.median, zip(*pairs, strict=True))
        print(f"| {package} | {own:.2f} | {framework} | {other:.2f} | {own - other:+.2f} |", flush=True)
    print("\n| command | s | CPU s | budget |\n|---|---|---|---|")
    for arguments, budget in COMMANDS:
        wall, cpu = map(statistics.median, zip(*[start_up(arguments) for _ in range(runs + 1)][1:], strict=True))
        print(
            f"| auralflow {arguments} | {wall:.2f} | {cpu:.2f} | {budget}{' !' if cpu > budget else ''} |", flush=True
        )


def start_up(arguments: str) -> tuple[float, float]:
    """Runs the command in a new process; returns seconds by the clock and of CPU time."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "auralflow", *arguments.split()]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, cpu


def seconds(module: str) -> float:
    """Imports a module in a new process."""
    return float(subprocess.run([sys.executable, "-c", CODE.format(module)], check=True, capture_output=True).stdout)


if __name__ == "__main__":
    main()
