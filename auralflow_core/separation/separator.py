"""Separation of audio of any length, rate and number of channels, with a trained model of either framework."""

import abc
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from auralflow_core.audio.check import check_audio, check_rate
from auralflow_core.audio.resample import resample_stream
from auralflow_core.config import Config
from auralflow_core.data.targets import expand_targets
from auralflow_core.dsp.consistency import mixture_consistency
from auralflow_core.dsp.overlap_add import BlockFunction, stream
from auralflow_core.dsp.streams import aligned
from auralflow_core.errors import InputError
from auralflow_core.separation.options import OVERLAP, SeparationOptions, batch_for, cross_fade
from auralflow_core.separation.song_level import SongLevel, song_level


class Separator(abc.ABC):
    """A model with its weights, ready to separate.

    Attributes:
        config: the configuration that the weights were trained with.
    """

    config: Config

    @property
    def targets(self) -> tuple[str, ...]:
        return self.config.model.targets

    @property
    def device(self) -> str:
        """The name of what computes."""
        return "cpu"

    def __repr__(self) -> str:
        model = self.config.model
        return f"{type(self).__name__}({type(model).__name__}, targets={self.targets}, device={self.device!r})"

    @abc.abstractmethod
    def estimate(self, mixture: np.ndarray) -> np.ndarray:
        """Estimates the targets in blocks that have as many channels as the model.

        Args:
            mixture: (batch, channels, samples), float32, at the model's rate.

        Returns:
            (batch, targets, channels, samples).
        """

    @abc.abstractmethod
    def refine(self, mixture: np.ndarray, estimates: np.ndarray, iterations: int, residual: bool) -> np.ndarray:
        """Refines estimates by the framework's Wiener filter, on spectra of the sizes in `front_end`.

        Args:
            mixture: (batch, channels, samples), float32, any number of channels.
            estimates: (batch, targets, channels, samples).
            iterations: of the filter.
            residual: treat the rest of the mixture as a separate source, instead of dividing it among the targets.

        Returns:
            Refined estimates of the same shape.
        """

    def narrow(self, targets: Sequence[int]) -> "Separator":
        """The same model for some targets, so that it may leave parts of its network out.

        Args:
            targets: their indices. The estimates of the other targets then mean nothing.
        """
        return self

    @property
    def front_end(self) -> tuple[int, int, int]:
        """Sizes in samples of the transform, hop and window with which estimates are refined."""
        return self.config.model.stft_sizes

    def __call__(self, blocks: np.ndarray) -> np.ndarray:
        """Estimates the targets in blocks at the model's rate, whatever their number of channels.

        A mono model separates each channel alone. A stereo model separates mono as two equal channels, whose
        estimates are averaged.

        Args:
            blocks: (batch, channels, samples), one or two channels.

        Returns:
            (batch, targets, channels, samples).
        """
        batch, channels, samples = blocks.shape
        if self.config.model.num_channels == 1:
            estimates = self.estimate(blocks.reshape(-1, 1, samples))
            # (batch * channels, targets, 1, samples) to (batch, targets, channels, samples)
            return estimates.reshape(batch, channels, -1, samples).swapaxes(1, 2)
        estimates = self.estimate(np.broadcast_to(blocks, (batch, 2, samples)))
        return estimates if channels == 2 else estimates.mean(2, keepdims=True)


def choose_targets(separator: Separator, wanted: Sequence[str]) -> dict[str, list[int]]:
    """Expands names of targets into sums of a model's targets.

    Args:
        separator: the model.
        wanted: targets of the model, or sums of them: names in its `dataset.sources`, or `accompaniment` if the model
            has a target `other` and so leaves nothing out; empty: all targets of the model.

    Returns:
        The names, and the indices of the targets that each is the sum of.

    Raises:
        InputError: a name is none of these, or occurs twice.
    """
    targets = separator.targets
    if (name := next((name for name in wanted if wanted.count(name) > 1), None)) is not None:
        raise InputError(f"targets: {name!r} is named twice")
    if "accompaniment" in wanted and not {"accompaniment", "other"} & {*targets, *separator.config.dataset.sources}:
        raise InputError(
            f"targets: 'accompaniment' is more than this model separates, which is {', '.join(targets)}; "
            "the residual is the rest of the mixture"
        )
    sums = expand_targets(wanted or targets, targets, separator.config.dataset.sources)
    return {name: [targets.index(part) for part in parts] for name, parts in sums.items()}


def separate(
    separator: Separator,
    audio: np.ndarray,
    sample_rate: int,
    overlap: float = OVERLAP,
    batch_size: int | None = None,
    shifts: int = 1,
    wiener: int = 0,
    consistency: bool = False,
    progress: Callable[[int], None] | None = None,
    residual: bool = False,
) -> np.ndarray:
    """Separates a whole signal in memory; see `separate_blocks`.

    Args:
        separator: a model of either framework.
        audio: (channels, samples).
        sample_rate: of the audio, in Hz.
        overlap: see `SeparationOptions`, as for the next four.
        batch_size: segments of one call.
        shifts: separations that are averaged.
        wiener: iterations of a Wiener filter.
        consistency: divide the rest of the mixture among the targets.
        progress: called with the number of finished samples.
        residual: return the rest of the mixture, too, as one more target behind the others.

    Returns:
        float32 (targets, channels, samples), exactly as long as the input, at its rate.

    Raises:
        InputError: an array that is no audio (see `auralflow_core.audio.check`), or an option out of range.
    """
    check_audio(audio)
    options = SeparationOptions(overlap, batch_size, shifts, wiener, consistency)
    done, whole = 0, np.empty((len(separator.targets) + residual, *audio.shape), np.float32)
    level = song_level([audio]) if separator.config.model.normalize_song else None
    for mixture, estimates in separate_blocks(separator, [audio], audio.shape[-1], sample_rate, options, level):
        place = whole[..., done : done + estimates.shape[-1]]
        place[: len(estimates)] = estimates
        if residual:
            place[-1] = mixture - estimates.sum(0)
        done += estimates.shape[-1]
        if progress is not None:
            progress(done)
    return whole


def separate_array(separator: Separator, audio: np.ndarray, rate: int | None = None, **options: Any) -> np.ndarray:
    """Separates one signal or a batch of them in memory.

    Args:
        separator: the model.
        audio: (samples,), (channels, samples) or (batch, channels, samples), floating point.
        rate: of the audio, in Hz. Default: the model's.
        options: the others of `separate`.

    Returns:
        float32 (targets, samples), (targets, channels, samples) or (batch, targets, channels, samples).

    Raises:
        InputError: an array that is no audio (see `auralflow_core.audio.check`), or an option out of range.
    """
    check_audio(audio, ranks=(1, 2, 3))
    rate = separator.config.model.sample_rate if rate is None else check_rate(rate)
    items = audio.reshape(-1, *(1, *audio.shape)[-2:])
    estimates = np.stack([separate(separator, item, rate, **options) for item in items])
    # (batch, targets, channels, samples) to the audio's axes, with one for the targets
    return estimates.reshape(*audio.shape[:-2], estimates.shape[1], *audio.shape[-2:])


def separate_blocks(
    separator: Separator,
    blocks: Iterable[np.ndarray],
    samples: int,
    sample_rate: int,
    options: SeparationOptions | None = None,
    level: SongLevel | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Separates audio that comes piece by piece, in memory that does not grow with its length.

    The model sees segments of the length that it was trained on, which overlap and are cross-faded (see
    `options.cross_fade`), the same number in each call (see `options.batch_for`). Audio of another rate than the
    model's is resampled, and the estimates are resampled back. More than two channels are separated in pairs: the
    first and the second, and so on; an odd last one alone.

    Args:
        separator: the model.
        blocks: the mixture, pieces (channels, samples).
        samples: of all pieces together.
        sample_rate: of the mixture, in Hz.
        options: default: `SeparationOptions()`.
        level: of the whole mixture, for models whose `normalize_song` is set, and for no others.

    Yields:
        Pieces of the mixture (channels, samples), and the estimates (targets, channels, samples) of the same samples.

    Raises:
        InputError: an option makes no sense for the model.
        ValueError: the level is missing, or not asked for.
    """
    options, model = options or SeparationOptions(), separator.config.model
    if model.normalize_song != (level is not None):
        raise ValueError(f"normalize_song is {model.normalize_song}, and the song's level is {level}.")
    options.check(separator.targets)
    sample_rate, rate = check_rate(sample_rate, "sample_rate"), model.sample_rate
    segment = separator.config.crop_samples
    overlap = cross_fade(separator.config, options.overlap)
    most = options.batch_size or model.SEGMENTS
    batch_size = batch_for(-(-samples * rate // sample_rate), segment, overlap, most)
    # Two copies, as the mixture waits for the estimates, for a few segments.
    heard, kept = itertools.tee(np.asarray(block, np.float32) for block in blocks)
    estimates = stream(
        block_function(separator, options),
        resample_stream(map(level.normalize, heard) if level else heard, sample_rate, rate),
        segment,
        overlap,
        batch_size,
        options.shifts,
    )
    for mixture, estimate in aligned(kept, resample_stream(estimates, rate, sample_rate, samples)):
        if level:
            estimate = level.restore(estimate)
        yield mixture, mixture_consistency(estimate, mixture) if options.consistency else estimate


def block_function(separator: Separator, options: SeparationOptions) -> BlockFunction:
    """The computation in a segment: the model and, if asked for, the Wiener filter, for each pair of channels.

    Returns:
        A function from (batch, channels, samples) to (batch, targets, channels, samples), for `overlap_add.stream`.
    """

    def estimate(blocks: np.ndarray) -> np.ndarray:
        estimates = separator(blocks)
        if options.wiener:
            estimates = separator.refine(blocks, estimates, options.wiener, residual=not options.consistency)
        return estimates

    def by_pairs(blocks: np.ndarray) -> np.ndarray:
        pairs = [blocks[:, first : first + 2] for first in range(0, blocks.shape[1], 2)]
        return np.concatenate([estimate(pair) for pair in pairs], axis=2)

    return by_pairs
