"""What a run leaves to look at and to listen to: snippets of validation tracks, TensorBoard events."""

from collections.abc import Sequence

import numpy as np
from tensorboardX import SummaryWriter

from auralflow_core.config import Config
from auralflow_core.data.crops import read_mixture, read_stems, track_samples
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.track import Track
from auralflow_core.model_folder import ModelFolder
from auralflow_core.training.snippets import SnippetWriter
from auralflow_jax.separation import Model, separate


class Visualizer:
    """Writes a run's scalars, snippets and pictures, as the configuration's visualizer group asks.

    Args:
        folder: gets audio/, images/ and runs/.
        config: the run's configuration.
        tracks: validation tracks; the first `num_snippets` are shown.
    """

    def __init__(self, folder: ModelFolder, config: Config, tracks: Sequence[Track]):
        self.config = config
        self.tracks = list(tracks[: config.visualizer.num_snippets])
        self.places = [_loudest(track, config) for track in self.tracks]
        self.events = SummaryWriter(str(folder.runs)) if config.visualizer.tensorboard else None
        self.snippets = SnippetWriter(folder, config.visualizer, config.model.sample_rate, self.events)

    def is_due(self, epoch: int, is_last: bool) -> bool:
        """Whether snippets belong to this epoch, counted from 1."""
        return is_last or epoch % self.config.visualizer.save_frequency == 0

    def write_scalars(self, epoch: dict) -> None:
        """One entry of a run's history, as TensorBoard scalars over the steps."""
        if self.events is None:
            return
        for name in ("train_loss", "valid_loss", "lr", "samples_per_second"):
            self.events.add_scalar(name, epoch[name], epoch["step"])
        for name in ("si_sdr", "si_sdr_improvement"):
            for target, value in epoch[name].items():
                self.events.add_scalar(f"{name}/{target}", value, epoch["step"])
        self.events.flush()

    def write_snippets(self, model: Model, step: int) -> None:
        """Separates the snippets and writes audio/<track>-<target>.wav, images/ and events."""
        rate = self.config.model.sample_rate
        for track, (start, samples) in zip(self.tracks, self.places, strict=True):
            excerpt = (start, samples, rate, self.config.model.num_channels)
            mixture = read_mixture(track, *excerpt)
            sums = expand_targets(self.config.model.targets, track.stems, self.config.dataset.sources)
            estimates = separate(model, mixture, rate)
            for (target, parts), estimate in zip(sums.items(), estimates, strict=True):
                panels = {"mixture": mixture, "estimate": estimate, "truth": read_stems(track, parts, *excerpt).sum(0)}
                self.snippets.write(f"{track.name}-{target}", panels, step)
        if self.events is not None:
            self.events.flush()

    def close(self) -> None:
        if self.events is not None:
            self.events.close()


def _loudest(track: Track, config: Config) -> tuple[int, int]:
    """Start and length, in samples at the model's rate, of the excerpt in which the first target is loudest."""
    rate, length = config.model.sample_rate, track_samples(track, config.model.sample_rate)
    samples = min(round(config.visualizer.snippet_length * rate), length)
    parts = next(iter(expand_targets(config.model.targets, track.stems, config.dataset.sources).values()))
    target = read_stems(track, parts, 0, length, rate, 1).sum((0, 1))
    energy = np.concatenate([[0], np.cumsum(target.astype(np.float64) ** 2)])
    starts = np.arange(0, length - samples + 1, max(rate // 2, 1))
    return int(starts[np.argmax(energy[starts + samples] - energy[starts])]), samples
