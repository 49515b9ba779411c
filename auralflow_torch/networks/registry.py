"""The torch networks by name, those of other packages included."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
from torch import Tensor, nn

from auralflow_core import config as configuration
from auralflow_core.config import Config, ModelConfig, from_keywords
from auralflow_core.config.contract import check_call, name_of
from auralflow_core.config.usage import check_used
from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError, closest
from auralflow_core.registry import Registry
from auralflow_core.structs import decode
from auralflow_core.weights.size import check_memory
from auralflow_torch.networks.shapes import Shape, state_shapes


class Network(nn.Module):
    """For type checkers: a module with the method that models call; networks need not inherit from it."""

    estimate: Callable[..., tuple[Tensor, tuple[Tensor, Tensor] | None]]  # see `register`


NETWORKS: Registry[Callable[..., nn.Module]] = Registry("auralflow.networks.torch")


def register(name: str, network: Callable[..., nn.Module], config_struct: type[ModelConfig]) -> None:
    """Adds a network, and its struct of settings.

    Args:
        name: the struct's.
        network: a class, or a function that makes the module, called as `network(config, **config.sizes(samples))`.
            The module has `forward(x)`, and `estimate(x, noise=None)`, which returns the same, and mu and sigma of a
            latent variable or None. See `ModelConfig.FAMILY` for the shapes; for a single target there is no axis of
            targets.
        config_struct: see `auralflow_core.config.register`.

    Raises:
        ValueError: the network does not use a setting, the struct is not as it must be, or the name is taken.
    """
    if name != config_struct.__name__:
        raise ValueError(f"the network {name!r} and its struct {config_struct.__name__!r} must have the same name")
    check_used(network, config_struct)
    configuration.register(config_struct)
    NETWORKS.add(name, network)


def build_network(config: Config) -> Network:
    """The network that a configuration describes, with fresh weights.

    Raises:
        InputError: the model has no network in torch, or one that is not as `register` says; or the machine could not
            hold it.
    """
    network, sizes = _find(type(config.model).__name__), config.model.sizes(config.crop_samples)
    shapes = network_shapes(config) or {}
    check_memory((tensor.shape for tensor in shapes.values()), type(config.model).__name__)
    return _make(network, config.model, sizes)


def network_shapes(config: Config) -> dict[str, Shape] | None:
    """The shapes and types in the state dict of a configuration's network; see `state_shapes`.

    Raises:
        InputError: the model has no network in torch.
    """
    model = config.model
    return _shapes(_find(type(model).__name__), type(model), msgspec.json.encode(model), config.crop_samples)


@functools.lru_cache(maxsize=1)  # loading asks once for the tensors of a file, and once for the machine's memory
def _shapes(
    network: Callable[..., nn.Module], kind: type[ModelConfig], settings: bytes, samples: int
) -> dict[str, Shape] | None:
    model = decode(settings, kind)
    return state_shapes(lambda: _make(network, model, model.sizes(samples)))


def _make(network: Callable[..., nn.Module], model: ModelConfig, sizes: Mapping[str, Any]) -> Network:
    """Makes a network, and checks that it has what models use."""
    check_call(network, name_of(network), "config", **sizes)
    made = network(model, **sizes)
    if not isinstance(made, nn.Module):
        raise InputError(f"{name_of(network)} made {with_article(type(made).__name__)}, expected a torch.nn.Module")
    check_call(getattr(made, "forward", None), f"{name_of(made)}.forward", "x")
    check_call(getattr(made, "estimate", None), f"{name_of(made)}.estimate", "x", "noise")
    if next(made.parameters(), None) is None:
        raise InputError(f"{name_of(made)} has no parameters, expected a network with some")
    return cast(Network, made)


def create_network(name: str, *, num_frames: int | None = None, **settings) -> nn.Module:
    """A network made of keyword arguments, under the same names as in auralflow_jax, with fresh weights.

    Args:
        name: one of NETWORKS.
        num_frames: frames of the spectrograms, for networks that take them.
        settings: see `auralflow_core.config.from_keywords`.

    Raises:
        InputError: an unknown network or name, a wrong type or a value out of range.

    Example:
        >>> create_network("AudioNetSimple", num_targets=2, hidden_channels=2, depth=3).config.depth
        3
    """
    network = _find(name)
    sizes = {} if num_frames is None else {"num_frames": num_frames}
    return network(from_keywords(configuration.MODELS[name], settings), **sizes)


def _find(name: str) -> Callable[..., nn.Module]:
    if name not in NETWORKS:
        raise InputError(f"auralflow_torch has no network {name!r}; {closest(name, NETWORKS)}")
    return NETWORKS[name]
