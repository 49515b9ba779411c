"""Models' settings of other packages, and what is said at each setting."""

from typing import Annotated, ClassVar

import msgspec
import pytest

from auralflow_core.config import (
    MODELS,
    Config,
    ModelConfig,
    SpectrogramConfig,
    SpectrogramNetLSTM,
    WaveformConfig,
    doc,
    from_dict,
    from_keywords,
    override,
    register,
    template,
    to_dict,
)
from auralflow_core.config.base import Positive
from auralflow_core.config.fields import meanings, without_tensors
from auralflow_core.config.reference import leaves
from auralflow_core.config.registry import GROUPS
from auralflow_core.config.templates import read_template
from auralflow_core.errors import InputError


@pytest.fixture
def registry(monkeypatch):
    """MODELS, which forgets afterwards what a test has registered."""
    monkeypatch.setattr(MODELS, "_entries", dict(MODELS))
    return MODELS


def test_a_registered_model_is_configured_like_any_other(registry):
    @register
    class Whisper(WaveformConfig):
        loudness: Annotated[Positive, doc("features")] = 8

    assert registry["Whisper"] is Whisper
    config = from_dict({"model": {"model_type": "Whisper", "loudness": 3}})
    assert config.model == Whisper(loudness=3) and from_dict(to_dict(config)) == config
    assert config.training.loss_domain == "audio"  # as waveform networks need it
    assert override(config, {"loudness": "5"}).model == Whisper(loudness=5)
    assert read_template("Whisper") == template("Whisper") == Config(model=Whisper(), training=config.training)
    assert ("model", "loudness", "features") in [leaf[:3] for leaf in leaves()]
    for settings, words in (
        ({"loudness": 0}, "model.loudness: expected `int` >= 1, got 0"),
        ({"loudnes": 1}, "unknown key model.loudnes; did you mean 'loudness'"),
        ({"num_fft": 1}, "unknown key model.num_fft; "),
    ):
        with pytest.raises(InputError, match=words):
            from_dict({"model": {"model_type": "Whisper"} | settings})
    with pytest.raises(InputError, match="unknown model 'Whispr'; did you mean 'Whisper'"):
        from_dict({"model": {"model_type": "Whispr"}})
    with pytest.raises(InputError, match="unknown preset 'tiny' of Whisper"):
        read_template("Whisper", "tiny")


class NoFamily(ModelConfig):
    pass


class UnknownFamily(WaveformConfig):
    FAMILY: ClassVar[str] = "waves"


class ForeignFamily(WaveformConfig):
    FAMILY: ClassVar[str] = "spectrogram"


class OtherTag(WaveformConfig, tag="Other"):
    pass


class NoDefault(WaveformConfig, kw_only=True):
    loudness: int


class TakenSetting(WaveformConfig):
    batch_size: int = 3


class NoModel(msgspec.Struct):
    loudness: int = 3


class AudioNetSimple(WaveformConfig):
    loudness: int = 3


@pytest.mark.parametrize(
    ("struct", "words"),
    [
        (NoFamily, "FAMILY must be one of spectrogram, complex, audio, hybrid"),
        (UnknownFamily, "FAMILY must be one of spectrogram, complex, audio, hybrid"),
        (ForeignFamily, "the struct extend the family's own: spectrogram SpectrogramConfig"),
        (
            OtherTag,
            "OtherTag must extend SpectrogramConfig, ComplexSpectrogramConfig or WaveformConfig and leave its tag",
        ),
        (NoModel, "NoModel must extend SpectrogramConfig, ComplexSpectrogramConfig or WaveformConfig"),
        (NoDefault, "NoDefault.loudness needs a default"),
        (TakenSetting, "TakenSetting.batch_size is the name of a setting of the group training already"),
        (AudioNetSimple, "'AudioNetSimple' is the name of auralflow_core.config.networks.audio_net.AudioNetSimple"),
    ],
)
def test_other_structs_are_refused(registry, struct, words):
    before = dict(registry)
    with pytest.raises(ValueError, match=words):
        register(struct)
    assert dict(registry) == before


def test_every_setting_is_described():
    for struct in (*MODELS.values(), *GROUPS.values()):
        assert meanings(struct).keys() == set(struct.__struct_fields__)
        assert all(len(text) > 1 for text in meanings(struct).values()), struct
    assert meanings(MODELS["SpleeterNet"])["joiner"] == (
        "how the targets' masks are joined; independent, softmax, ratio"
    )


def test_a_setting_that_is_declared_again_keeps_what_is_said_of_it():
    class Low(SpectrogramConfig):
        hop_length: Positive = 100
        num_bins: Annotated[Positive, doc("bins of another kind")] = 100

    assert meanings(Low)["hop_length"] == meanings(SpectrogramConfig)["hop_length"]
    assert meanings(Low)["num_bins"] == "bins of another kind"
    assert without_tensors(Low) == without_tensors(SpectrogramConfig)


def test_settings_from_keywords():
    made = from_keywords(SpectrogramNetLSTM, {"num_fft_bins": 12, "mask_act_fn": "relu", "num_targets": 11})
    assert (made.num_bins, made.mask_activation, len(made.targets)) == (12, "relu", 11)
    assert list(made.targets) == [f"target_{index:02}" for index in range(11)]
    assert from_keywords(SpectrogramNetLSTM, {}) == SpectrogramNetLSTM()
    for arguments, words in (
        ({"num_targets": 0}, "num_targets: expected `int` from 1 to 64, got 0"),
        ({"num_targets": "2"}, "num_targets: expected `int` from 1 to 64, got '2'"),
        ({"depht": 3}, "unknown key depht; did you mean 'depth'"),
        ({"depth": 0}, "depth: expected `int` >= 1, got 0"),
        ({"mask_act_fn": "softmax"}, "mask_activation 'softmax' runs over the targets"),
    ):
        with pytest.raises(InputError, match=f"^SpectrogramNetLSTM: {words}"):
            from_keywords(SpectrogramNetLSTM, arguments)
