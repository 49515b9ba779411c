"""Loss and SI-SDR over whole validation excerpts."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from auralflow_jax.data.batches import validation_batches
from auralflow_jax.data.crops import ValidationSegments
from auralflow_jax.losses import Loss
from auralflow_jax.metrics import si_sdr_from_sums
from auralflow_jax.models.base import SeparationModel, Variables
from auralflow_jax.train.sharding import Batch, batch_sharding, replicated, shard_batch
from auralflow_jax.train.step import compare

Sums = dict[str, jax.Array]
EvalStep = Callable[[Variables, Batch, Sums], Sums]


def validate(eval_step: EvalStep, variables: Variables, segments: ValidationSegments, mesh: Mesh) -> dict:
    """Scores weights on every validation track, cut into segments of a crop's length.

    SI-SDR is that of a whole excerpt, made of sums over its segments, so that a silent passage does not count
    for as much as a loud one.

    Returns:
        `valid_loss`, and dicts from target to dB, means over the tracks in which the target sounds: `si_sdr` and,
        over those with something else to hear, `si_sdr_improvement` over the mixture. A target that is silent
        in all of them is absent; a silent estimate of one that sounds has -inf.
    """
    config = segments.config
    # Laid out as the step returns them, so that the second batch finds it compiled.
    sums = jax.device_put(empty_sums(len(segments.tracks), len(config.model.targets)), replicated(mesh))
    hosts = (jax.process_index(), jax.process_count())
    # As many at once as fit the memory while training.
    batch_size = config.training.batch_size // config.training.accumulate_steps
    for batch in validation_batches(segments, batch_size, hosts):
        sums = eval_step(variables, shard_batch(batch, mesh), sums)
    loss, estimate, mixture = read_sums(sums)
    estimate, mixture = np.asarray(estimate), np.asarray(mixture)
    sounding = ~np.isnan(estimate)
    # Where the target is all that sounds, the mixture is perfect already and nothing can improve on it.
    improvable = sounding & np.isfinite(mixture)

    def means(values: np.ndarray, counted: np.ndarray) -> dict[str, float]:
        return {
            target: round(float(values[counted[:, i], i].mean()), 4)
            for i, target in enumerate(config.model.targets)
            if counted[:, i].any()
        }

    return {
        "valid_loss": loss,
        "si_sdr": means(estimate, sounding),
        "si_sdr_improvement": means(estimate - mixture, improvable),
    }


def make_eval_step(model: SeparationModel, loss: Loss, mesh: Mesh) -> EvalStep:
    """Builds `eval_step(variables, batch, sums) -> sums`, which adds a batch of segments to the sums.

    In addition to the audio, a batch holds `track` (batch,), the index of each segment's track, and `weight` (batch,),
    its share of real audio: 0 for a segment that only fills the batch.
    """

    def eval_step(variables: Variables, batch: Batch, sums: Sums) -> Sums:
        def of_all_devices(variables: Variables, batch: Batch) -> Sums:
            own = sums_of(model, loss, variables, batch, tracks=sums["dot"].shape[0])
            return jax.lax.psum(own, mesh.axis_names)

        whole, share = PartitionSpec(), PartitionSpec(*mesh.axis_names)
        # Said outright, because XLA would give all devices the whole batch where a loss is computed item by item.
        # The check of what is equal on all devices does not know the scans of recurrent layers.
        new = jax.shard_map(of_all_devices, mesh=mesh, in_specs=(whole, share), out_specs=whole, check_vma=False)
        return jax.tree.map(jnp.add, sums, new(variables, batch))

    whole = replicated(mesh)
    return jax.jit(eval_step, donate_argnums=2, in_shardings=(whole, batch_sharding(mesh), whole), out_shardings=whole)


def sums_of(model: SeparationModel, loss: Loss, variables: Variables, batch: Batch, tracks: int) -> Sums:
    """The sums over one batch of segments, as `make_eval_step` describes it, of which the metrics are made."""
    estimate = model.apply(variables, batch["mixture"])

    def segment_loss(estimate, mixture, targets):
        batch_of_one = {"mixture": mixture[None], "targets": targets[None]}
        return compare(model, loss, jax.tree.map(lambda x: x[None], estimate), batch_of_one)

    losses = jax.vmap(segment_loss)(estimate, batch["mixture"], batch["targets"])
    samples = batch["mixture"].shape[-1]
    # A track's last segment is filled up with zeros, which an estimate smears into; the track ends before them.
    ends = jnp.round(samples * batch["weight"]).astype(jnp.int32)
    inside = jnp.arange(samples, dtype=ends.dtype)[None] < ends[:, None]  # (batch, samples)
    audio = jnp.where(inside[:, None, None], estimate.audio, 0)

    def by_track(a, b):
        products = (a * b).sum((-2, -1))  # (batch, targets)
        return jax.ops.segment_sum(products, batch["track"], tracks)

    reference, mixture = batch["targets"], batch["mixture"][:, None]
    return {
        "loss": (losses * batch["weight"]).sum(),
        "weight": batch["weight"].sum(),
        "dot": by_track(audio, reference),
        "reference": by_track(reference, reference),
        "estimate": by_track(audio, audio),
        "mixture_dot": by_track(mixture, reference),
        "mixture": by_track(mixture, mixture),
    }


def empty_sums(tracks: int, targets: int) -> Sums:
    """Zeros for `eval_step` to add to: products over whole tracks, of which the metrics are made."""
    names = ("dot", "reference", "estimate", "mixture_dot", "mixture")
    shapes = {"loss": (), "weight": ()} | dict.fromkeys(names, (tracks, targets))
    return {name: jnp.zeros(shape, jnp.float32) for name, shape in shapes.items()}


def read_sums(sums: Sums) -> tuple[float, jax.Array, jax.Array]:
    """The mean loss per segment, and SI-SDR (tracks, targets) in dB of the estimates and of the mixture."""
    estimate = si_sdr_from_sums(sums["dot"], sums["reference"], sums["estimate"])
    mixture = si_sdr_from_sums(sums["mixture_dot"], sums["reference"], sums["mixture"])
    return float(sums["loss"] / sums["weight"]), estimate, mixture
