"""Models by their configurations."""

from auralflow_core.config import Config
from auralflow_jax.models.audio import AudioModel
from auralflow_jax.models.base import SeparationModel
from auralflow_jax.models.hybrid import HybridModel
from auralflow_jax.models.spectrogram import SpectrogramModel
from auralflow_jax.networks import build_network

FAMILIES: dict[str, type[SeparationModel]] = {
    "spectrogram": SpectrogramModel,
    "audio": AudioModel,
    "hybrid": HybridModel,
}


def build(config: Config) -> SeparationModel:
    """The model that a configuration describes.

    Returns:
        An object with `init(key, samples)`, `apply(variables, mixture, train, key) -> Estimate`,
        `apply_and_update` and `describe(audio)`, the same for every family.

    Raises:
        InputError: the model has no network in JAX.
    """
    return FAMILIES[config.model.FAMILY](build_network(config), config.model)
