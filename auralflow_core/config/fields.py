"""The fields of a struct of settings: their types and descriptions."""

import functools
import inspect
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from auralflow_core.config.base import Group


@functools.cache  # msgspec evaluates every annotation anew
def types_of(struct: type[msgspec.Struct]) -> Mapping[str, Any]:
    """The type of each field, without its metadata.

    Example:
        >>> from auralflow_core.config import TrainingConfig
        >>> types_of(TrainingConfig)["batch_size"]
        <class 'int'>
    """
    return MappingProxyType({field.name: _bare(field.type) for field in msgspec.structs.fields(struct)})


def choices(kind: Any) -> tuple:
    """The values of a `Literal`; of another type none."""
    return get_args(kind) if get_origin(kind) is Literal else ()


def meanings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The description of each field, with its choices."""
    texts = {name: meta.description for name, meta in _metas(struct) if meta.description}
    return {
        name: "; ".join(filter(None, (texts.get(name), ", ".join(map(str, choices(kind))))))
        for name, kind in types_of(struct).items()
    }


def without_tensors(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    """The settings in which two models may differ and still use the same weights; see `base.doc`."""
    shapes = {name: meta.extra["tensors"] for name, meta in _metas(struct) if meta.extra and "tensors" in meta.extra}
    return tuple(name for name in struct.__struct_fields__ if not shapes.get(name, True))


def _metas(struct: type[msgspec.Struct]) -> Iterator[tuple[str, Meta]]:
    """The metadata of each field; those of a struct follow those of the structs that it extends."""
    for kind in reversed(struct.__mro__):
        if issubclass(kind, Group):
            for name, hint in inspect.get_annotations(kind, eval_str=True).items():
                yield from ((name, meta) for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, Meta))


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind
