"""The flax networks by name, those of other packages included."""

import jax.numpy as jnp
from flax import linen as nn

from auralflow_core import config as configuration
from auralflow_core.config import Config, ModelConfig, from_keywords
from auralflow_core.config.contract import check_call, name_of
from auralflow_core.config.usage import check_used
from auralflow_core.errors import InputError, closest
from auralflow_core.registry import Registry

NETWORKS: Registry[type[nn.Module]] = Registry("auralflow.networks.jax")


def register(name: str, network: type[nn.Module], config_struct: type[ModelConfig]) -> None:
    """Adds a network, and its struct of settings.

    Args:
        name: the struct's.
        network: a linen module, made by `network(config=..., dtype=..., **config.sizes(samples))`; called with
            `(x, train=False, noise=None)` it returns its output, and mu and sigma of a latent variable or None. See
            `ModelConfig.FAMILY` for the shapes.
        config_struct: see `auralflow_core.config.register`.

    Raises:
        ValueError: the network is no linen module or does not use a setting, the struct is not as it must be, or the
            name is taken.
    """
    if name != config_struct.__name__:
        raise ValueError(f"the network {name!r} and its struct {config_struct.__name__!r} must have the same name")
    if not (isinstance(network, type) and issubclass(network, nn.Module)):
        raise ValueError(f"{name_of(network)} must be a class that extends flax.linen.Module")
    check_used(network, config_struct)
    configuration.register(config_struct)
    NETWORKS.add(name, network)


def build_network(config: Config) -> nn.Module:
    """The network that a configuration describes.

    Raises:
        InputError: the model has no network in JAX, or one that is not called as `register` says.
    """
    model, network = config.model, _find(type(config.model).__name__)
    settings = {"config": model, "dtype": jnp.dtype(config.training.precision), **model.sizes(config.crop_samples)}
    check_call(network, name_of(network), **settings)
    call = next((vars(kind)["__call__"] for kind in network.__mro__ if "__call__" in vars(kind)), None)
    check_call(call, f"{name_of(network)}.__call__", "self", "x", "train")
    return network(**settings)


def create_network(
    name: str, *, num_frames: int | None = None, dtype: jnp.dtype = jnp.float32, **settings
) -> nn.Module:
    """A network made of keyword arguments, under the same names as in auralflow_torch.

    Args:
        name: one of NETWORKS.
        num_frames: frames of the spectrograms, for networks that take them.
        dtype: of the computation.
        settings: see `auralflow_core.config.from_keywords`.

    Raises:
        InputError: an unknown network or name, a wrong type or a value out of range.

    Example:
        >>> create_network("AudioNetSimple", num_targets=2, depth=3).config.depth
        3
    """
    network = _find(name)
    sizes = {} if num_frames is None else {"num_frames": num_frames}
    return network(config=from_keywords(configuration.MODELS[name], settings), dtype=dtype, **sizes)


def _find(name: str) -> type[nn.Module]:
    if name not in NETWORKS:
        raise InputError(f"auralflow_jax has no network {name!r}; {closest(name, NETWORKS)}")
    return NETWORKS[name]
