"""The settings of the front end around networks of complex spectra."""

from typing import Annotated, Any, ClassVar

from auralflow_core.config.base import doc
from auralflow_core.config.stft import StftConfig


class ComplexSpectrogramConfig(StftConfig):
    """A front end (STFT) around a network that maps complex spectra to complex masks."""

    FAMILY: ClassVar[str] = "complex"
    TRAINING: ClassVar[dict[str, Any]] = {"loss_domain": "audio"}

    zero_dc: Annotated[bool, doc("leave nothing in the lowest bin of the estimates, 0 Hz", tensors=False)] = True
