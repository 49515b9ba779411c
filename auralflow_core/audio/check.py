"""Checks of audio arrays that come in: one rule for every public function of every package."""

import re
from collections.abc import Collection
from typing import Any

import numpy as np

from auralflow_core.errors import InputError

MAX_CHANNELS = 64
SHAPES = {1: "(samples,)", 2: "(channels, samples)", 3: "(batch, channels, samples)"}


def check_audio(audio: np.ndarray, name: str = "audio", ranks: Collection[int] = (2,)) -> None:
    """Refuses an array that is no audio; see `check_layout`, in addition to which every value must be finite.

    Args:
        audio: a numpy array.
        name: of the argument, for messages.
        ranks: the accepted numbers of axes, keys of `SHAPES`.

    Raises:
        InputError: integers, another number of axes, no samples, more than `MAX_CHANNELS` channels, NaN or infinity.
    """
    check_layout(audio, name, ranks)
    if not (finite := np.isfinite(audio)).all():
        place = tuple(map(int, np.argwhere(~finite)[0]))
        raise InputError(
            f"{name} must be finite, got {finite.size - np.count_nonzero(finite)} values that are NaN or infinite, "
            f"the first at index {place}"
        )


def check_layout(audio: Any, name: str = "audio", ranks: Collection[int] = (2,), channels: int | None = None) -> None:
    """Refuses what has not the type or the shape of audio; the values are not read.

    Args:
        audio: anything with a `shape` and a `dtype`, such as a numpy array or what jax traces a function with.
        name: of the argument, for messages.
        ranks: the accepted numbers of axes, keys of `SHAPES`.
        channels: the accepted number of channels. Default: 1 to `MAX_CHANNELS`.

    Raises:
        InputError: integers, another number of axes, no samples, or another number of channels.
    """
    if not hasattr(audio, "shape") or not hasattr(audio, "dtype"):
        raise InputError(f"{name} is a {type(audio).__name__}, expected an array")
    shape: tuple[int, ...] = tuple(audio.shape)
    dtype = str(audio.dtype).removeprefix("torch.")
    if not dtype.startswith(("float", "bfloat")) or len(shape) not in ranks or 0 in shape:
        accepted = " or ".join(SHAPES[rank] for rank in ranks)
        raise InputError(
            f"{name} must be floating point, {accepted}, got {dtype} of shape {shape}{_how_to_scale(name, dtype)}"
        )
    found = 1 if len(shape) < 2 else shape[-2]
    if channels is not None and found != channels:
        raise InputError(f"{name} must have {channels} channel{'s' * (channels > 1)}, got {found} in shape {shape}")
    if found > MAX_CHANNELS:
        raise InputError(
            f"{name} of shape {shape} would be {found} channels of {audio.shape[-1]} samples, and at most "
            f"{MAX_CHANNELS} channels are accepted; transpose it to (channels, samples)"
        )


def check_rate(rate: Any, name: str = "rate") -> int:
    """Returns a sample rate in Hz as an int.

    Raises:
        InputError: it is no whole number above 0.
    """
    if (
        isinstance(rate, bool)
        or not isinstance(rate, int | float | np.integer | np.floating)
        or rate != rate // 1
        or rate < 1
    ):
        raise InputError(f"{name} is {rate!r}, expected a whole number of Hz above 0")
    return int(rate)


def _how_to_scale(name: str, dtype: str) -> str:
    """Ends the message about integers with the expression that makes audio of them."""
    if not (match := re.fullmatch(r"(u?)int(\d+)", dtype)):
        return ""
    scaled = f"{name} / {2 ** (int(match[2]) - 1)}"
    return f"; {scaled}{' - 1' if match[1] else ''} brings integers of full scale to [-1, 1]"
