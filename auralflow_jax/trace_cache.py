"""Programs and shapes that an earlier process traced, so that a command starts without tracing them again.

Tracing a network of many layers takes seconds, each time with the same result: it depends on the configuration, on
what is passed in, and on the code of this package, jax and flax. The files' names are digests of all of these.
"""

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flax
import jax
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import export

import auralflow_core
from auralflow_core.config import Config
from auralflow_core.storage.atomic import replacing
from auralflow_jax.compilation import separation_options
from auralflow_jax.networks import build_network

MAX_FILES = 64  # of up to ten megabytes each; beyond, those that were not used for longest go
DIGEST = 32  # bytes of SHA-256, which a file begins with

_folder: list[Path] = []  # where traces are kept; empty: they are not
_programs: dict[Any, Callable] = {}  # of this process, by the trees and the shapes of their arguments


def keep_traces(folder: Path | None) -> None:
    """Keeps traces in a folder from now on; with None, no more. For programs to call, not for libraries."""
    _folder[:] = [] if folder is None else [folder]
    _programs.clear()


def traced_program(function: Callable, config: Config, network: nn.Module, *arguments: Any) -> Callable:
    """A function of this package, as an earlier process traced it for such arguments, or as it is traced now.

    Args:
        function: from `jax.jit` with `separation_options`, without static arguments.
        config: that the network is made from. Of a network that is not, or that other code defines, nothing is kept.
        network: in the arguments; with `config`, all in them that is no array.
        arguments: pytrees of arrays.

    Returns:
        A function that takes such arguments: `function` itself where nothing is kept.
    """
    if not _folder:
        return function
    leaves, tree = jax.tree.flatten(arguments)
    devices = {device for leaf in leaves if isinstance(leaf, jax.Array) for device in leaf.devices()}
    platform = next(iter(devices)).platform if devices else jax.default_backend()
    shapes = [(leaf.shape, str(leaf.dtype)) for leaf in leaves]
    if (key := (function, config, network, tree, tuple(shapes), platform, len(devices))) not in _programs:
        if len(devices) > 1 or not _is_ours(config, network):
            _programs[key] = function
        else:
            paths = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(arguments)]
            file = _file(function.__qualname__, config, paths, shapes, platform)
            _programs[key] = _program(function, tree, leaves, platform, file)
    return _programs[key]


def traced_shapes(trace: Callable[[Config], dict[str, Any]], config: Config) -> dict[str, Any]:
    """The shapes and types of variables that `trace(config)` returns, or returned in an earlier process."""
    if not _folder or not _is_ours(config, build_network(config)):
        return trace(config)
    file = _file(trace.__qualname__, config)
    if (content := _read(file)) is not None:
        return {
            kind: unflatten_dict({name: jax.ShapeDtypeStruct(*leaf) for name, leaf in leaves.items()}, sep="/")
            for kind, leaves in json.loads(content).items()
        }
    variables = trace(config)
    shapes = jax.tree.map(lambda leaf: (leaf.shape, str(leaf.dtype)), variables)
    _write(file, json.dumps({kind: flatten_dict(tree, sep="/") for kind, tree in shapes.items()}).encode())
    return variables


def _is_ours(config: Config, network: nn.Module) -> bool:
    """Whether the digests say all that a network depends on."""
    package = __name__.partition(".")[0]
    return type(network).__module__.partition(".")[0] == package and network == build_network(config)


def _program(function: Callable, tree: Any, leaves: list, platform: str, file: Path) -> Callable:
    """The program in a file, or the traced function, which becomes its content."""
    if (content := _read(file)) is not None:
        kept = export.deserialize(bytearray(content))
    else:
        # Its arguments become plain arrays, as a file knows no class of ours; options are for the outermost program.
        flat = jax.jit(lambda *leaves: function.__wrapped__(*jax.tree.unflatten(tree, leaves)))
        try:
            kept = export.export(flat, platforms=[platform])(*leaves)
            _write(file, bytes(kept.serialize()))
        except ValueError:  # a kernel of the platform that only this process can call
            return function
    call = jax.jit(kept.call, compiler_options=separation_options())
    return lambda *arguments: call(*jax.tree.leaves(arguments))


def _file(*parts: Any) -> Path:
    """The file of what depends on these parts, and on the settings of jax that change what is traced."""
    settings = (jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision)  # pyright: ignore[reportAttributeAccessIssue]
    return _folder[0] / hashlib.sha256(repr((_code(), settings, parts)).encode()).hexdigest()


@functools.cache
def _code() -> str:
    """The digest of the code that traces, and the versions of what it calls."""
    digest = hashlib.sha256(f"{jax.__version__} {flax.__version__}".encode())
    for package in (Path(__file__).parent, Path(auralflow_core.__file__).parent):
        for path in sorted(package.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(file: Path) -> bytes | None:
    """The content of a file; None if there is none, or a damaged one."""
    try:
        data = file.read_bytes()
        os.utime(file)
    except OSError:
        return None
    return data[DIGEST:] if hashlib.sha256(data[DIGEST:]).digest() == data[:DIGEST] else None


def _write(file: Path, content: bytes) -> None:
    """Keeps content for later processes, where the folder can be written to, and removes what is too much."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as aside:
            aside.write_bytes(hashlib.sha256(content).digest() + content)
        files = [path for path in file.parent.iterdir() if path.is_file()]
        for path in sorted(files, key=lambda path: path.stat().st_mtime)[:-MAX_FILES]:
            path.unlink(missing_ok=True)
