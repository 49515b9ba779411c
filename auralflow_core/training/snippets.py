"""Snippets that a run of either framework leaves: sound, pictures, TensorBoard events."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from auralflow_core import audio as sound
from auralflow_core.config import VisualizerConfig
from auralflow_core.console.text import printable
from auralflow_core.model_folder import ModelFolder
from auralflow_core.plots import signals as plots
from auralflow_core.storage.inside import inside

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter


class SnippetWriter:
    """Writes the signals of a snippet into a model's folder, as its configuration asks.

    Args:
        folder: gets audio/ and images/.
        settings: say which of these are wanted.
        sample_rate: of the signals, in Hz.
        events: gets the pictures and the estimate's sound as well; None: no events are written.
        say: shows a line about a snippet that could not be written.
    """

    def __init__(
        self,
        folder: ModelFolder,
        settings: VisualizerConfig,
        sample_rate: int,
        events: "SummaryWriter | None",
        say: Callable[[str], None] = print,
    ) -> None:
        self.folder, self.settings, self.sample_rate, self.events = folder, settings, sample_rate, events
        self.say = say

    def write(self, name: str, panels: Mapping[str, np.ndarray], step: int) -> None:
        """Writes audio/<name>-<panel>.wav, images/<name>-<kind>.png and events.

        Whatever goes wrong is a line on the screen: no picture is worth a run.

        Args:
            name: of the snippet.
            panels: name -> audio (channels, samples); `estimate` is one of them.
            step: optimizer steps taken.
        """
        try:
            self._write(name, panels, step)
        except Exception as error:
            self.say(f"The snippet {printable(name)} of step {step} is left out: {printable(str(error))}")

    def _write(self, name: str, panels: Mapping[str, np.ndarray], step: int) -> None:
        if self.settings.save_audio:
            for kind, signal in panels.items():
                sound.write(inside(self.folder.audio, f"{name}-{kind}.wav"), signal, self.sample_rate)
        if self.settings.save_images or self.events is not None:
            for kind, draw in (("spectrogram", plots.spectrogram_figure), ("waveform", plots.waveform_figure)):
                self._write_picture(name, kind, draw(panels, self.sample_rate, f"{name}, step {step}"), step)
        if self.events is not None:
            estimate = np.clip(panels["estimate"].mean(0), -1, 1)
            self.events.add_audio(name, estimate, step, sample_rate=self.sample_rate)

    def _write_picture(self, name: str, kind: str, figure: plots.Figure, step: int) -> None:
        if self.settings.save_images:
            plots.save_figure(figure, inside(self.folder.images, f"{name}-{kind}.png"))
        if self.events is not None:
            self.events.add_image(f"{name}/{kind}", plots.pixels(figure), step, dataformats="HWC")
