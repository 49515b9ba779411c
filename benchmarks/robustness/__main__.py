"""Counts how the program ends on damaged input.

    python benchmarks/robustness                        all kinds, as in docs/reliability.md
    python benchmarks/robustness weights --count 140    one kind, a tenth of it

Every case is made from the seed and its own number, so `--first N --count 1` repeats case N alone. Cases run in a
process that is started again when one has crashed it, or has taken more than 20 seconds and was ended.
"""

import argparse
import collections
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from robustness.worker import KINDS, Worker


def count(name: str, seed: int, first: int, number: int) -> collections.Counter:
    """Runs cases, prints those with a fault, and counts exit statuses and faults."""
    counter, worker = collections.Counter(), Worker(name, seed)
    for case in range(first, first + number):
        outcomes = worker.run(case)
        for outcome in outcomes:
            counter[f"status {outcome.status}"] += outcome.status is not None
            for fault in outcome.faults:
                print(f"{name} {case}: {outcome.label}: {fault}", flush=True)
                counter[fault.partition(":")[0]] += 1
        counter["commands"] += len(outcomes)
        counter["cases with a fault"] += any(outcome.faults for outcome in outcomes)
    worker.close()
    return counter


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", help=f"of {', '.join(KINDS)}; default: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--count", type=int, help="cases of each kind; default: as in the documentation")
    arguments = parser.parse_args()
    rows, faults = [], 0
    for name in arguments.kinds or KINDS:
        started, number = time.monotonic(), arguments.count or KINDS[name].count
        counter = count(name, arguments.seed, arguments.first, number)
        seconds, faulty = time.monotonic() - started, counter.pop("cases with a fault")
        statuses = [counter.pop(f"status {status}", 0) for status in (0, 1, 2)]
        others = ", ".join(f"{fault} {times}" for fault, times in counter.items() if fault != "commands" and times)
        rows.append((name, number, counter["commands"], *statuses, faulty, others or "none", f"{seconds:.0f} s"))
        faults += faulty
    print("| kind | cases | commands | exit 0 | exit 1 | exit 2 | cases with a fault | faults | time |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
