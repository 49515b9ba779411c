"""The settings of a run: songs, an optimisation, things to look at."""

from typing import Annotated, Literal

from msgspec import Meta

from auralflow_core.config.base import Count, Fraction, Group, NonNegative, Positive, PositiveFloat, Seconds, doc

Optimizer = Literal["adamw", "muon", "prodigy", "schedule_free_adamw"]
Criterion = Literal["l1", "l2", "mask", "component", "si_sdr", "multi_resolution_stft"]
Share = Annotated[float, Meta(ge=0, le=1)]
Rank = Annotated[int, Meta(ge=0, le=2**16)]


class DatasetConfig(Group):
    """Where crops come from and how they are varied."""

    sample_length: Annotated[Seconds, doc("seconds of one crop")] = 3.0
    samples_per_epoch: Annotated[
        Positive | None, doc("crops of one epoch; default: the duration of the training songs / sample_length")
    ] = None
    shares: Annotated[
        tuple[PositiveFloat, ...], doc("how often crops come from each dataset; default: by its duration")
    ] = ()
    sources: Annotated[
        dict[str, tuple[str, ...]], doc("named sums of stems, in addition to the built-in `accompaniment`")
    ] = {}
    exclude: Annotated[
        tuple[str, ...], doc("tracks that are not used, by name or as split/name; `auralflow inspect` finds them")
    ] = ()
    remix: Annotated[bool, doc("take each stem of a mixture from another track and another place")] = True
    gain_db: Annotated[NonNegative, doc("dB by which a stem is made louder or softer at most")] = 6.0
    flip_polarity: Annotated[bool, doc("turn the sign of each stem with probability 1/2")] = True
    swap_channels: Annotated[bool, doc("exchange left and right of each stem with probability 1/2")] = True
    silence_db: Annotated[
        float, doc("dBFS (RMS); a crop whose targets are all softer than this is drawn again")
    ] = -60.0
    validation_length: Annotated[Seconds | None, doc("seconds of each validation track; default: all")] = None
    max_num_tracks: Annotated[Positive | None, doc("training tracks used of each dataset; default: all")] = None
    num_workers: Annotated[Count, doc("processes that read crops; 0: threads")] = 0


class TrainingConfig(Group):
    """The optimisation, from the loss to the moment it stops."""

    max_epochs: Annotated[Positive, doc("epochs after which the run ends")] = 100
    batch_size: Annotated[Positive, doc("crops of one step, over all devices and hosts")] = 8
    accumulate_steps: Annotated[
        Positive,
        doc(
            "equal parts of a batch that are computed one after the other, in less memory; their gradients are averaged"
        ),
    ] = 1
    optimizer: Annotated[Optimizer, doc("the rule by which gradients change weights")] = "adamw"
    lr: Annotated[PositiveFloat, doc("learning rate; prodigy: factor of the rate that it finds, about 1")] = 1e-3
    lr_schedule: Annotated[Literal["plateau", "cosine", "constant"], doc("course of the learning rate")] = "plateau"
    warmup_steps: Annotated[Count, doc("steps in which the learning rate rises from zero")] = 20
    lr_decay: Annotated[float, Meta(gt=0, lt=1), doc("plateau: the factor that reduces the learning rate")] = 0.5
    lr_patience: Annotated[Positive, doc("plateau: epochs without a better validation loss before a reduction")] = 5
    max_lr_steps: Annotated[Positive, doc("plateau: reductions after which, instead of one more, the run ends")] = 5
    stop_patience: Annotated[Positive, doc("epochs without a better validation loss that end the run")] = 20
    weight_decay: Annotated[NonNegative, doc("share of each weight that is taken off in a step, times lr")] = 1e-4
    max_grad_norm: Annotated[PositiveFloat, doc("global norm above which gradients are clipped")] = 1.0
    ema_decay: Annotated[Fraction, doc("decay of the averaged weights and statistics at each step; 0: no average")] = (
        0.999
    )
    precision: Annotated[Literal["float32", "bfloat16"], doc("type of the computation; parameters are float32")] = (
        "float32"
    )
    criterion: Annotated[Criterion, doc("loss")] = "l1"
    loss_domain: Annotated[Literal["spectrum", "audio"], doc("representation that l1 and l2 compare")] = "spectrum"
    mask_loss_fn: Annotated[Literal["l1", "l2"], doc("distance of masks under criterion `mask`")] = "l1"
    n_components: Annotated[Literal[2, 3], doc("terms of criterion `component`")] = 2
    alpha: Annotated[Share, doc("criterion `component`: weight of the residual")] = 0.2
    beta: Annotated[Share, doc("criterion `component` with 3 components: weight of the third")] = 0.8
    kl_weight: Annotated[
        NonNegative, doc("weight of the divergence that models with a latent variable add to any criterion")
    ] = 1e-3
    lora_rank: Annotated[
        Rank, doc("rank of the adapters of linear layers that are trained in place of the weights; 0: the weights")
    ] = 0
    lora_alpha: Annotated[
        PositiveFloat | None, doc("alpha / rank is the factor of adapters; default: the rank, so that it is 1")
    ] = None
    frozen: Annotated[
        tuple[str, ...],
        doc("layers whose weights and statistics stay as they are, such as down.0; * stands for any characters"),
    ] = ()
    seed: Annotated[Count, doc("start of all random numbers")] = 0

    def __post_init__(self):
        super().__post_init__()
        if self.optimizer == "muon" and self.lora_rank:
            raise ValueError(f"optimizer muon changes whole matrices, got lora_rank {self.lora_rank}, expected 0")
        if self.frozen and self.lora_rank:
            raise ValueError(f"lora_rank {self.lora_rank} freezes all weights, got frozen {self.frozen}, expected none")
        if self.optimizer == "prodigy" and not 0.01 <= self.lr <= 100:
            raise ValueError(f"lr is a factor of the rate that prodigy finds, got {self.lr}, expected about 1")
        if self.optimizer == "schedule_free_adamw" and self.lr_schedule != "constant":
            raise ValueError(
                f"lr_schedule is {self.lr_schedule}, and schedule_free_adamw takes none; constant is accepted"
            )
        if self.criterion == "component" and self.n_components == 3 and self.alpha + self.beta >= 1:
            raise ValueError(f"alpha + beta must be less than 1 with 3 components, got {self.alpha} + {self.beta}")

    @property
    def lora_scale(self) -> float:
        """The factor of adapters: alpha / rank."""
        return self.lora_alpha / self.lora_rank if self.lora_alpha and self.lora_rank else 1.0


class VisualizerConfig(Group):
    """The pictures and sounds that a run leaves."""

    save_frequency: Annotated[Positive, doc("epochs between snippets; the last epoch always leaves them")] = 10
    save_audio: Annotated[bool, doc("write snippets of separated audio")] = True
    save_images: Annotated[bool, doc("write spectrograms and waveforms of the snippets")] = True
    snippet_length: Annotated[Seconds, doc("seconds of a snippet")] = 6.0
    num_snippets: Annotated[Count, doc("validation tracks that are shown")] = 2
    tensorboard: Annotated[bool, doc("write event files for TensorBoard under runs/")] = True
