"""Snippets of validation tracks to look at and listen to, and TensorBoard events."""

from auralflow_core.config import Config
from auralflow_core.data.crops import read_mixture, read_stems, track_samples
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.track import Track
from auralflow_core.dsp.excerpts import loudest
from auralflow_core.training.events import open_events
from auralflow_core.training.snippets import SnippetWriter
from auralflow_jax.models.base import SeparationModel
from auralflow_jax.separation import separate
from auralflow_jax.train.plan import TrainingPlan
from auralflow_jax.train.state import RunState


class Visualizer:
    """Writes a run's scalars, snippets and pictures, as the configuration's visualizer group asks.

    They go to audio/, images/ and runs/ of the plan's folder; the first `num_snippets` validation tracks are shown.

    Args:
        plan: of the run.
    """

    def __init__(self, plan: TrainingPlan):
        self.config = config = plan.config
        self.model = plan.model
        self.tracks = plan.segments.tracks[: config.visualizer.num_snippets]
        self.places = [_place(track, config) for track in self.tracks]
        self.events = open_events(plan.folder.runs) if config.visualizer.tensorboard else None
        self.snippets = SnippetWriter(plan.folder, config.visualizer, config.model.sample_rate, self.events)

    def show(self, run: RunState, is_last: bool) -> None:
        """Writes the scalars of the epoch that has ended, and the snippets where they are due."""
        epoch = run.history[-1]
        self.write_scalars(epoch)
        if is_last or epoch["epoch"] % self.config.visualizer.save_frequency == 0:
            # From the host, so that the first process can separate while the others wait, on one device.
            self.write_snippets(self.model.replace(variables=run.state.fetch_averaged()), epoch["step"])

    def write_scalars(self, epoch: dict) -> None:
        """Writes one entry of a run's history, as TensorBoard scalars over the steps."""
        if self.events is None:
            return
        for name in ("train_loss", "valid_loss", "lr", "samples_per_second"):
            self.events.add_scalar(name, epoch[name], epoch["step"])
        for name in ("si_sdr", "si_sdr_improvement"):
            for target, value in epoch[name].items():
                self.events.add_scalar(f"{name}/{target}", value, epoch["step"])
        self.events.flush()

    def write_snippets(self, model: SeparationModel, step: int) -> None:
        """Separates the snippets and writes audio/<track>-<target>-<panel>.wav, images/ and events."""
        rate = self.config.model.sample_rate
        for track, (start, samples) in zip(self.tracks, self.places, strict=True):
            excerpt = (start, samples, rate, self.config.model.num_channels)
            mixture = read_mixture(track, *excerpt)
            sums = expand_targets(model.targets, track.stems, self.config.dataset.sources)
            estimates = separate(model, mixture, rate)
            for (target, parts), estimate in zip(sums.items(), estimates, strict=True):
                panels = {"mixture": mixture, "estimate": estimate, "truth": read_stems(track, parts, *excerpt).sum(0)}
                self.snippets.write(f"{track.name}-{target}", panels, step)
        if self.events is not None:
            self.events.flush()

    def close(self) -> None:
        """Ends the file of events."""
        if self.events is not None:
            self.events.close()


def _place(track: Track, config: Config) -> tuple[int, int]:
    """Start and length, in samples at the model's rate, of the excerpt in which the first target is loudest."""
    rate, length = config.model.sample_rate, track_samples(track, config.model.sample_rate)
    samples = min(round(config.visualizer.snippet_length * rate), length)
    parts = next(iter(expand_targets(config.model.targets, track.stems, config.dataset.sources).values()))
    target = read_stems(track, parts, 0, length, rate, 1).sum(0)
    return loudest(target, samples, max(rate // 2, 1)), samples
