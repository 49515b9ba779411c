"""Separation models as pytrees; that they compute what the torch ones do is tested in tests/parity."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from msgspec.structs import replace

import auralflow_jax
from auralflow_core.config import MODELS, from_dict, to_dict
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_jax.models import SpectrogramMaskModel
from auralflow_jax.models.base import FAMILIES, abstract_variables, build


@pytest.fixture(scope="module")
def model(tiny_config):
    return auralflow_jax.create_model(replace(tiny_config, model=replace(tiny_config.model, dropout_p=0.5)))


@pytest.fixture(scope="module")
def mixture():
    return np.random.default_rng(0).uniform(-1, 1, (2, 1, 6000)).astype(np.float32)


def energy(model, mixture):
    return jnp.mean(jnp.square(model.estimate(mixture).audio))


def test_a_model_of_a_config_of_a_dict_or_of_a_file(tiny_config, tmp_path):
    folder = ModelFolder(tmp_path / "model")
    folder.save_config(tiny_config)
    given = (tiny_config, to_dict(tiny_config), json.loads(json.dumps(to_dict(tiny_config))))
    models = [auralflow_jax.create_model(source) for source in (*given, folder.path, str(folder.config_file))]
    for made in models:
        assert type(made) is SpectrogramMaskModel and made.settings == tiny_config
        assert jax.tree.structure(made) == jax.tree.structure(models[0])
        for ours, first in zip(jax.tree.leaves(made), jax.tree.leaves(models[0]), strict=True):
            np.testing.assert_array_equal(ours, first)
    assert (made.targets, made.sample_rate, made.num_channels) == (("vocals",), 8000, 1)
    with pytest.raises(InputError, match="nowhere.json: cannot be read"):
        auralflow_jax.create_model("nowhere.json")


def test_settings_are_hashable_though_they_hold_dicts(tiny_config):
    named, other = (
        replace(tiny_config, dataset=replace(tiny_config.dataset, sources=dict(pairs)))
        for pairs in ([("a", ("bass",)), ("b", ("drums",))], [("b", ("drums",)), ("a", ("bass",))])
    )
    assert named == other and hash(named) == hash(other) and hash(named) != hash(tiny_config)


@pytest.mark.parametrize("name", MODELS)
def test_every_network_has_a_family_and_abstract_variables(name):
    config = from_dict({"model": {"model_type": name}})
    made = build(config)
    assert type(made) is FAMILIES[config.model.FAMILY] and made.variables is None
    shapes = abstract_variables(config)
    assert shapes.keys() == {"params", "batch_stats"}
    assert all(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(shapes))


def test_variables_are_the_leaves_and_the_rest_is_static(model):
    assert len(jax.tree.leaves(model)) == len(jax.tree.leaves(model.variables)) > 10
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(model)]
    assert all(path.startswith((".variables['params']", ".variables['batch_stats']")) for path in paths)
    doubled = jax.tree.map(lambda leaf: 2 * leaf, model)
    assert type(doubled) is type(model) and doubled.settings is model.settings
    np.testing.assert_array_equal(
        doubled.variables["params"]["head"]["bias"], 2 * model.variables["params"]["head"]["bias"]
    )
    with pytest.raises(AttributeError):
        model.variables = {}


def test_jit_compiles_once_for_all_models_of_the_same_settings(model, mixture):
    compiled = jax.jit(energy)
    other = model.replace(variables=model.init(jax.random.key(5)))
    assert compiled(model, mixture) == pytest.approx(float(energy(model, mixture)), rel=1e-5)
    assert compiled(other, mixture) == pytest.approx(float(energy(other, mixture)), rel=1e-5)
    assert compiled._cache_size() == 1  # pyright: ignore[reportAttributeAccessIssue]
    compiled(auralflow_jax.create_model(replace(model.settings, model=replace(model.settings.model, depth=2))), mixture)
    assert compiled._cache_size() == 2  # pyright: ignore[reportAttributeAccessIssue]


def test_grad_by_a_model_is_a_model(model, mixture):
    gradients = jax.jit(jax.grad(energy))(model, mixture)
    assert jax.tree.structure(gradients) == jax.tree.structure(model)
    # Against the slope along the gradient itself, in float64, where a difference is precise.
    with jax.enable_x64(True):
        exact = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), (model, gradients))
        step = 1e-4 / sum(float(jnp.sum(leaf**2)) for leaf in jax.tree.leaves(exact[1])) ** 0.5
        wide = jnp.asarray(mixture, jnp.float64)
        ends = [energy(jax.tree.map(lambda x, by, sign=sign: x + sign * step * by, *exact), wide) for sign in (1, -1)]
        slope = float(ends[0] - ends[1]) / (2 * step)
    expected = sum(float(jnp.sum(leaf**2)) for leaf in jax.tree.leaves(gradients))
    assert slope == pytest.approx(expected, rel=1e-3) and expected > 0


def test_vmap_over_a_stack_of_models(model, mixture):
    models = [model.replace(variables=model.init(jax.random.key(seed))) for seed in range(3)]
    stack = jax.tree.map(lambda *leaves: jnp.stack(leaves), *models)
    found = jax.jit(jax.vmap(energy, in_axes=(0, None)))(stack, mixture)
    np.testing.assert_allclose(found, [energy(one, mixture) for one in models], rtol=1e-4)


def test_a_short_repr(model):
    text = "SpectrogramMaskModel(SpectrogramNetSimple, targets=('vocals',), sample_rate=8000, num_channels=1"
    assert repr(model) == f"{text}, {sum(leaf.size for leaf in jax.tree.leaves(model.variables['params']))} parameters)"
    assert repr(build(model.settings)) == f"{text}, 0 parameters)"


def test_apply_trains_and_estimate_evaluates(model, mixture):
    estimate = model.estimate(mixture)
    assert estimate.audio.shape == (2, 1, 1, 6000)
    np.testing.assert_array_equal(model.apply(model.variables, mixture).audio, estimate.audio)
    keys = jax.random.split(jax.random.key(1))
    drawn = [np.asarray(model.apply(model.variables, mixture, train=True, key=key).audio) for key in keys]
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-4  # dropout
    known = model.represent(estimate.audio)
    assert known.mask is None and known.spectrum.shape == estimate.spectrum.shape


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        (np.zeros((1, 6000), np.float32), r"audio must be floating point, \(batch, channels, samples\), got float32"),
        (np.zeros((1, 1, 6000), np.int16), "audio must be floating point.*audio / 32768"),
        (np.zeros((1, 2, 6000), np.float32), "audio must have 1 channel, got 2"),
    ],
)
def test_audio_of_another_layout_is_refused_also_under_jit(model, audio, words):
    for estimate in (model.estimate, jax.jit(lambda audio: model.estimate(audio).audio)):
        with pytest.raises(InputError, match=words):
            estimate(audio)


def test_a_model_without_variables_says_so(model, mixture, tmp_path):
    bare = build(model.settings)
    for call in (lambda: bare.estimate(mixture), lambda: bare.separate(mixture[0]), lambda: bare.save(tmp_path / "a")):
        with pytest.raises(InputError, match=r"no variables; model.replace\(variables=model.init\(key\)\)"):
            call()


def test_a_saved_model_comes_back(model, mixture, tmp_path):
    folder = ModelFolder(tmp_path / "deep" / "model")
    model.save(folder.path, {"epoch": 3})
    assert sorted(path.name for path in folder.path.rglob("*")) == ["best.safetensors", "checkpoint", "config.json"]
    assert [path.name for path in folder.path.parent.iterdir()] == ["model"]
    loaded = auralflow_jax.load(folder.path)
    assert loaded.settings == model.settings == folder.load_config()
    np.testing.assert_array_equal(loaded.estimate(mixture).audio, model.estimate(mixture).audio)
    other = model.replace(variables=model.init(jax.random.key(9)))
    other.save(folder.path)  # what an earlier call wrote is replaced
    again = auralflow_jax.load(folder.weights, device="cpu")
    np.testing.assert_array_equal(again.estimate(mixture).audio, other.estimate(mixture).audio)


def test_what_is_no_place_for_a_model_is_left_alone(model, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("kept")
    with pytest.raises(InputError, match="notes: exists already and is no model folder"):
        model.save(tmp_path / "notes")
    with pytest.raises(InputError, match="a.txt: exists already and is no model folder"):
        model.save(tmp_path / "notes/a.txt")
    folder = ModelFolder(tmp_path / "run")
    model.save(folder.path)
    (folder.checkpoint / "4").mkdir()
    before = folder.weights.read_bytes()
    with pytest.raises(InputError, match="checkpoint: holds a training run, and best.safetensors belongs to it"):
        model.replace(variables=model.init(jax.random.key(1))).save(folder.path)
    assert folder.weights.read_bytes() == before and (tmp_path / "notes/a.txt").read_text() == "kept"
    with pytest.raises(InputError, match="device 'abacus' cannot be used"):
        auralflow_jax.load(folder.path, device="abacus")
