"""Batches of crops, read from disk by grain while the previous step runs.

Every element is a function of (seed, index) alone, whatever the number of threads, worker processes or hosts, so
that a run resumes by starting to count elsewhere.
"""

import os
import sys
from collections.abc import Generator

import grain
import numpy as np
from absl import flags

from auralflow_core.errors import InputError
from auralflow_jax.data.crops import TrainingCrops, ValidationSegments

PREFETCH = 2  # batches that are read ahead
THREADS = min(4, os.cpu_count() or 1)

Batch = dict[str, np.ndarray]


def training_batches(
    crops: TrainingCrops, start_step: int = 0, process: tuple[int, int] = (0, 1)
) -> Generator[Batch, None, None]:
    """Endless batches of random crops.

    Args:
        crops: the crops; `training.batch_size` of their configuration counts over all hosts.
        start_step: the first batch; batch k is the same wherever one starts.
        process: this host's index and the number of hosts; it gets its contiguous part of each batch.

    Returns:
        A generator; `close()` stops its threads and processes. Each batch holds float32 `mixture`
        `(batch, channels, samples)` and `targets` `(batch, targets, channels, samples)`, and int32 `tracks`
        `(batch, stems)`: the index of the track that each stem, sorted by name, is from.

    Raises:
        InputError: the number of hosts does not divide the batch size.
    """
    batch_size = crops.config.training.batch_size
    index, local = _share(batch_size, process)
    elements = grain.MapDataset.range(start_step * local, sys.maxsize)
    elements = elements.map(lambda k: crops(k // local * batch_size + index * local + k % local))
    return _batches(elements, local, crops.dataset.num_workers)


def validation_batches(
    segments: ValidationSegments, batch_size: int, process: tuple[int, int] = (0, 1)
) -> Generator[Batch, None, None]:
    """The segments of all validation tracks, once.

    Args:
        segments: the segments.
        batch_size: over all hosts; the last batch is filled up with silence.
        process: as in `training_batches`.

    Returns:
        A generator of batches with float32 `mixture` `(batch, channels, samples)` and `targets`
        `(batch, targets, channels, samples)`, int32 `track` `(batch,)`, the index of each segment's track, and float32
        `weight` `(batch,)`: the part of the segment that is audio, the rest being zeros at its end.

    Raises:
        InputError: the number of hosts does not divide the batch size.
    """
    index, local = _share(batch_size, process)
    count = -(-len(segments.places) // batch_size)
    elements = grain.MapDataset.range(count * local)
    elements = elements.map(lambda k: segments(k // local * batch_size + index * local + k % local))
    return _batches(elements, local, segments.dataset.num_workers)


def _share(batch_size: int, process: tuple[int, int]) -> tuple[int, int]:
    """The index of this host and the size of its part of a batch."""
    index, count = process
    if batch_size % count:
        raise InputError(
            f"training.batch_size: {batch_size} cannot be shared out among {count} hosts; "
            f"a multiple of {count} is accepted"
        )
    return index, batch_size // count


def _batches(elements: grain.MapDataset, batch_size: int, num_workers: int) -> Generator[Batch, None, None]:
    """Reads ahead and stacks; threads and processes live until the generator ends or is closed."""
    # Worker processes take turns by element. They come before the batching, which would else depend on their number.
    ahead = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=PREFETCH * batch_size)
    dataset = elements.to_iter_dataset(ahead)
    if num_workers:
        if not flags.FLAGS.is_parsed():
            flags.FLAGS.mark_as_parsed()  # grain hands its flags on to workers, and refuses unparsed ones
        dataset = dataset.mp_prefetch(grain.MultiprocessingOptions(num_workers, per_worker_buffer_size=batch_size))
    iterator = iter(dataset.batch(batch_size, drop_remainder=True))
    try:
        yield from iterator
    finally:
        iterator.close()
