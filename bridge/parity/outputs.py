"""The same audio through both networks, module by module."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np

from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.weights.names import to_torch, torch_module

TOLERANCE = 1e-5  # in float32
ROUNDING = 1e-4  # in float32, of networks that are the same in float64
EXACT = 1e-10  # in float64
END = "estimate."  # starts the names of the rows that compare end to end


class Difference(NamedTuple):
    """How far two outputs are apart.

    Attributes:
        name: torch name of a module, or END and what the whole model estimates: mask, audio.
        largest: largest absolute value of the flax output.
        absolute: largest absolute difference.
    """

    name: str
    largest: float
    absolute: float

    @property
    def relative(self) -> float:
        """The difference as a share of the largest value, where that exceeds 1, as float32 rounds; else absolute."""
        return self.absolute / max(self.largest, 1.0) if np.isfinite(self.absolute) else self.absolute


def compare_networks(
    config: Config,
    variables: dict[str, Any],
    state: Mapping[str, np.ndarray] | None = None,
    origin: str = "state dict",
    precision: str = "float32",
) -> list[Difference]:
    """Runs a network in both frameworks on `probe`, in evaluation mode, with the same front end.

    Masks that meet as a ratio of powers are compared, and applied, before they meet. A family without masks has no row
    for them.

    Args:
        config: what built the network.
        variables: of the flax network.
        state: of the torch network; default: the converted variables.
        origin: where `state` comes from, for messages.
        precision: float32, or float64, which tells a difference from rounding.

    Returns:
        A row for each module that both have, in the order in which torch calls them, then the whole model's mask and
        audio, as far as the family has them.

    Raises:
        InputError: tensors that do not fit the network.
    """
    import jax

    from auralflow_jax.models.base import abstract_variables
    from auralflow_jax.models.registry import build
    from auralflow_jax.weights import check_fits

    check_fits(variables, abstract_variables(config), "the flax variables")
    state = to_torch(variables) if state is None else state
    model, mixture = build(_conditioned(config)), probe(config)[None].astype(precision)
    variables = jax.tree.map(lambda array: np.asarray(array, precision), variables)
    with jax.default_matmul_precision("highest"), jax.enable_x64(precision == "float64"):
        flax = FlaxCalls(model.network.clone(dtype=precision))
        ours = dataclasses.replace(model, network=flax).apply(variables, cast("jax.Array", mixture))
        torch = TorchCalls(config, state, origin, precision)
        theirs = dataclasses.replace(model, network=torch).apply(variables, cast("jax.Array", mixture))
    rows = [difference(name, flax.outputs[name], torch.outputs[name]) for name in torch.outputs if name in flax.outputs]
    return rows + [
        difference(END + field, np.asarray(getattr(ours, field)), np.asarray(getattr(theirs, field)))
        for field in ("mask", "audio")
        if getattr(ours, field) is not None
    ]


def _conditioned(config: Config) -> Config:
    """The configuration with masks that nothing joins in a way that magnifies rounding."""
    replace = msgspec.structs.replace
    if getattr(config.model, "joiner", None) == "ratio":  # where no target claims a bin, 1e-6 in the masks becomes 1e-3
        return replace(config, model=replace(config.model, joiner="independent"))
    return config


def probe(config: Config) -> np.ndarray:
    """Audio to compare networks on: a sweep over all frequencies in noise, as long as a crop.

    Returns:
        (channels, samples), the same at every call.
    """
    samples, channels = config.crop_samples, config.model.num_channels
    # An exponential sweep from 20 Hz to half the sample rate (Farina 2000).
    octaves = np.log(config.model.sample_rate / 2 / 20)
    seconds = samples / config.model.sample_rate
    sweep = np.sin(2 * np.pi * 20 * seconds / octaves * np.exp(np.linspace(0, octaves, samples)))
    noise = np.random.default_rng(0).standard_normal((channels, samples))
    return (0.3 * sweep + 0.1 * noise).clip(-1, 1).astype(np.float32)


def difference(name: str, flax: np.ndarray, torch: np.ndarray) -> Difference:
    """Compares two outputs, of which the flax one may have its channels last and the torch one second.

    The values show the layout: the nearer of both readings counts, as the wrong one is far off.
    """
    if flax.size != torch.size:
        raise InputError(
            f"module {name!r} returns {flax.shape} in flax and {torch.shape} in torch, expected the same "
            "number of values"
        )
    readings = [flax, np.moveaxis(flax, -1, 1)] if flax.ndim > 1 else [flax]
    distances = [float(np.abs(reading.reshape(torch.shape) - torch).max()) for reading in readings]
    # Not a number is a difference, too: inf, so that it is never the nearer one.
    return Difference(name, float(np.abs(flax).max()), min(np.inf if np.isnan(value) else value for value in distances))


class FlaxCalls:
    """A flax network in the place of itself, which keeps what its modules return."""

    def __init__(self, network):
        self.network = network
        self.outputs: dict[str, np.ndarray] = {}

    def apply(self, variables: Mapping, inputs: Any, train: bool, **_) -> tuple[tuple, dict]:
        """As of a linen module: output and latent, and no updated statistics."""
        from flax.traverse_util import flatten_dict

        returned, kept = self.network.apply(
            variables, inputs, train, capture_intermediates=True, mutable=["intermediates"]
        )
        for path, outputs in flatten_dict(kept["intermediates"]).items():
            *modules, _ = path
            # The last of several, as a call of a subclass ends behind that of the class it extends.
            if modules and (array := _array(cast(tuple, outputs)[-1])) is not None:
                self.outputs[".".join(map(torch_module, modules))] = array
        return returned, {}


class TorchCalls:
    """The torch twin in the place of a flax network, which keeps what its modules return."""

    def __init__(self, config: Config, state: Mapping[str, np.ndarray], origin: str, precision: str):
        import torch

        from auralflow_torch.networks import build_network
        from auralflow_torch.weights import load_state

        self.outputs: dict[str, np.ndarray] = {}
        self.network = build_network(config).eval()
        load_state(self.network, state, origin)
        self.network.to(getattr(torch, precision))
        for name, module in self.network.named_modules():
            if name:
                module.register_forward_hook(lambda _, __, output, name=name: self._keep(name, output))

    def _keep(self, name: str, output: Any) -> None:
        if (array := _array(output)) is not None:
            self.outputs[name] = array

    def apply(self, variables: Mapping, inputs: Any, train: bool, **_) -> tuple[tuple, dict]:
        """As of a linen module; the torch network's own weights are used."""
        import torch

        with torch.inference_mode():
            output = self.network(torch.from_numpy(np.array(inputs)))
        batch, *rest = inputs.shape
        # torch leaves the targets' axis out where there is one target
        return (output.numpy().reshape(batch, -1, *rest), None), {}


def _array(output: Any) -> np.ndarray | None:
    """The output of a module as one array; the first of several, which an LSTM returns."""
    output = output[0] if isinstance(output, tuple | list) else output
    if output is None:
        return None
    return output.numpy(force=True) if hasattr(output, "detach") else np.asarray(output)
