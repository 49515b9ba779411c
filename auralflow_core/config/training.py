"""What training needs beside a model: songs, an optimisation, things to look at."""

from typing import Annotated, Literal

from msgspec import Meta

from auralflow_core.config.base import Count, Fraction, Group, NonNegative, Positive, PositiveFloat

Criterion = Literal["l1", "l2", "mask", "component", "si_sdr", "multi_resolution_stft"]


class DatasetConfig(Group):
    """Where crops come from and what is done to them."""

    sample_length: PositiveFloat = 3.0  # seconds of one crop
    samples_per_epoch: Positive | None = None  # crops; default: the set's duration / sample_length
    shares: tuple[PositiveFloat, ...] = ()  # how often each dataset is drawn from; default: by its duration
    sources: dict[str, tuple[str, ...]] = {}  # named sums of stems, beside the built-in `accompaniment`
    remix: bool = True  # every stem of a mixture from a track and a place of its own
    gain_db: NonNegative = 6.0  # each stem is made louder or softer by at most this much
    flip_polarity: bool = True  # of a stem, every second time
    swap_channels: bool = True  # of a stem, every second time
    silence_db: float = -60.0  # a crop whose targets all lie below this level (dBFS, RMS) is drawn again
    validation_length: PositiveFloat | None = None  # seconds of each validation track; default: all of it
    max_num_tracks: Positive | None = None  # of each dataset's train; default: all
    num_workers: Count = 0  # processes that read crops; 0: threads


class TrainingConfig(Group):
    """The optimisation, from the loss to the moment it stops."""

    max_epochs: Positive = 100
    batch_size: Positive = 8  # over all devices and hosts
    lr: PositiveFloat = 1e-3
    lr_schedule: Literal["plateau", "cosine", "constant"] = "plateau"
    warmup_steps: Count = 20  # steps in which lr rises from zero
    lr_decay: Annotated[float, Meta(gt=0, lt=1)] = 0.5  # plateau: lr is multiplied by this ...
    lr_patience: Positive = 5  # ... after so many epochs without a better validation loss
    max_lr_steps: Positive = 5  # plateau: so many reductions, then the next one ends the run
    stop_patience: Positive = 20  # epochs without a better validation loss that end the run
    weight_decay: NonNegative = 1e-4
    max_grad_norm: PositiveFloat = 1.0  # global norm at which gradients are clipped
    ema_decay: Fraction = 0.999  # of the averaged weights and statistics; 0: none
    precision: Literal["float32", "bfloat16"] = "float32"  # of the computation; parameters are float32
    criterion: Criterion = "l1"
    loss_domain: Literal["spectrum", "audio"] = "spectrum"  # what l1 and l2 compare
    mask_loss_fn: Literal["l1", "l2"] = "l1"  # what criterion `mask` compares masks with
    n_components: Literal[2, 3] = 2  # criterion `component`
    alpha: Annotated[float, Meta(ge=0, le=1)] = 0.2  # criterion `component`: weight of the residual
    beta: Annotated[float, Meta(ge=0, le=1)] = 0.8  # criterion `component` with 3 components: its third weight
    kl_weight: NonNegative = 1e-3  # of the divergence that models with a latent variable add to any criterion
    seed: Count = 0

    def __post_init__(self):
        if self.criterion == "component" and self.n_components == 3 and self.alpha + self.beta >= 1:
            raise ValueError(f"alpha + beta must be less than 1 with 3 components, got {self.alpha} + {self.beta}")


class VisualizerConfig(Group):
    """What a run leaves to look at and to listen to."""

    save_frequency: Positive = 10  # epochs between snippets; the last epoch always leaves them
    save_audio: bool = True
    save_images: bool = True
    snippet_length: PositiveFloat = 6.0  # seconds
    num_snippets: Count = 2  # validation tracks that are shown
    tensorboard: bool = True  # event files under runs/
