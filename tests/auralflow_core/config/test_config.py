import json

import msgspec
import pytest
from msgspec.structs import replace

from auralflow_core import config as configuration
from auralflow_core.config import (
    MODELS,
    Config,
    DatasetConfig,
    SpectrogramNetSimple,
    TrainingConfig,
    from_dict,
    override,
    template,
    to_dict,
)
from auralflow_core.errors import InputError

SIMPLE = {"model": {"model_type": "SpectrogramNetSimple"}}


@pytest.mark.parametrize("model_type", MODELS)
def test_round_trip_through_json(model_type):
    config = override(template(model_type), {"targets": "vocals,bass", "sources": '{"band": ["bass", "drums"]}'})
    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config
    assert config.model.targets == ("bass", "vocals")


def test_leaf_names_are_unique():
    for model_type in MODELS:
        groups = configuration.groups_of({"model": {"model_type": model_type}}).values()
        names = [name for group in groups for name in group.__struct_fields__]
        assert len(names) == len(set(names))


def test_absent_keys_take_their_defaults():
    assert from_dict(SIMPLE | {"training": {"lr": 0.5}}) == override(template("SpectrogramNetSimple"), {"lr": "0.5"})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"model": {"model_type": "SpectrogramNetSimpel"}},
            "unknown model 'SpectrogramNetSimpel'; did you mean 'Spectr",
        ),
        ({"model": {}}, "model.model_type is missing; known: "),
        ([], "expected an object with the groups"),
        (SIMPLE | {"trainig": {}}, "unknown group 'trainig'; did you mean 'training'"),
        (SIMPLE | {"training": {"learning": 1}}, "unknown key training.learning; "),
        (SIMPLE | {"training": {"batchsize": 1}}, "unknown key training.batchsize; did you mean 'batch_size'"),
        (SIMPLE | {"training": {"lr": "fast"}}, "training.lr: expected `float`, got 'fast'"),
        (SIMPLE | {"training": {"lr": 0}}, "training.lr: expected `float` > 0.0, got 0"),
        (SIMPLE | {"training": {"batch_size": 2.5}}, "training.batch_size: expected `int`, got 2.5"),
        (
            SIMPLE | {"training": {"criterion": "L2"}},
            "training.criterion: unknown value 'L2'; did you mean 'l2'? known: ",
        ),
        (SIMPLE | {"training": {"n_components": 4}}, "training.n_components: unknown value 4; known: 2, 3"),
        (
            SIMPLE | {"training": {"criterion": "component", "n_components": 3, "alpha": 0.5, "beta": 0.5}},
            "alpha + beta must be less than 1",
        ),
        (SIMPLE | {"dataset": {"sample_length": 0.01}}, "must hold at least 2048 samples"),
    ],
)
def test_refuses_in_words(settings, words):
    with pytest.raises(InputError) as error:
        from_dict(settings, "here")
    assert str(error.value).startswith("here: ") and words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"window_size": "4096"}, "window_size (4096) must not exceed num_fft (2048)"),
        ({"hop_length": "4096"}, "hop_length (4096) must not exceed"),
        ({"num_bins": "1026"}, "num_bins (1026) must not exceed"),
        ({"targets": ""}, "targets must name at least one"),
        ({"targets": "a,b,a"}, "targets names one twice"),
        ({"joiner": "softmax"}, "needs at least two"),
        ({"joiner": "ratio"}, "joiner 'ratio' runs over the targets and needs at least two"),
        ({"mask_activation": "softmax"}, "needs at least two"),
        ({"mask_activation": "identity"}, "needs joiner 'softmax'"),
        ({"remix": "yes"}, "dataset.remix: expected `true` or `false`, got 'yes'"),
        ({"lr": "fast"}, "training.lr: expected `float`, got 'fast'"),
        ({"sources": "[1]"}, "dataset.sources: expected `object`, got '[1]'"),
        ({"shares": "a,b"}, "dataset.shares: expected `float` - at `$[0]`, got 'a,b'"),
        ({"dropout": "0.1"}, "unknown key 'dropout' of SpectrogramNetSimple; did you mean 'dropout_p'"),
    ],
)
def test_override_refuses_in_words(changes, words):
    with pytest.raises(InputError) as error:
        override(template("SpectrogramNetSimple"), changes)
    assert words in str(error.value)


def test_override_reads_every_type():
    changed = override(
        template("SpectrogramNetSimple"),
        {
            "lr": "5e-4",
            "remix": "False",
            "samples_per_epoch": "3",
            "validation_length": "none",
            "padding": "constant",
            "n_components": "3",
            "alpha": "0",
            "beta": "0.5",
            "targets": "drums, bass",
        },
    )
    assert (changed.training.lr, changed.dataset.remix, changed.dataset.samples_per_epoch) == (5e-4, False, 3)
    assert (changed.dataset.validation_length, to_dict(changed)["model"]["padding"]) == (None, "constant")
    assert (changed.training.n_components, changed.model.targets) == (3, ("bass", "drums"))


def test_is_frozen():
    with pytest.raises(AttributeError):
        setattr(Config(model=SpectrogramNetSimple()).model, "depth", 3)  # noqa: B010
    assert msgspec.structs.replace(SpectrogramNetSimple(), depth=3).depth == 3


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_numbers_that_are_not_finite_are_refused_everywhere(tmp_path, number):
    """JSON has no such numbers: they would be written as null."""
    for change in (
        lambda: TrainingConfig(lr=number),
        lambda: DatasetConfig(shares=(1.0, number)),
        lambda: replace(DatasetConfig(), silence_db=number),
        lambda: SpectrogramNetSimple(leak_factor=number),
        lambda: from_dict({"model": {"model_type": "SpectrogramNetSimple"}, "dataset": {"gain_db": number}}),
        lambda: override(template("SpectrogramNetSimple"), {"silence_db": str(number)}),
    ):
        with pytest.raises(ValueError, match=r"is (-?inf|nan), expected a finite|expected `float` >"):
            change()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden_channels": 10**9}, "model.hidden_channels: expected `int` <= 65536, got 1000000000"),
        ({"depth": 10**9}, "model.depth: expected `int` <= 32"),
        ({"hidden_channels": 4096, "depth": 32}, "4096 channels, doubled at each of 32 levels, are 17592186044416"),
        ({"sample_rate": 2**40}, "model.sample_rate: expected `int` <= 10000000"),
        ({"num_fft": 10**400}, "model.num_fft is an integer of|model.num_fft is 1000"),
        ({"targets": [str(index) for index in range(65)]}, "targets names 65 targets; at most 64 are accepted"),
        ({"model_name": "\ud800"}, "model.model_name is '.ud800', expected Unicode text"),
        ({"x" * 9999: 1}, "unknown key model.xxx"),
        ({"padding": "x" * 9999}, "padding: unknown value 'xxx"),
        ({"padding": [["x"]]}, "padding: unknown value"),
    ],
)
def test_absurd_settings_are_refused_in_a_short_sentence(changes, words):
    with pytest.raises(InputError, match=words) as caught:
        from_dict({"model": {"model_type": "SpectrogramNetSimple", **changes}})
    assert len(str(caught.value)) < 1000


def test_an_absurd_length_is_refused():
    with pytest.raises(InputError, match=r"dataset.sample_length: expected `float` <= 86400"):
        from_dict({"model": {"model_type": "SpectrogramNetSimple"}, "dataset": {"sample_length": 1e305}})
