"""Outlines of waveforms: the least and the greatest sample of each stretch of a file."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from auralflow_core.audio import read_blocks
from auralflow_core.storage.atomic import replacing

STRETCH = 512  # samples
LOUDEST = 127  # of the numbers that stand for -1 to 1


def write_peaks(audio: Path, path: Path) -> None:
    """Writes the outline of an audio file, in memory that does not grow with its length.

    The file is a pair of int8 (least, greatest) for each `STRETCH` samples, the last of which may be shorter, over all
    channels; -127 stands for -1 and 127 for 1, which samples beyond full scale are cut off at.

    Args:
        audio: the file.
        path: where the outline goes; it appears when it is complete.

    Raises:
        InputError: the file cannot be read.
        OSError: the outline cannot be written.
    """
    with replacing(path) as aside, aside.open("wb") as stream:
        for part in outlines(read_blocks(audio)):
            stream.write(part.tobytes())


def outlines(blocks: Iterable[np.ndarray]) -> Iterable[np.ndarray]:
    """The outline of a stream (channels, samples), piece by piece as int8 (stretches, 2).

    Example:
        >>> [part.tolist() for part in outlines([np.array([[0.0, 1.0] * 300])])]
        [[[0, 127]], [[0, 127]]]
    """
    rest = np.zeros((2, 0))
    for block in blocks:
        found = np.concatenate([rest, np.stack([block.min(axis=0), block.max(axis=0)])], axis=1)
        whole = found.shape[1] // STRETCH * STRETCH
        rest = found[:, whole:]
        if whole:
            yield _scaled(found[:, :whole].reshape(2, -1, STRETCH))
    if rest.size:
        yield _scaled(rest[:, None])


def _scaled(pairs: np.ndarray) -> np.ndarray:
    """int8 (stretches, 2) of the least samples (stretches, samples) and the greatest ones."""
    ends = np.stack([pairs[0].min(axis=-1), pairs[1].max(axis=-1)], axis=-1)
    return np.rint(np.clip(ends, -1, 1) * LOUDEST).astype(np.int8)
