"""Loss and SI-SDR over whole validation excerpts."""

from collections.abc import Sequence

import jax
import numpy as np

from auralflow_core.config import Config
from auralflow_core.data.track import Track
from auralflow_jax.data.batches import validation_segments
from auralflow_jax.models.base import Variables
from auralflow_jax.train.sharding import put
from auralflow_jax.train.step import empty_sums, read_sums


def validate(eval_step, variables: Variables, tracks: Sequence[Track], config: Config, mesh) -> dict:
    """Scores weights on every validation track, cut into segments of a crop's length.

    SI-SDR is that of a whole excerpt, made of sums over its segments, so that a silent passage does not count
    for as much as a loud one.

    Returns:
        `valid_loss`, and dicts from target to dB, means over the tracks in which the target sounds: `si_sdr` and,
        over those with something else to hear, `si_sdr_improvement` over the mixture. A target that is silent
        in all of them is absent; a silent estimate of one that sounds has -inf.
    """
    sums = empty_sums(len(tracks), len(config.model.targets))
    hosts = (jax.process_index(), jax.process_count())
    for batch in validation_segments(tracks, config, config.training.batch_size, hosts):
        sums = eval_step(variables, put(batch, mesh), sums)
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
