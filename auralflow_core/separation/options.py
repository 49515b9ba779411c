"""Options of a separation, and the segments that follow from them."""

import dataclasses

from auralflow_core.config import Config
from auralflow_core.errors import InputError

OVERLAP = 0.1  # share of a segment that neighbours have in common
LARGEST_OVERLAP = 0.875  # every sample is in eight segments


@dataclasses.dataclass(frozen=True)
class SeparationOptions:
    """Settings that trade time and memory for quality.

    Args:
        overlap: share of a segment that the next one covers, too, in [0, 0.875]; see `cross_fade`.
        batch_size: segments of one call; fewer need less memory. Default: 1 on a CPU, elsewhere the model's `SEGMENTS`.
        shifts: number of separations, with segments that start at different places, whose estimates are averaged.
        wiener: iterations of a multichannel Wiener filter over all targets, in every segment; 0: none. The rest of the
            mixture is one more source of the filter, unless `consistency` is set.
        consistency: the targets make up the whole mixture; the rest of it is divided among them in equal parts.

    Raises:
        InputError: a value is out of range.
    """

    overlap: float = OVERLAP
    batch_size: int | None = None
    shifts: int = 1
    wiener: int = 0
    consistency: bool = False

    def __post_init__(self):
        if not 0 <= self.overlap <= LARGEST_OVERLAP:
            raise InputError(f"overlap is {self.overlap}, expected 0 to {LARGEST_OVERLAP}")
        for name, lowest in (("batch_size", 1), ("shifts", 1), ("wiener", 0)):
            if (value := getattr(self, name)) is not None and value < lowest:
                raise InputError(f"{name} is {value}, expected {lowest} or more")

    def check(self, targets: tuple[str, ...]) -> None:
        """Refuses options that make no sense for a model with these targets.

        Raises:
            InputError: consistency for a single target.
        """
        if self.consistency and len(targets) == 1:
            raise InputError(
                "consistency divides the whole mixture among the targets; "
                f"{targets[0]!r}, the model's only one, would be the mixture itself"
            )


def batch_for(samples: int, segment: int, overlap: int, largest: int) -> int:
    """The number of segments of one call; halved for signals so short that half a call holds all of their segments.

    Only a few numbers are possible, because a framework compiles a program for each.

    Args:
        samples: of the signal.
        segment: samples of a segment.
        overlap: samples that a segment shares with the next one.
        largest: the number for long signals.

    Example:
        >>> [batch_for(seconds, segment=4, overlap=0, largest=4) for seconds in (2, 8, 9, 100)]
        [1, 2, 4, 4]
    """
    segments = max(1, -(-(samples - overlap) // (segment - overlap)))
    while largest % 2 == 0 and segments <= largest // 2:
        largest //= 2
    return largest


def cross_fade(config: Config, overlap: float, segment: int | None = None) -> int:
    """The number of samples in which neighbouring segments overlap.

    It is the given share of a segment, made larger (near half a segment and near the largest: smaller) so that segments
    start at multiples of the model's `alignment`: a network that halves its frames then halves them at the same places
    in every segment. Without overlap, or with no such multiple nearby, it is the share itself.

    Args:
        config: of the model.
        overlap: share of a segment, in [0, 0.875].
        segment: length of a segment in samples; default: the length that the model was trained on.
    """
    segment = config.crop_samples if segment is None else segment
    # More than half would compute every sample three times.
    largest = segment // 2 if overlap <= 0.5 else int(LARGEST_OVERLAP * segment)
    asked, step = min(round(overlap * segment), largest), config.model.alignment
    shortest = -(-(segment - largest) // step)  # distance of two segments, in steps
    aligned = segment - step * max(shortest, (segment - asked) // step)
    return aligned if asked and 2 * aligned >= asked else asked
