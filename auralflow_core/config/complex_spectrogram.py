"""The settings of the front end around networks of complex spectra."""

from typing import Annotated, Any, ClassVar, Literal

from auralflow_core.config.base import doc
from auralflow_core.config.stft import StftConfig
from auralflow_core.dsp.windows import Window

Output = Literal["mask", "spectrum"]


class ComplexSpectrogramConfig(StftConfig):
    """A front end (STFT) around a network that maps complex spectra to complex masks, or to spectra.

    Attributes:
        OUTPUT: "mask": the network returns factors of the mixture's spectrum; "spectrum": the targets' spectra.
    """

    FAMILY: ClassVar[str] = "complex"
    OUTPUT: ClassVar[Output] = "mask"
    TRAINING: ClassVar[dict[str, Any]] = {"loss_domain": "audio"}

    window: Annotated[Window, doc("window of the STFT; ones: all samples count alike", tensors=False)] = "hann"
    zero_dc: Annotated[bool, doc("leave nothing in the lowest bin of the estimates, 0 Hz", tensors=False)] = True

    @property
    def window_kind(self) -> Window:
        return self.window
