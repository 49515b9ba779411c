"""A Gaussian latent variable over sequences (batch, steps, features), for the bottleneck of any network."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from auralflow_jax.layers.lstm import RecurrentBottleneck

Latent = tuple[jax.Array, jax.Array]  # mu and sigma, each (batch, steps, latent)

START = 0.1  # sigma of untrained weights


class Variational(nn.Module):
    """Encodes each step as a normal distribution and decodes a sample of it (Kingma and Welling 2013,
    "Auto-encoding variational Bayes").

    Attributes:
        latent_size: of the latent variable.
        dtype: of the computation; the distribution's parameters are float32 at least.
    """

    latent_size: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False, noise: jax.Array | None = None) -> tuple[jax.Array, Latent]:
        """Samples mu + sigma * noise.

        Args:
            x: (batch, steps, features).
            train: without `noise`, draw it from the random stream `noise`; otherwise the mean is taken.
            noise: standard normal, (batch, steps, latent); used as it is, also in evaluation.

        Returns:
            The decoded features, in the shape of `x`; mu and sigma, each (batch, steps, latent).

        Raises:
            ValueError: noise of another shape.
        """
        wide = np.promote_types(self.dtype, np.float32)
        mu = nn.Dense(self.latent_size, dtype=self.dtype, name="to_mu")(x).astype(wide)
        # A layer over thousands of features moves far in one step: an exponential of it soon overflows. Random weights
        # would scatter sigma as widely.
        spread = nn.Dense(
            self.latent_size,
            dtype=self.dtype,
            kernel_init=nn.initializers.zeros,
            bias_init=nn.initializers.constant(math.log(math.expm1(START))),
            name="to_sigma",
        )(x)
        sigma = nn.softplus(spread.astype(wide))
        if noise is None and train:
            noise = jax.random.normal(self.make_rng("noise"), mu.shape, wide)
        if noise is not None and noise.shape != mu.shape:
            raise ValueError(f"noise must have the latent variable's shape {mu.shape}, got {noise.shape}")
        z = mu if noise is None else mu + sigma * noise
        return nn.Dense(x.shape[-1], dtype=self.dtype, name="to_features")(z), (mu, sigma)


class VariationalBottleneck(RecurrentBottleneck):
    """The part that networks with a latent variable share: the first base, before one with recurrent layers."""

    def run_recurrent(self, sequence: jax.Array, train: bool, noise: jax.Array | None) -> tuple[jax.Array, Latent]:
        """Maps (batch, steps, features) to the same shape; adds mu and sigma."""
        variational = Variational(self.config.recurrent_size, self.dtype, name="variational")
        sequence, latent = variational(sequence, train, noise)
        return super().run_recurrent(sequence, train, noise)[0], latent
