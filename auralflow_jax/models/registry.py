"""Models by their configurations."""

import jax.numpy as jnp
import msgspec

from auralflow_core import config as configuration
from auralflow_core.config import Config, SpectrogramConfig, WaveformConfig
from auralflow_jax.models.audio import AudioModel
from auralflow_jax.models.base import SeparationModel
from auralflow_jax.models.hybrid import HybridModel
from auralflow_jax.models.spectrogram import SpectrogramModel
from auralflow_jax.networks import NETWORKS

# What makes a model of a network, by the configuration that it is or extends, the nearest first.
FAMILIES = {SpectrogramConfig: SpectrogramModel, WaveformConfig: AudioModel, configuration.HybridNet: HybridModel}


def build(config: Config) -> SeparationModel:
    """The model that a configuration describes.

    Returns:
        An object with `init(key, samples)`, `apply(variables, mixture, train, key) -> Estimate`,
        `apply_and_update` and `describe(audio)`, the same for every family.
    """
    model = config.model
    network = NETWORKS[type(model).__name__]
    settings = msgspec.structs.asdict(model) | model.sizes(config.crop_samples)
    settings["dtype"] = jnp.dtype(config.training.precision)
    known = network.__dataclass_fields__.keys()
    family = next(FAMILIES[kind] for kind in type(model).__mro__ if kind in FAMILIES)
    return family(network(**{name: value for name, value in settings.items() if name in known - {"name"}}), model)
