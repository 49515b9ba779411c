"""Sample rates, lengths and channels of audio arrays."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from auralflow_core.audio.check import check_layout, check_rate, check_signals, check_type, check_values
from auralflow_core.errors import InputError

QUALITY = "VHQ"  # soxr's name
LONGEST = 1 << 18  # about so many samples come of a part of a stream, however low its rate


def resample(audio: np.ndarray, from_rate: int, to_rate: int, samples: int | None = None) -> np.ndarray:
    """Changes the sample rate along the last axis, with a linear-phase band limit (soxr, very high quality).

    Output sample `k` lies at the time of input sample `k * from_rate / to_rate`; silence surrounds the audio.

    Args:
        audio: `(..., samples)`.
        from_rate: rate of the audio, in Hz.
        to_rate: rate of the result, in Hz.
        samples: cut or zero-pad the result to this length; default: ceil(samples * to_rate / from_rate).

    Returns:
        float32 audio `(..., samples)`; the input itself where nothing has to be done.

    Raises:
        InputError: an array that is no audio (see `auralflow_core.audio.check`), or a rate that is no whole number.
    """
    check_signals(audio)
    check_values(audio, "audio")
    from_rate, to_rate = check_rate(from_rate, "from_rate"), check_rate(to_rate, "to_rate")
    audio = np.asarray(audio, np.float32)
    wanted = -(-audio.shape[-1] * to_rate // from_rate) if samples is None else samples
    if from_rate != to_rate and audio.size:
        padded = fit(audio, audio.shape[-1] + _silence(from_rate, to_rate))
        result = soxr.resample(padded.reshape(-1, padded.shape[-1]).T, from_rate, to_rate, quality=QUALITY)
        audio = result.T.reshape(*audio.shape[:-1], -1)
    return np.ascontiguousarray(fit(audio, wanted))


def resample_stream(
    blocks: Iterable[np.ndarray], from_rate: int, to_rate: int, samples: int | None = None
) -> Iterator[np.ndarray]:
    """Resamples audio that comes in pieces, in memory that does not grow with its length; gives what `resample` does.

    Args:
        blocks: arrays `(..., samples)`, the signal piece by piece.
        from_rate: rate of the audio, in Hz.
        to_rate: rate of the result, in Hz.
        samples: length of the whole result; default: ceil(samples * to_rate / from_rate).

    Yields:
        float32 pieces `(..., samples)`, none of them empty.

    Raises:
        InputError: pieces of integers, or a rate that is no whole number.
    """
    from_rate, to_rate = check_rate(from_rate, "from_rate"), check_rate(to_rate, "to_rate")
    taken = given = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal taken
        for block in blocks:
            check_type(block, "a block")
            taken += block.shape[-1]
            yield np.asarray(block, np.float32)

    for piece in counted() if from_rate == to_rate else _converted(counted(), from_rate, to_rate):
        wanted = -(-taken * to_rate // from_rate) if samples is None else samples
        piece = piece[..., : wanted - given]
        given += piece.shape[-1]
        if piece.shape[-1]:
            yield np.ascontiguousarray(piece)
    if taken and given < wanted:
        yield np.zeros((*piece.shape[:-1], wanted - given), np.float32)


def fit(audio: np.ndarray, samples: int) -> np.ndarray:
    """Brings audio `(..., samples)` to a length: cuts its end off, or appends zeros."""
    missing = samples - audio.shape[-1]
    if missing <= 0:
        return audio[..., :samples]
    return np.pad(audio, [(0, 0)] * (audio.ndim - 1) + [(0, missing)])


def to_channels(audio: np.ndarray, channels: int) -> np.ndarray:
    """Changes mono to stereo by duplicating it, and stereo to mono by averaging; other layouts have no agreed downmix.

    Args:
        audio: `(channels, samples)`.
        channels: number of channels of the result.

    Raises:
        InputError: any other change of channels, or an array that is no audio.
    """
    check_layout(audio)
    if len(audio) == channels:
        return audio
    if len(audio) == 1 and channels == 2:
        return np.repeat(audio, 2, axis=0)
    if len(audio) == 2 and channels == 1:
        return audio.mean(axis=0, keepdims=True)
    raise InputError(f"cannot make {channels} channels of {len(audio)}; mono and stereo audio is accepted")


def _silence(from_rate: int, to_rate: int) -> int:
    """Number of zeros to append so that soxr, which sometimes rounds its length down, gives the last sample."""
    return from_rate // to_rate + 1


def _converted(blocks: Iterable[np.ndarray], from_rate: int, to_rate: int) -> Iterator[np.ndarray]:
    """Resamples a stream (..., samples) to its end; never runs ahead of its input."""
    resampler, part = None, max(1, LONGEST * from_rate // to_rate)
    for block in blocks:
        if resampler is None:
            *axes, _ = block.shape
            resampler = soxr.ResampleStream(from_rate, to_rate, int(np.prod(axes)), "float32", QUALITY)
        flat = np.ascontiguousarray(block.reshape(-1, block.shape[-1]).T)
        for first in range(0, len(flat), part):
            yield resampler.resample_chunk(flat[first : first + part]).T.reshape(*axes, -1)
    if resampler is not None:
        silence = np.zeros((int(np.prod(axes)), _silence(from_rate, to_rate)), np.float32)
        yield resampler.resample_chunk(np.ascontiguousarray(silence.T), last=True).T.reshape(*axes, -1)
