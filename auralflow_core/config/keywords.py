"""A model's struct of settings from the keyword arguments of its network."""

from typing import Any, TypeVar

from auralflow_core.config.model import MOST_TARGETS, ModelConfig
from auralflow_core.config.parsing import decode
from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError, shown

Model = TypeVar("Model", bound=ModelConfig)

ALIASES = {"num_fft_bins": "num_bins", "mask_act_fn": "mask_activation"}  # names of the documented torch networks


def from_keywords(struct: type[Model], arguments: dict[str, Any]) -> Model:
    """The settings of a network that is made without a configuration.

    Args:
        struct: of the network.
        arguments: settings by name, where `num_fft_bins` and `mask_act_fn` stand for `num_bins` and
            `mask_activation`, and `num_targets` for that number of targets. Missing ones take their defaults.

    Raises:
        InputError: an unknown name, a wrong type or a value out of range.

    Example:
        >>> from auralflow_core.config import AudioNetSimple
        >>> from_keywords(AudioNetSimple, {"num_targets": 2, "depth": 3}).targets
        ('target_0', 'target_1')
    """
    settings = {ALIASES.get(name, name): _plain(value) for name, value in arguments.items()}
    if "num_targets" in settings:
        settings["targets"] = _unnamed_targets(settings.pop("num_targets"), struct.__name__)
    return decode(struct, settings, struct.__name__)


def config_or_keywords(struct: type[Model], config: Model | None, arguments: dict[str, Any]) -> Model:
    """The settings of a network that was called with a struct of them, or with keyword arguments.

    Raises:
        InputError: both, a struct of another network, or see `from_keywords`.
    """
    if config is None:
        return from_keywords(struct, arguments)
    if not isinstance(config, struct):
        raise InputError(
            f"{struct.__name__}: config is {with_article(type(config).__name__)}, expected the settings, an object of "
            f"auralflow_core.config.{struct.__name__}, or keyword arguments"
        )
    if arguments:
        raise InputError(f"{struct.__name__}: called with a config and with {', '.join(arguments)}; one is accepted")
    return config


def _unnamed_targets(number: Any, origin: str) -> list[str]:
    if not isinstance(number, int) or not 1 <= number <= MOST_TARGETS:
        raise InputError(f"{origin}: num_targets: expected `int` from 1 to {MOST_TARGETS}, got {shown(number)}")
    digits = len(str(number - 1))  # so that sorting keeps the order
    return [f"target_{index:0{digits}}" for index in range(number)]


def _plain(value: Any) -> Any:
    """A number of numpy as Python's own, a tuple as a list."""
    value = value.item() if hasattr(value, "item") else value
    return list(value) if isinstance(value, tuple) else value
