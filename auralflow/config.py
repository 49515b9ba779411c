"""The configuration of a model: four groups of frozen, validated settings, stored as config.json.

Leaf names are unique over all groups, so that a flat flag (`--dropout_p 0.4`) finds its key.
"""

from typing import Annotated, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from auralflow.errors import InputError, closest

Positive = Annotated[int, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]
PositiveFloat = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]

Activation = Literal["sigmoid", "softmax", "hardtanh", "relu", "softplus", "identity"]
Criterion = Literal["l1", "l2", "mask", "component", "si_sdr", "multi_resolution_stft"]


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One group of settings; a subclass checks its fields against each other in `__post_init__`."""


class ModelConfig(Group, tag_field="model_type"):
    """What the weights mean: the signal that goes in, the targets that come out."""

    model_name: str = ""  # the folder's name, unless another is given
    targets: tuple[str, ...] = ("vocals",)  # stems, or named sums of stems; kept sorted
    num_channels: Annotated[int, Meta(ge=1, le=2)] = 1  # 1: each channel of a song on its own; 2: stereo
    sample_rate: Positive = 44100  # Hz

    def __post_init__(self):
        if not self.targets or "" in self.targets:
            raise ValueError("targets must name at least one target")
        if len(set(self.targets)) < len(self.targets):
            raise ValueError(f"targets names one twice: {', '.join(self.targets)}")
        msgspec.structs.force_setattr(self, "targets", tuple(sorted(self.targets)))


class SpectrogramConfig(ModelConfig):
    """A front end (STFT) around a network that maps magnitudes to masks."""

    num_fft: Positive = 2048  # samples
    window_size: Positive = 2048  # samples
    hop_length: Positive = 768  # samples
    padding: Literal["reflect", "constant"] = "reflect"  # of the signal's ends, before the STFT
    num_bins: Positive = 1024  # the lowest bins, which the network sees
    high_bins: Literal["zeros", "last", "mean"] = "zeros"  # the mask above them
    joiner: Literal["independent", "softmax", "ratio"] = "independent"  # how the targets' masks meet

    def __post_init__(self):
        super().__post_init__()
        if self.window_size > self.num_fft:
            raise ValueError(f"window_size ({self.window_size}) must not exceed num_fft ({self.num_fft})")
        if 4 * self.hop_length > 3 * self.window_size:
            raise ValueError(f"hop_length ({self.hop_length}) must not exceed three quarters of window_size "
                             f"({self.window_size}): with less overlap the STFT cannot be inverted")
        if self.num_bins > self.num_fft // 2 + 1:
            raise ValueError(f"num_bins ({self.num_bins}) must not exceed num_fft // 2 + 1 ({self.num_fft // 2 + 1})")
        if self.joiner == "softmax" and len(self.targets) == 1:
            raise ValueError("joiner 'softmax' runs over the targets and needs at least two of them")

    def count_frames(self, samples: int) -> int:
        """The frames of a signal of `samples` samples, which is padded to a whole number of hops."""
        return 1 + -(-samples // self.hop_length)


class SpectrogramNetSimple(SpectrogramConfig, tag="SpectrogramNetSimple"):
    """U-Net over magnitude spectrograms."""

    hidden_channels: Positive = 16  # of the first level; doubled at every further one
    depth: Positive = 5  # levels above the bottleneck
    mask_activation: Activation = "sigmoid"
    leak_factor: NonNegative = 0.0  # slope of the rectifiers below zero
    dropout_p: Fraction = 0.0
    normalize_input: bool = False  # learn a shift and a scale for every bin of the input
    normalize_output: bool = False  # the same before the mask's activation

    def __post_init__(self):
        super().__post_init__()
        if self.mask_activation == "softmax" and len(self.targets) == 1:
            raise ValueError("mask_activation 'softmax' runs over the targets and needs at least two of them")
        if self.mask_activation == "identity" and self.joiner != "softmax":
            raise ValueError("mask_activation 'identity' leaves masks without bounds and needs joiner 'softmax'")


class SpectrogramNetLSTM(SpectrogramNetSimple, tag="SpectrogramNetLSTM"):
    """U-Net with recurrent layers before the bottleneck."""

    recurrent_depth: Positive = 3  # stacked layers
    hidden_size: Positive = 1024  # requested; at most the deepest level's channels are used
    input_axis: Literal[0, 1] = 0  # 0: bins are features, frames the sequence; 1: the other way round


class SpectrogramNetVAE(SpectrogramNetLSTM, tag="SpectrogramNetVAE"):
    """U-Net with a latent variable and recurrent layers before the bottleneck."""


Model = SpectrogramNetSimple | SpectrogramNetLSTM | SpectrogramNetVAE
MODELS: dict[str, type[ModelConfig]] = {struct.__struct_config__.tag: struct for struct in get_args(Model)}


class DatasetConfig(Group):
    """Where crops come from and what is done to them."""

    sample_length: PositiveFloat = 3.0  # seconds of one crop
    samples_per_epoch: Positive | None = None  # crops; default: the set's duration / sample_length
    sources: dict[str, tuple[str, ...]] = {}  # named sums of stems, beside the built-in `accompaniment`
    remix: bool = True  # every stem of a mixture from a track and a place of its own
    gain_db: NonNegative = 6.0  # each stem is made louder or softer by at most this much
    flip_polarity: bool = True  # of a stem, every second time
    swap_channels: bool = True  # of a stem, every second time
    silence_db: float = -60.0  # a crop whose targets all lie below this level (dBFS, RMS) is drawn again
    validation_length: PositiveFloat | None = None  # seconds of each validation track; default: all of it
    max_num_tracks: Positive | None = None  # of the training set; default: all
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


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole configuration.

    Example:
        >>> config = Config(model=SpectrogramNetSimple(targets=("vocals", "drums")))
        >>> config.model.targets
        ('drums', 'vocals')
    """

    model: Model
    dataset: DatasetConfig = DatasetConfig()
    training: TrainingConfig = TrainingConfig()
    visualizer: VisualizerConfig = VisualizerConfig()

    def __post_init__(self):
        window = getattr(self.model, "window_size", 1)
        if self.crop_samples < window:
            raise ValueError(f"sample_length ({self.dataset.sample_length} s, {self.crop_samples} samples) must hold "
                             f"at least one window of {window} samples")

    @property
    def crop_samples(self) -> int:
        """The length of a crop in samples."""
        return round(self.dataset.sample_length * self.model.sample_rate)


def template(model_type: str) -> Config:
    """The configuration with every default, for one of `MODELS`."""
    return from_dict({"model": {"model_type": model_type}})


def to_dict(config: Config) -> dict:
    """The configuration as plain dicts, lists, strings and numbers: what config.json holds."""
    return msgspec.to_builtins(config)


def from_dict(settings: dict, origin: str = "config") -> Config:
    """The inverse of `to_dict`; absent keys take their defaults.

    Args:
        settings: groups of settings, as in config.json.
        origin: where they come from, for messages.

    Raises:
        InputError: an unknown key, a wrong type or a value out of range, with the key's path.
    """
    for name, group in groups_of(settings, origin).items():
        known = getattr(group, "__struct_fields__", ())
        for key in settings.get(name, {}):
            if key not in known and key != group.__struct_config__.tag_field:
                raise InputError(f"{origin}: unknown key {name}.{key}; {closest(key, known)}")
        for field in msgspec.structs.fields(group):
            choices = get_args(field.type) if get_origin(field.type) is Literal else ()
            value = settings.get(name, {}).get(field.name, field.default)
            if choices and value not in choices:
                raise InputError(f"{origin}: {name}.{field.name}: unknown value {value!r}; "
                                 f"{closest(str(value), map(str, choices))}")
    try:
        return msgspec.convert(settings, Config)
    except msgspec.ValidationError as error:
        raise InputError(f"{origin}: {_in_words(error, settings)}") from None


def groups_of(settings: dict, origin: str = "config") -> dict[str, type[msgspec.Struct]]:
    """The struct that describes each group, the model's by its `model_type`."""
    if not isinstance(settings, dict) or not all(isinstance(group, dict) for group in settings.values()):
        raise InputError(f"{origin}: expected an object with the groups model, dataset, training, visualizer")
    groups = {"dataset": DatasetConfig, "training": TrainingConfig, "visualizer": VisualizerConfig}
    for name in settings:
        if name not in (known := ("model", *groups)):
            raise InputError(f"{origin}: unknown group {name!r}; {closest(name, known)}")
    model_type = settings.get("model", {}).get("model_type")
    if model_type is None:
        raise InputError(f"{origin}: model.model_type is missing; known: {', '.join(sorted(MODELS))}")
    if model_type not in MODELS:
        raise InputError(f"{origin}: unknown model {model_type!r}; {closest(str(model_type), MODELS)}")
    return {"model": MODELS[model_type], **groups}


def override(config: Config, changes: dict[str, str]) -> Config:
    """A configuration with some leaves changed, from text as it stands on a command line.

    Args:
        config: the configuration to start from.
        changes: leaf name -> text. Lists are separated by commas, dicts are JSON, `none` is no value.

    Raises:
        InputError: an unknown leaf name, or text that its key does not accept.
    """
    settings = to_dict(config)
    owner = {leaf: (name, group) for name, group in groups_of(settings).items()
             for leaf in group.__struct_fields__}
    for leaf, text in changes.items():
        if leaf not in owner:
            raise InputError(f"unknown key {leaf!r} of {settings['model']['model_type']}; {closest(leaf, owner)}")
        name, group = owner[leaf]
        settings[name][leaf] = _parse(name, leaf, text, group)
    return from_dict(settings, "command line")


def _parse(name: str, leaf: str, text: str, group: type[msgspec.Struct]):
    """The value that `text` stands for, by the type of the leaf."""
    kind = next(field.type for field in msgspec.structs.fields(group) if field.name == leaf)
    origin = get_origin(kind)
    try:
        if text.lower() in ("none", "null") and type(None) in get_args(kind):
            return None
        if origin is dict:
            return msgspec.json.decode(text, type=kind)
        if origin is Literal:  # one that is no choice is refused with all the others
            return next((choice for choice in get_args(kind) if str(choice) == text), text)
        if origin is tuple:
            return [part.strip() for part in text.split(",")]
        if kind is bool and text.lower() not in ("true", "false"):
            raise msgspec.ValidationError("Expected `true` or `false`")
        return msgspec.to_builtins(msgspec.convert(text.lower() if kind is bool else text, kind, strict=False))
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise InputError(f"command line: {name}.{leaf}: {_lower(str(error))}, got {text!r}") from None


def _in_words(error: msgspec.ValidationError, settings: dict) -> str:
    """msgspec's message with the key's path in front and the value behind."""
    message, _, where = str(error).partition(" - at `$")
    path = [part for part in where.rstrip("`").replace("[", ".[").split(".") if part]
    value, found = settings, bool(path)
    for part in path:
        key = int(part[1:-1]) if part.startswith("[") and part[1:-1].isdigit() else part
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            found = False
            break
    name = ".".join(path).replace(".[", "[")
    detail = f", got {value!r}" if found and not isinstance(value, dict) else ""
    return f"{name + ': ' if name else ''}{_lower(message)}{detail}"


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:] if message.startswith(("Expected", "Invalid", "Object")) else message
