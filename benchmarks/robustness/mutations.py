"""Damage: to JSON, to the bytes of a file, to the files of a folder."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

# Values that programs trip over, as they stand in JSON.
VALUES = (
    "null true false 0 1 -1 2 3 0.5 -0.0 1e-320 1e308 1e999 -1e999 NaN Infinity -Infinity 2147483647 2147483648 "
    '9223372036854775807 9223372036854775808 18446744073709551616 1e19 [] {} [[]] [null] [1,2] ["vocals"] [""] '
    '[NaN] {"a":1} {"a":[]} {"":{}} "" "x" "nan" "../../victim" "/etc/passwd" "\\ud800" "\\u0000" "a\\nb" "$x" "é"'
).split()
LONG = (
    "7" * 5000,
    "-" + "7" * 4000,
    "0." + "7" * 5000,
    '"' + "x" * 20_000 + '"',
    "[" * 100_000,
    "[" * 900 + "]" * 900,
    '{"a":' * 70 + "1" + "}" * 70,
    "[" + "1," * 5000 + "1]",
)


def mutate_json(text: str, rng: np.random.Generator) -> bytes:
    """A JSON document with one to three changes: to values and keys, or to its bytes."""
    if rng.random() < 0.15:
        return mutate_bytes(text.encode(), rng)
    document, raw = json.loads(text), {}
    for _ in range(rng.integers(1, 4)):
        parents = _containers(document)
        parent = parents[rng.integers(len(parents))]
        token = f"@{len(raw)}@"  # stands for text that Python would not write
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        change = rng.choice(["replace", "replace", "replace", "remove", "add", "rename", "double"])
        raw[json.dumps(token)] = _value(None, rng)
        if change == "add" or not keys:
            _add(parent, rng.choice(["", "model", "depth", "x" * 9000, "a.b[0]", "\ud800"]), token)
            continue
        key = keys[rng.integers(len(keys))]
        raw[json.dumps(token)] = _value(parent[key], rng)
        if change == "replace":
            parent[key] = token
        elif change == "remove":
            del parent[key]
        elif change == "double":
            _add(parent, f"{key}_", parent[key])
        elif isinstance(parent, dict):
            parent[f"{key}x"] = parent.pop(key)
    text = json.dumps(document)
    for token, value in raw.items():
        text = text.replace(token, value)
    return text.encode(errors="surrogatepass")


def _value(replaced: Any, rng: np.random.Generator) -> str:
    """JSON in place of a value: half of the time a number for a number."""
    if isinstance(replaced, int | float) and rng.random() < 0.5:
        return str(rng.choice(["1", "2", "3", "0.25", "7", "48", "512", "65536", "1e6", "1e308", "2147483647"]))
    return LONG[rng.integers(len(LONG))] if rng.random() < 0.2 else str(rng.choice(VALUES))


def _containers(value: Any) -> list[Any]:
    """All dicts and lists in a document."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value] if isinstance(value, dict | list) else []
    return own + [container for part in inner for container in _containers(part)]


def _add(parent: Any, key: str, value: Any) -> None:
    if isinstance(parent, dict):
        parent[key] = value
    else:
        parent.append(value)


def mutate_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """Bytes that are flipped, replaced, cut off, left out, repeated or added."""
    damaged, length = bytearray(content), len(content)  # not empty
    kind = rng.choice(["flip", "flip", "flip", "noise", "cut", "gap", "repeat", "append", "empty", "zeros"])
    start, end = sorted(rng.integers(0, length + 1, 2))
    if kind == "flip":
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(length)] ^= 1 << rng.integers(8)
    elif kind == "noise":
        end = min(end, start + 64)
        damaged[start:end] = rng.bytes(int(end - start))
    elif kind == "cut":
        del damaged[start:]
    elif kind == "gap":
        del damaged[start:end]
    elif kind == "repeat":
        damaged[start:start] = damaged[start:end]
    elif kind == "append":
        damaged += rng.bytes(int(rng.integers(1, 100)))
    elif kind == "empty":
        damaged.clear()
    else:
        damaged[start:end] = bytes(int(end - start))
    return bytes(damaged)


def damage_folder(folder: Path, rng: np.random.Generator) -> str:
    """Deletes, empties, truncates or changes one file below a folder, or deletes a folder; says what it did."""
    # By size, as orbax gives some files names at random.
    paths = sorted(folder.rglob("*"), key=lambda path: (path.stat().st_size, path))
    files = [path for path in paths if path.is_file()]
    folders = [path for path in paths if path.is_dir()]
    kinds: dict[str, tuple[list[Path], Callable[[Path], Any]]] = {
        "deleted": (files, Path.unlink),
        "emptied": (files, lambda path: path.write_bytes(b"")),
        "truncated": (files, lambda path: os.truncate(path, int(rng.integers(path.stat().st_size + 1)))),
        "flipped": (files, lambda path: path.write_bytes(_flipped(path.read_bytes(), rng))),
        "flipped a bit of": (files, lambda path: path.write_bytes(_flipped(path.read_bytes(), rng))),
        "mutated": (files, lambda path: path.write_bytes(mutate_bytes(path.read_bytes() or b"\0", rng))),
        "folder deleted": (folders, shutil.rmtree),
    }
    kind = str(rng.choice([name for name, (chosen, _) in kinds.items() if chosen]))
    chosen, change = kinds[kind]
    path = chosen[rng.integers(len(chosen))]
    change(path)
    return f"{kind} {path.relative_to(folder)}"


def _flipped(content: bytes, rng: np.random.Generator) -> bytes:
    damaged = bytearray(content or b"\0")
    damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
    return bytes(damaged)
