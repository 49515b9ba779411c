"""The networks, and the registry that makes a model of a configuration."""

import jax.numpy as jnp

from auralflow.config import Config, SpectrogramNetSimple
from auralflow_jax.networks import spectrogram
from auralflow_jax.networks.estimate import Estimate
from auralflow_jax.networks.masking import SpectrogramModel

__all__ = ["Estimate", "build"]


def build(config: Config) -> SpectrogramModel:
    """The model that a configuration describes.

    Returns:
        An object with `init(key, samples)`, `apply(variables, mixture, train, key) -> Estimate`,
        `apply_and_update` and `describe(audio)`, the same for every family.
    """
    return BUILDERS[type(config.model)](config.model, jnp.dtype(config.training.precision))


def _simple(model: SpectrogramNetSimple, dtype: jnp.dtype) -> SpectrogramModel:
    network = spectrogram.SpectrogramNetSimple(
        num_targets=len(model.targets),
        dtype=dtype,
        **{name: getattr(model, name) for name in (
            "num_channels", "hidden_channels", "depth", "mask_activation", "leak_factor", "dropout_p",
            "normalize_input", "normalize_output")},
    )
    return SpectrogramModel(network, model)


BUILDERS = {SpectrogramNetSimple: _simple}
