"""What an exported file says about the model inside it."""

from typing import Any

import msgspec

from auralflow_core import config as configuration
from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.structs import decode


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of an exported file, opened again, with its model.

    Attributes:
        audio: that both separated.
        seconds: of it.
        largest_difference: of all samples, relative to the model's loudest one where that is beyond full scale.
        tolerance: that it had to keep; None: none was asked for.
        si_sdr: target -> dB of the file's estimate against the model's; None: they are the same.
        cost: target -> dB of SI-SDR by which the file is worse than the model, where the true stem was known.
    """

    audio: str
    seconds: float
    largest_difference: float
    tolerance: float | None
    si_sdr: dict[str, float | None]
    cost: dict[str, float] = {}


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of an exported file.

    The program maps `audio`, float32 (1, channels, samples), to `stems`, float32 (1, targets, channels, samples).

    Attributes:
        model: its name.
        config: what its config.json holds.
        targets: in the order of the axis.
        channels, samples: of the audio that the program takes.
        sample_rate: of this audio, in Hz.
        weights: the type that they are stored in.
        check: the comparison with the model.
        made_with: package -> version.
    """

    model: str
    config: dict[str, Any]
    targets: tuple[str, ...]
    channels: int
    samples: int
    sample_rate: int
    weights: str
    check: Check
    made_with: dict[str, str]

    def settings(self, origin: str) -> Config:
        """The configuration.

        Args:
            origin: the file, for messages.

        Raises:
            InputError: it is not valid, or does not fit the program's sizes.
        """
        config = configuration.from_dict(self.config, origin)
        model = config.model
        if (model.targets, model.num_channels, model.sample_rate, config.crop_samples) != (
            self.targets,
            self.channels,
            self.sample_rate,
            self.samples,
        ):
            raise InputError(f"{origin}: its configuration and the sizes of its program do not fit each other")
        return config


def to_text(description: Description) -> str:
    """The description as JSON."""
    return msgspec.json.encode(description).decode()


def from_text(text: str | bytes | None, origin: str) -> Description:
    """Reads a description.

    Args:
        text: JSON; None: the file has none.
        origin: the file, for messages.

    Raises:
        InputError: there is none, or it is not what `auralflow export` writes.
    """
    if not text:
        raise InputError(f"{origin}: does not say which model it holds; files that `auralflow export` wrote do")
    try:
        return decode(text, Description)
    except msgspec.DecodeError as error:
        raise InputError(f"{origin}: its description of the model is damaged: {error}") from None
