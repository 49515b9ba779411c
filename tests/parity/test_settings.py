"""Every setting of every model has an effect: on the tensors, or on the estimate while training."""

import re

import jax
import numpy as np
import pytest
import torch

from auralflow_core.config import MODELS, ComplexSpectrogramConfig, Config, SpectrogramConfig
from auralflow_core.config.fields import choices, types_of
from auralflow_core.config.registry import FAMILIES
from auralflow_core.errors import InputError
from auralflow_jax.networks import build_network
from auralflow_torch.models import create_model
from bridge.parity.cases import small_config

# Names, what a sample stands for, what is done with whole songs, and whether memory is spared: a model's result knows
# nothing of them.
OUTSIDE = ("model_name", "sample_rate", "residual_name", "normalize_song", "remat")
SAMPLES = 56
SEQUENCES = {
    "bands": (8, 9),  # of 17 bins
    "member_shares": (1.0, 0.0, 0.0, 1.0),  # of two members and targets
    "targets": ("bass", "drums", "vocals"),
    "level_channels": (4, 6),
    "band_shares": (0.3, 0.3, 0.4),
    "band_strides": (1, 1, 4),
    "band_kernels": (1, 2, 4),
    "band_depths": (1, 2, 0),
}
STEPS = (1, -1, 2, -2, 0.3, 32, -4)  # by which numbers are changed, until the model accepts the result


def changed(model_type: str, setting: str) -> list[Config]:
    """The configurations in which a setting has other values: every choice, or another number."""
    value, kind = getattr(configuration(model_type).model, setting), types_of(MODELS[model_type])[setting]
    if choices(kind) or kind is bool:
        values = [other for other in choices(kind) or (False, True) if other != value]
    elif kind in (int, float):
        values = [*(value + step for step in STEPS), 4 * value]
    else:
        values = [SEQUENCES[setting]]
    found = []
    for other in values:
        try:
            found.append(configuration(model_type, **{setting: other}))
        except InputError:
            continue
    return found if choices(kind) else found[:1]


def configuration(model_type: str, **settings) -> Config:
    """A small model of two targets, whose recurrent layers are not as wide as they may be."""
    base = {"targets": ("bass", "vocals"), "joiner": "independent", "hidden_size": 6, "bands": (), "members": 2}
    base |= {"num_bins": 16}
    known = MODELS[model_type].__struct_fields__
    return small_config(model_type, **{name: value for name, value in base.items() if name in known} | settings)


def own_settings(model_type: str) -> list[str]:
    """The settings of a network that it does not share with the network which it extends, nor with its family."""
    struct = MODELS[model_type]
    parent = struct.__mro__[1]
    extended = parent if parent in MODELS.values() and parent.FAMILY == struct.FAMILY else FAMILIES[struct.FAMILY]
    return [name for name in struct.__struct_fields__ if name not in extended.__struct_fields__]


def observe_torch(config: Config) -> list[np.ndarray]:
    """The tensors, and the estimate of some noise while training, from fixed seeds."""
    torch.manual_seed(0)
    model = create_model(config).train()
    audio = torch.randn(2, config.model.num_channels, SAMPLES, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(2)
    return [*map(np.asarray, model.network.state_dict().values()), model.estimate(audio).audio.detach().numpy()]


def observe_jax(config: Config) -> tuple[str, bytes]:
    """The program that makes the network's tensors and its output while training, and the arrays in it."""
    model = config.model
    shape = (SAMPLES,)
    if isinstance(model, SpectrogramConfig) and model.FAMILY == "spectrogram":
        shape = (model.num_bins, model.count_frames(SAMPLES))
    elif isinstance(model, ComplexSpectrogramConfig):
        shape = (2, model.num_fft // 2 + 1, model.count_frames(SAMPLES))
    network = build_network(config)

    def run(x):
        keys = {stream: jax.random.key(0) for stream in ("params", "dropout", "noise")}
        variables = network.init(keys, x, True)
        return variables, network.apply(variables, x, True, rngs=keys, mutable=["batch_stats"])

    program = jax.make_jaxpr(run)(np.ones((2, model.num_channels, *shape), np.float32))
    text = re.sub("0x[0-9a-f]+", "", str(program))  # without addresses in memory
    return text, b"".join(np.asarray(constant).tobytes() for constant in program.consts)


@pytest.mark.parametrize("model_type", MODELS)
def test_every_setting_has_an_effect_in_torch(model_type):
    before = observe_torch(configuration(model_type))
    for again, array in zip(observe_torch(configuration(model_type)), before, strict=True):
        np.testing.assert_array_equal(again, array)
    for setting in MODELS[model_type].__struct_fields__:
        if setting not in OUTSIDE:
            configs = changed(model_type, setting)
            assert configs, setting
            for config in configs:
                after = observe_torch(config)
                assert len(before) != len(after) or not all(map(np.array_equal, before, after)), setting


@pytest.mark.parametrize("model_type", list(filter(own_settings, MODELS)))
def test_every_setting_of_a_network_has_an_effect_in_jax(model_type):
    before = observe_jax(configuration(model_type))
    assert observe_jax(configuration(model_type)) == before
    for setting in own_settings(model_type):
        assert observe_jax(changed(model_type, setting)[0]) != before, setting
