"""Recurrent layers on windows of long sequences."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_jax.layers.lstm import Recurrent

WINDOW = 200  # steps
HOP = WINDOW // 2


class WindowedRecurrent(Recurrent):
    """Stacked LSTMs and a linear layer, whose output is added to what goes in (Défossez 2021, "Hybrid spectrogram and
    waveform source separation", section 3.3).

    A sequence that is longer than a window is divided into windows that overlap by half, of which the middle halves
    count, and at both ends the rest.

    Attributes:
        hidden_size, num_layers, dropout_p, dtype: see Recurrent.
    """

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Maps (rows, steps, features) to the same shape."""
        rows, steps, features = x.shape
        if steps <= WINDOW:
            return x + super().__call__(x, train)
        blocks = jnp.pad(x, ((0, 0), (0, HOP + -steps % HOP), (0, 0))).reshape(rows, -1, HOP, features)
        windows = jnp.concatenate([blocks[:, :-1], blocks[:, 1:]], axis=2)
        found = super().__call__(windows.reshape(-1, WINDOW, features), train).reshape(windows.shape)
        quarter = HOP // 2
        middle = found[:, :, quarter:-quarter].reshape(rows, -1, features)
        joined = jnp.concatenate([found[:, 0, :quarter], middle, found[:, -1, -quarter:]], axis=1)
        return x + joined[:, :steps]
