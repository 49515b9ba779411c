"""Import times of the packages, next to those of the frameworks that they import.

Each line is the median of fresh processes, in seconds; the last column is the time that a package takes in addition to
its framework.

    python benchmarks/imports.py --runs 5
"""

import argparse
import statistics
import subprocess
import sys

# What is imported, and the framework that it is compared with.
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
CODE = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def main() -> None:
    parser = argparse.ArgumentParser(description="Import times of the packages and their frameworks.")
    parser.add_argument("--runs", type=int, default=5, help="processes for each figure (default: %(default)s)")
    runs = parser.parse_args().runs
    print("| import | s | its framework | s | difference |\n|---|---|---|---|---|")
    for package, framework in CASES:
        # In turns, so that whatever else the machine does meets both.
        pairs = [(seconds(package), seconds(framework)) for _ in range(runs + 1)][1:]  # the first fills the disk cache
        own, other = map(statistics.median, zip(*pairs, strict=True))
        print(f"| {package} | {own:.2f} | {framework} | {other:.2f} | {own - other:+.2f} |", flush=True)


def seconds(module: str) -> float:
    """Imports a module in a new process."""
    return float(subprocess.run([sys.executable, "-c", CODE.format(module)], check=True, capture_output=True).stdout)


if __name__ == "__main__":
    main()
