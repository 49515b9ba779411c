"""Checks of audio arrays that come in: one rule for every public function of every package."""

import re
from collections.abc import Collection
from typing import Any, Literal

import numpy as np

from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError
from auralflow_core.limits import LOUDEST, MAX_CHANNELS, MAX_RATE

SHAPES = {
    1: "(samples,)",
    2: "(channels, samples)",
    3: "(batch, channels, samples)",
    4: "(batch, targets, channels, samples)",
}


def check_audio(audio: np.ndarray, name: str = "audio", ranks: Collection[int] = (2,)) -> None:
    """Refuses an array that is no audio; see `check_layout` and `check_values`.

    Args:
        audio: a numpy array.
        name: of the argument, for messages.
        ranks: the accepted numbers of axes, keys of `SHAPES`.

    Raises:
        InputError: integers, another number of axes, no samples, more than `MAX_CHANNELS` channels, NaN, infinity, or
            values beyond `LOUDEST`.
    """
    check_layout(audio, name, ranks)
    check_values(audio, name)


def check_values(values: np.ndarray, name: str) -> None:
    """Raises an InputError that names the place if an array has values that audio cannot have; see `find_unusable`."""
    if (found := find_unusable(values)) is not None:
        place, count, kind = found
        raise InputError(
            f"{name} must be finite and about within [-1, 1], got {count} {kind}, the first at index {place}"
        )


def find_unusable(values: np.ndarray) -> tuple[tuple[int, ...], int, str] | None:
    """Finds the values of a signal that are NaN or infinite or, where there are none, those beyond `LOUDEST`.

    Louder audio would overflow in float32, in spectra and in networks, without an error.

    Returns:
        The index of the first one, their number, and what they are; None: all can be used.
    """
    if not values.size or (float(values.max()) <= LOUDEST and float(values.min()) >= -LOUDEST):
        return None
    bad, kind = ~np.isfinite(values), "NaN or infinite values"
    if not bad.any():
        bad, kind = np.abs(values) > LOUDEST, f"values beyond {LOUDEST:g}"
    return tuple(map(int, np.argwhere(bad)[0])), int(np.count_nonzero(bad)), kind


def check_array(values: Any, name: str = "audio") -> None:
    """Refuses what is no array, and arrays of numpy that lose a part of their meaning in `np.asarray`.

    Args:
        values: see `check_type`.
        name: of the argument, for messages.

    Raises:
        InputError: no array, or a masked one, a matrix, or a tensor that is not dense, with what makes an array of it.
    """
    _refuse_nested(values, name)  # of which some have no shape
    if not hasattr(values, "shape") or not hasattr(values, "dtype"):
        raise InputError(f"{name} is {with_article(type(values).__name__)}, expected an array")
    if isinstance(values, np.ma.MaskedArray):
        raise InputError(f"{name} is a masked array, whose mask would be lost; {name}.filled(0) silences what it masks")
    if isinstance(values, np.matrix):
        raise InputError(f"{name} is a matrix, whose axes are always two; np.asarray({name}) is an array")
    if hasattr(values.dtype, "is_floating_point"):  # torch's
        check_dense(values, name)


def check_dense(tensor: Any, name: str) -> None:
    """Refuses tensors of torch whose numbers do not lie in memory one by one.

    Raises:
        InputError: a nested, quantized or sparse tensor, with the method that makes an ordinary one of it.
    """
    _refuse_nested(tensor, name)
    if tensor.is_quantized:
        raise InputError(f"{name} is quantized; its dequantize() is a tensor of floating point")
    if tensor.is_sparse or tensor.is_sparse_csr or tensor.is_mkldnn:
        kind = str(tensor.layout).removeprefix("torch.")
        raise InputError(f"{name} has the layout {kind}; its to_dense() is an ordinary tensor")


def _refuse_nested(values: Any, name: str) -> None:
    if getattr(values, "is_nested", False):
        raise InputError(f"{name} is a nested tensor, expected one of a single shape")


def check_type(values: Any, name: str, kind: Literal["floating point", "complex"] = "floating point") -> None:
    """Refuses arrays whose numbers are of another kind; any shape will do.

    Args:
        values: an array of numpy, jax or torch, also one that a function is traced with.
        name: of the argument, for messages.
        kind: of the numbers.

    Raises:
        InputError: as `check_array`; numbers of another kind, where the message about integers says how to scale them.
    """
    check_array(values, name)
    if not _has_kind(values.dtype, kind):
        dtype, shape = _name(values.dtype), tuple(values.shape)
        hint = _how_to_scale(name, dtype) if kind == "floating point" else ""
        raise InputError(f"{name} must be {kind}, got {dtype} of shape {shape}{hint}")


def check_signals(audio: Any, name: str = "audio") -> None:
    """Refuses arrays that cannot be signals `(..., samples)`; their values are not read.

    Args:
        audio: see `check_type`.
        name: of the argument, for messages.

    Raises:
        InputError: integers, no samples, or a transposed array: many signals, each shorter than their number.
    """
    check_type(audio, name)
    shape = tuple(audio.shape)
    if not shape or shape[-1] == 0:
        raise InputError(f"{name} must have the shape (..., samples) with samples, got {shape}")
    if len(shape) > 1 and shape[-2] > max(MAX_CHANNELS, shape[-1]):
        raise InputError(_is_transposed(name, shape))


def check_layout(audio: Any, name: str = "audio", ranks: Collection[int] = (2,), channels: int | None = None) -> None:
    """Refuses arrays that do not have the type and the shape of audio; their values are not read.

    Args:
        audio: anything with a `shape` and a `dtype`, such as a numpy array or what jax traces a function with.
        name: of the argument, for messages.
        ranks: the accepted numbers of axes, keys of `SHAPES`.
        channels: the accepted number of channels. Default: 1 to `MAX_CHANNELS`.

    Raises:
        InputError: as `check_array`; integers, another number of axes, no samples, or another number of channels.
    """
    check_array(audio, name)
    shape: tuple[int, ...] = tuple(audio.shape)
    dtype = _name(audio.dtype)
    if not dtype.startswith(("float", "bfloat")) or len(shape) not in ranks or 0 in shape:
        accepted = " or ".join(SHAPES[rank] for rank in ranks)
        raise InputError(
            f"{name} must be floating point, {accepted}, got {dtype} of shape {shape}{_how_to_scale(name, dtype)}"
        )
    found = 1 if len(shape) < 2 else shape[-2]
    if channels is not None and found != channels:
        raise InputError(f"{name} must have {channels} channel{'s' * (channels > 1)}, got {found} in shape {shape}")
    if found > MAX_CHANNELS:
        raise InputError(_is_transposed(name, shape))


def check_rate(rate: Any, name: str = "rate") -> int:
    """Returns a sample rate in Hz as an int.

    Raises:
        InputError: it is no whole number above 0, or beyond `MAX_RATE`.
    """
    if (
        isinstance(rate, bool)
        or not isinstance(rate, int | float | np.integer | np.floating)
        or rate != rate // 1
        or not 1 <= rate <= MAX_RATE
    ):
        raise InputError(f"{name} is {rate!r}, expected a whole number of Hz from 1 to {MAX_RATE}")
    return int(rate)


def _has_kind(dtype: Any, kind: str) -> bool:
    """Whether numbers of a type of numpy, jax or torch are of a kind."""
    if hasattr(dtype, "is_floating_point"):  # torch's, of which compiled functions know this but not the name
        return dtype.is_floating_point if kind == "floating point" else dtype.is_complex
    return _name(dtype).startswith(("float", "bfloat") if kind == "floating point" else "complex")


def _name(dtype: Any) -> str:
    """The name of a type of numpy, jax or torch; numpy's have one whatever the order of bytes."""
    return getattr(dtype, "name", str(dtype)).removeprefix("torch.")


def _is_transposed(name: str, shape: tuple[int, ...]) -> str:
    return (
        f"{name} of shape {shape} would be {shape[-2]} channels of {shape[-1]} samples, and at most "
        f"{MAX_CHANNELS} channels are accepted; transpose it to (channels, samples)"
    )


def _how_to_scale(name: str, dtype: str) -> str:
    """Ends the message about integers with the expression that makes audio of them."""
    if not (match := re.fullmatch(r"(u?)int(\d+)", dtype)):
        return ""
    scaled = f"{name} / {2 ** (int(match[2]) - 1)}"
    return f"; {scaled}{' - 1' if match[1] else ''} brings integers of full scale to [-1, 1]"
