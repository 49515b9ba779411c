from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from msgspec.structs import replace

from auralflow_core.config.training import Criterion
from auralflow_core.errors import InputError
from auralflow_jax.losses import make_loss
from auralflow_jax.models.registry import build
from auralflow_jax.train.optimizer import make_optimizer
from auralflow_jax.train.sharding import make_mesh, shard_batch
from auralflow_jax.train.state import new_state
from auralflow_jax.train.step import average, compare, make_train_step
from auralflow_jax.train.validation import make_eval_step, read_sums

SAMPLES = 6000
LR = 0.01


class Setup:
    """A model with everything that a step needs, and a fresh state."""

    def __init__(self, config):
        self.config, self.mesh = config, make_mesh()
        self.model = build(config)
        self.criterion = make_loss(config.training, self.model.represent)
        self.optimizer = make_optimizer(config.training, total_steps=1000)
        self.step = make_train_step(self.model, self.criterion, self.optimizer, ema_decay=config.training.ema_decay)
        self.variables = jax.device_get(jax.jit(self.model.init, static_argnums=1)(jax.random.key(0), SAMPLES))

    def state(self):
        return new_state(jax.tree.map(jnp.array, self.variables), self.optimizer)

    def batch(self, seed=0, size=4):
        rng = np.random.default_rng(seed)
        shape = (size, len(self.config.model.targets), self.config.model.num_channels, SAMPLES)
        targets = rng.standard_normal(shape).astype(np.float32)
        mixture = targets.sum(1) + rng.standard_normal(targets.sum(1).shape).astype(np.float32)
        return shard_batch({"mixture": mixture, "targets": targets}, self.mesh)

    def loss(self, variables, batch, key=None):
        """By way of the model's parts, for the criterion l1 on spectra."""
        spectrum = self.model.represent(batch["mixture"][:, None]).spectrum
        bins = self.config.model.num_bins
        rngs = None if key is None else {"dropout": key}
        (mask, _), _ = self.model.network.apply(
            variables, spectrum[:, 0, :, :bins], True, rngs=rngs, mutable=["batch_stats"]
        )
        truth = self.model.represent(batch["targets"]).spectrum
        error = jnp.abs(mask * spectrum[..., :bins, :] - truth[..., :bins, :])
        return (error.sum() + truth[..., bins:, :].sum()) / truth.size  # above the masks there is nothing


@pytest.fixture(scope="module")
def plain(tiny_config):
    """Without dropout and warm-up."""
    return replace(
        tiny_config,
        model=replace(tiny_config.model, dropout_p=0.0),
        training=replace(tiny_config.training, lr=LR, warmup_steps=0, lr_schedule="constant"),
    )


@pytest.fixture(scope="module")
def setup(plain):
    return Setup(plain)


def flat(tree):
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def test_steps_move_every_weight_in_one_compiled_and_donated_program(setup):
    state = setup.state()
    for seed in range(4):
        before, counted = state, int(state.step)
        state, metrics = setup.step(state, setup.batch(seed))
        assert metrics.keys() == {"loss", "grad_norm"}
        assert all(value.shape == () and np.isfinite(value) for value in metrics.values())
        assert int(state.step) == counted + 1
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(before))
    assert setup.step._cache_size() == 1
    for name, value in flat({"params": state.params, "batch_stats": state.batch_stats}).items():
        assert value.dtype == np.float32 and np.all(np.isfinite(value))
        assert not np.array_equal(value, flat(setup.variables)[name]), name


def test_one_step_is_clipped_adamw_on_the_gradient_of_the_loss(setup):
    batch, training = setup.batch(), setup.config.training
    variables = jax.tree.map(jnp.array, setup.variables)
    loss, gradient = jax.jit(jax.value_and_grad(lambda params: setup.loss(variables | {"params": params}, batch)))(
        variables["params"]
    )
    state, metrics = setup.step(setup.state(), batch)
    gradient, params = flat(gradient), flat(variables["params"])
    norm = np.sqrt(sum(np.sum(np.square(value, dtype=np.float64)) for value in gradient.values()))
    assert float(metrics["loss"]) == pytest.approx(float(loss), rel=1e-5)
    assert float(metrics["grad_norm"]) == pytest.approx(norm, rel=1e-4)
    for name, value in flat(state.params).items():
        # AdamW's very first step: the moments are the gradient and its square.
        clipped = gradient[name] * min(1, training.max_grad_norm / norm)
        expected = params[name] - LR * (clipped / (np.abs(clipped) + 1e-8) + training.weight_decay * params[name])
        clear = np.abs(clipped) > 1e-5  # where rounding does not decide on the sign
        assert clear.mean() > 0.5, name
        np.testing.assert_allclose(value[clear], expected[clear], rtol=0, atol=1e-3 * LR)
        assert np.all(np.abs(value - params[name]) <= 1.01 * LR)


def test_the_plateau_scales_the_whole_update(setup):
    whole, _ = setup.step(setup.state(), setup.batch())
    quarter, _ = setup.step(setup.state().replace(lr_scale=jnp.float32(0.25)), setup.batch())
    for start, one, other in zip(
        *map(jax.tree.leaves, (setup.variables["params"], whole.params, quarter.params)), strict=True
    ):
        np.testing.assert_allclose(0.25 * (one - start), other - start, atol=1e-6)


def test_the_average_follows_its_formula(setup):
    state, expected = setup.state(), flat(setup.variables)
    for step in range(3):
        state, _ = setup.step(state, setup.batch(step))
        decay = (1 + step) / (10 + step)
        new = flat({"params": state.params, "batch_stats": state.batch_stats})
        expected = {name: decay * old + (1 - decay) * new[name] for name, old in expected.items()}
    for name, value in flat(state.ema).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-7)


def test_the_averages_decay_rises_to_what_is_configured_and_none_means_none():
    old, new = {"a": jnp.ones(3)}, {"a": jnp.full(3, 2.0)}
    for step, decay, expected in [(0, 0.9, 0.1), (80, 0.9, 0.9), (10**6, 0.999, 0.999), (10**6, 0.0, 0.0)]:
        np.testing.assert_allclose(average(old, new, jnp.int32(step), decay)["a"], 2 - expected, rtol=1e-6)


def test_dropout_depends_on_the_seed_and_the_step_alone(tiny_config):
    setup = Setup(replace(tiny_config, model=replace(tiny_config.model, dropout_p=0.5)))
    batch = setup.batch()

    def loss(step):
        return float(setup.step(setup.state().replace(step=jnp.int32(step)), batch)[1]["loss"])

    losses = [loss(step) for step in (0, 1, 2)]
    assert losses == [loss(step) for step in (0, 1, 2)]
    assert len(set(losses)) == 3
    other = make_train_step(setup.model, setup.criterion, setup.optimizer, seed=1, ema_decay=0.999)
    assert float(other(setup.state(), batch)[1]["loss"]) not in losses


def test_the_optimizer_is_told_the_loss(setup):
    keeps_value = optax.GradientTransformationExtraArgs(
        lambda params: jnp.zeros(()), lambda updates, state, params=None, *, value, **others: (updates, value)
    )
    optimizer = optax.chain(optax.sgd(0.1), keeps_value)
    step = make_train_step(setup.model, setup.criterion, optimizer)
    state = new_state(jax.tree.map(jnp.array, setup.variables), optimizer)
    for seed in range(2):
        state, metrics = step(state, setup.batch(seed))
        assert float(state.opt_state[1]) == float(metrics["loss"]) > 0


def test_shardings_are_the_callers_where_they_are_given(setup):
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    step = make_train_step(
        setup.model, setup.criterion, setup.optimizer, ema_decay=0.999, state_sharding=place, batch_sharding=place
    )
    batch = jax.device_put(setup.batch(), place)
    state, metrics = step(jax.device_put(setup.state(), place), batch)
    expected, expected_metrics = setup.step(setup.state(), setup.batch())
    assert {leaf.sharding for leaf in jax.tree.leaves(state)} == {place}
    assert flat(metrics) == flat(expected_metrics)
    for name, value in flat(state).items():
        np.testing.assert_array_equal(value, flat(expected)[name])


def test_bfloat16_computes_with_float32_parameters_and_learns(plain, setup):
    narrow = Setup(replace(plain, training=replace(plain.training, precision="bfloat16")))
    batch = setup.batch()
    program = str(jax.make_jaxpr(lambda: narrow.model.apply(narrow.variables, batch["mixture"]).mask)())
    assert "bf16" in program and "conv_general_dilated" in program
    state, losses = narrow.state(), []
    for _ in range(12):
        state, metrics = narrow.step(state, batch)
        losses.append(float(metrics["loss"]))
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves((state.params, state.batch_stats, state.ema)))
    assert losses[0] == pytest.approx(float(setup.step(setup.state(), batch)[1]["loss"]), rel=0.01)
    assert losses[-1] < 0.98 * losses[0]


CRITERIA = [
    {"criterion": "l1"},
    {"criterion": "l1", "loss_domain": "audio"},
    {"criterion": "l2"},
    {"criterion": "mask", "mask_loss_fn": "l2"},
    {"criterion": "component"},
    {"criterion": "component", "n_components": 3, "alpha": 0.2, "beta": 0.3},
    {"criterion": "si_sdr"},
    {"criterion": "multi_resolution_stft"},
]


def test_the_gradient_of_every_criterion_is_the_way_down(plain):
    """For a stereo model of two targets: a small step along the gradient lowers each loss by what it promises."""
    assert {changes["criterion"] for changes in CRITERIA} == set(get_args(Criterion))
    setup = Setup(
        replace(
            plain,
            model=replace(plain.model, targets=("vocals", "drums"), num_channels=2, joiner="ratio", high_bins="last"),
        )
    )
    criteria = [make_loss(replace(plain.training, **changes), setup.model.represent) for changes in CRITERIA]

    @jax.jit
    def losses(params, batch):
        variables = {"params": params, "batch_stats": setup.variables["batch_stats"]}
        estimate, _ = setup.model.apply_and_update(variables, batch["mixture"], True)
        return jnp.stack([compare(setup.model, criterion, estimate, batch) for criterion in criteria])

    gradients = jax.jit(jax.jacrev(losses))
    params, batch = setup.variables["params"], setup.batch(size=2)
    start, slopes = losses(params, batch), gradients(params, batch)
    for index, changes in enumerate(CRITERIA):
        slope = jax.tree.map(lambda value, index=index: value[index], slopes)
        norm = float(optax.tree.norm(slope))
        lower = losses(jax.tree.map(lambda p, g, norm=norm: p - 2e-3 * g / norm, params, slope), batch)[index]
        assert start[index] - lower == pytest.approx(2e-3 * norm, rel=0.1), changes
    silence = jax.tree.map(jnp.zeros_like, batch)
    for value in jax.tree.leaves((losses(params, silence), gradients(params, silence))):
        assert np.all(np.isfinite(value))


def test_a_segments_share_of_a_validation_is_what_it_holds_of_its_track(setup):
    """Two tracks, of 1.5 segments and of one, and a segment that only fills the batch."""
    batch = {name: np.array(value) for name, value in setup.batch(size=4).items()}
    batch["mixture"][1, ..., SAMPLES // 2 :] = batch["targets"][1, ..., SAMPLES // 2 :] = 0
    batch["mixture"][3] = batch["targets"][3] = 0
    weights = np.array([1, 0.5, 1, 0], np.float32)
    named = batch | {"track": np.array([0, 0, 1, 0], np.int32), "weight": weights}
    variables = jax.tree.map(jnp.array, setup.variables)
    zeros = {name: jnp.zeros((2, 1)) for name in ("dot", "reference", "estimate", "mixture_dot", "mixture")}
    sums = {"loss": jnp.zeros(()), "weight": jnp.zeros(())} | zeros
    loss, _, _ = read_sums(
        make_eval_step(setup.model, setup.criterion, setup.mesh)(variables, shard_batch(named, setup.mesh), sums)
    )

    estimates = jax.jit(setup.model.apply)(variables, batch["mixture"])
    truth = setup.model.represent(jnp.asarray(batch["targets"])).spectrum
    each = np.abs(np.asarray(estimates.spectrum) - np.asarray(truth)).mean((1, 2, 3, 4))
    assert loss == pytest.approx((each * weights).sum() / 2.5, rel=1e-5)


def test_a_batch_that_a_loss_could_broadcast_is_refused(plain):
    """By a step with a loss of the caller's, which checks nothing."""
    setup = Setup(plain)
    step = make_train_step(
        setup.model, lambda estimate, truth, _: (estimate.audio - truth.audio).mean(), setup.optimizer
    )
    state = setup.state()
    for change, message in (
        ({"targets": None}, "a batch holds 'mixture' and lacks 'targets'"),
        ({"mixture": None}, "a batch holds 'targets' and lacks 'mixture'"),
        ({"targets": (4, 3, 1, SAMPLES)}, r"targets \(4, 3, 1, 6000\), expected .* with 1 target"),
        ({"mixture": (4, SAMPLES)}, r"mixture \(4, 6000\) and .*, expected \(batch, channels, samples\)"),
    ):
        shapes = {"mixture": (4, 1, SAMPLES), "targets": (4, 1, 1, SAMPLES)} | change
        with pytest.raises(InputError, match=message):
            step(state, {name: np.zeros(shape, np.float32) for name, shape in shapes.items() if shape})
