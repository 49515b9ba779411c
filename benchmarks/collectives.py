"""Communication between devices, as the text of a compiled program shows it."""

import math
import re
from collections import Counter

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute", "collective-broadcast")
# `%name = TYPE KIND(...)`; a transfer in two halves is counted at its start, whose type names operands and results.
CALL = re.compile(rf" = (\(.*?\)|\S+) ({'|'.join(KINDS)})(-start)?\(")
ARRAY = re.compile(r"\b([a-z]+)(\d*)\[([\d,]*)\]")  # f32[16,3]; pred[] has no number of bits


def communicated(program: str) -> Counter[str]:
    """The bytes that one device gets from collective operations in one run of a program.

    Loops are counted once; so are parts of which one alone is run.

    Args:
        program: the text of a compiled program (`jax.stages.Compiled.as_text`).

    Returns:
        Bytes by the kind of operation; kinds that the program lacks are missing.

    Example:
        >>> communicated("  %sum.1 = (f32[16,3]{1,0}, bf16[]) all-reduce(%a, %b), to_apply=%add")
        Counter({'all-reduce': 194})
    """
    found: Counter[str] = Counter()
    for types, kind, start in CALL.findall(program):
        sizes = [_bytes(*array) for array in ARRAY.findall(types)]
        # An all-reduce in two halves has the type of its result; the others name their operands before it.
        found[kind] += sum(sizes[len(sizes) // 2 :]) if start and kind != "all-reduce" else sum(sizes)
    return found


def _bytes(kind: str, bits: str, shape: str) -> int:
    """The size of an array, given its type, such as f and 32, and its shape."""
    return math.prod(map(int, filter(None, shape.split(",")))) * max(1, int(bits or 8) // 8)
