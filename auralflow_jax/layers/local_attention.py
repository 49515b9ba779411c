"""Attention that prefers near steps."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from auralflow_core.config.networks.h_demucs import HEADS
from auralflow_jax.layers.conv1d import Conv1d

DECAYS = 4  # penalties of each query: times 1, 2, ... of the distance
START = -2.0  # bias of the penalties, whose sigmoid is small at first
ITSELF = -100.0  # score of a step with itself


class LocalAttention(nn.Module):
    """Attention of each step to all others, whose scores fall with the distance at a rate that the step chooses; added
    to what goes in (Défossez 2021, "Hybrid spectrogram and waveform source separation", section 3.3).

    Attributes:
        dtype: of the products.
    """

    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (rows, steps, channels), whose number is a multiple of `HEADS`, to the same shape."""
        rows, steps, channels = x.shape
        wide = np.promote_types(self.dtype, np.float32)

        def project(name: str, features: int, gain: float = 1.0, start: float = 0.0) -> jax.Array:
            y = Conv1d(features, 1, gain=gain, start=start, dtype=self.dtype, name=name)(x)
            return y.reshape(rows, steps, HEADS, -1)

        query, key, value = (project(name, channels) for name in ("query", "key", "value"))
        decay = project("decay", HEADS * DECAYS, 1e-4, START).astype(wide)
        scores = jnp.einsum("rqhc,rkhc->rhqk", query, key, preferred_element_type=wide)
        rates = np.arange(1, DECAYS + 1) * DECAYS**-0.5 / 2
        slope = jnp.einsum("d,rqhd->rhq", jnp.asarray(rates, wide), nn.sigmoid(decay))
        distance = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))[None, None]
        penalty = slope[..., None] * jnp.asarray(distance, wide)
        scores = scores * jnp.asarray((channels // HEADS) ** -0.5, wide) - penalty
        scores = jnp.where(jnp.broadcast_to(distance == 0, scores.shape), ITSELF, scores)
        weights = nn.softmax(scores, axis=-1).astype(self.dtype)
        found = jnp.einsum("rhqk,rkhc->rqhc", weights, value).reshape(x.shape)
        return x + Conv1d(channels, 1, gain=1.0, dtype=self.dtype, name="out")(found)
