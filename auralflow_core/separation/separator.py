"""Separation of audio of any length, rate and number of channels, with a trained model of either framework."""

import abc
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, cast

import numpy as np

from auralflow_core.audio.check import check_audio, check_rate
from auralflow_core.audio.resample import resample_stream
from auralflow_core.config import Config
from auralflow_core.config.ensemble import Ensemble
from auralflow_core.dsp.consistency import mixture_consistency
from auralflow_core.dsp.overlap_add import BlockFunction, stream
from auralflow_core.dsp.streams import aligned
from auralflow_core.separation.members import combine_members
from auralflow_core.separation.options import OVERLAP, SeparationOptions, batch_for, cross_fade
from auralflow_core.separation.song_level import SongLevel, song_level


class Separator(abc.ABC):
    """A model with its weights, ready to separate.

    Attributes:
        RUNTIME: the program that runs the model, where it is neither jax nor torch.
        config: the configuration that the weights were trained with.
    """

    RUNTIME: ClassVar[str] = ""

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
    def members(self) -> tuple["Separator", ...]:
        """The models that an ensemble combines; empty for all other models."""
        return ()

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
    sample_rate = check_rate(sample_rate, "sample_rate")
    # Two copies, as the mixture waits for the estimates, for a few segments.
    heard, kept = itertools.tee(np.asarray(block, np.float32) for block in blocks)
    for mixture, estimate in aligned(kept, _estimates(separator, heard, samples, sample_rate, options, level)):
        yield mixture, mixture_consistency(estimate, mixture) if options.consistency else estimate


def _estimates(
    separator: Separator,
    blocks: Iterable[np.ndarray],
    samples: int,
    sample_rate: int,
    options: SeparationOptions,
    level: SongLevel | None,
) -> Iterator[np.ndarray]:
    """The estimates (targets, channels, samples) of a model, or of an ensemble's members together."""
    if members := separator.members:
        options = dataclasses.replace(options, consistency=False)  # which is for all members together

        def run(index: int, targets: list[int], blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
            member = members[index].narrow(targets) if not options.wiener else members[index]
            own = level if member.config.model.normalize_song else None
            return (piece[targets] for piece in _estimates(member, blocks, samples, sample_rate, options, own))

        settings = cast(Ensemble, separator.config.model)
        return combine_members(settings, [member.targets for member in members], run, blocks)
    return _segment_by_segment(separator, blocks, samples, sample_rate, options, level)


def _segment_by_segment(
    separator: Separator,
    blocks: Iterable[np.ndarray],
    samples: int,
    sample_rate: int,
    options: SeparationOptions,
    level: SongLevel | None,
) -> Iterator[np.ndarray]:
    """The estimates (targets, channels, samples) of a single model."""
    rate, segment = separator.config.model.sample_rate, separator.config.crop_samples
    most = options.batch_size or (1 if separator.device == "cpu" else separator.config.model.SEGMENTS)
    overlap = cross_fade(separator.config, options.overlap)
    batch_size = batch_for(-(-samples * rate // sample_rate), segment, overlap, most)
    estimates = stream(
        block_function(separator, options),
        resample_stream(map(level.normalize, blocks) if level else blocks, sample_rate, rate),
        segment,
        overlap,
        batch_size,
        options.shifts,
    )
    resampled = resample_stream(estimates, rate, sample_rate, samples)
    return map(level.restore, resampled) if level else resampled


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
