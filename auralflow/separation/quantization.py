"""Levels and rounding of stems, so that the files add up to the mixture."""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from auralflow_core.audio.encode import Encoding

Pieces = Iterator[tuple[np.ndarray, np.ndarray]]  # mixture (channels, samples), estimates (targets, channels, samples)


def quantize_stems(
    mixture: np.ndarray, estimates: np.ndarray, encoding: Encoding, residual: bool = False, consistent: bool = False
) -> Iterator[tuple[np.ndarray, int]]:
    """Rounds stems to the values that files hold, followed by the residual, the rest of the rounded mixture.

    Args:
        mixture: (channels, samples).
        estimates: (targets, channels, samples).
        encoding: of the files.
        residual: also yield the residual.
        consistent: the estimates add up to the mixture, and so must the files: the last stem takes the rounding errors
            of the others. The part of the mixture beyond full scale is kept: it belongs to the stems.

    Yields:
        Audio (channels, samples), and the number of clipped samples.
    """
    # In float64 these sums are exact on the grids of 16 and 24 bits.
    rest = _round(mixture, encoding.bits) if consistent else encoding.quantize_for_file(mixture)[0].astype(np.float64)
    for number, estimate in enumerate(estimates, 1):
        audio, clipped = encoding.quantize_for_file(rest if consistent and number == len(estimates) else estimate)
        rest -= audio
        yield audio, clipped
    if residual:
        yield encoding.quantize_for_file(rest)


def _round(audio: np.ndarray, bits: int | None) -> np.ndarray:
    """Rounds audio to multiples of a file's smallest step, however large they are."""
    audio = audio.astype(np.float64)
    return np.rint(audio * 2.0 ** (bits - 1)) / 2.0 ** (bits - 1) if bits in (16, 24) else audio


def rescale(
    pieces: Pieces, spool: BinaryIO, encoding: Encoding, residual: bool, consistent: bool = False
) -> tuple[Pieces, float]:
    """Multiplies mixture and estimates by one factor, so that nothing exceeds full scale.

    The pieces wait in a file, as the factor is known only after the last one.

    Args:
        pieces: of the whole track.
        spool: an empty file, open for reading and writing.
        encoding: of the files, which decides the largest value.
        residual: there will be a residual, which must stay within full scale as well.
        consistent: the stems add up to the mixture, which must then do so, too.

    Returns:
        The pieces, and the factor, at most 1.
    """
    peak, count = 0.0, 0
    for mixture, estimates in pieces:
        signals = [estimates, *[mixture] * (residual or consistent)]
        signals += [mixture - estimates.sum(axis=0)] * residual
        peak, count = max(peak, *(float(np.abs(signal).max()) for signal in signals)), count + 1
        np.save(spool, mixture, allow_pickle=False)
        np.save(spool, estimates, allow_pickle=False)
    # Rounding takes half a step for each file, and the largest positive integer is one step below full scale.
    steps = 0 if encoding.bits in (None, 32) else len(estimates) + 2
    limit = 1 - steps * 2.0 ** (1 - (encoding.bits or 1))
    gain = min(1.0, limit / peak) if peak else 1.0

    def again() -> Pieces:
        spool.seek(0)
        for _ in range(count):
            mixture, estimates = np.load(spool), np.load(spool)
            yield mixture * np.float32(gain), estimates * np.float32(gain)

    return again(), gain
