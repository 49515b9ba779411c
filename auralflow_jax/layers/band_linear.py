"""Linear layers with weights of their own for each band, stored as few arrays and computed as few products."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from auralflow_core.dsp.bands import runs
from auralflow_jax.layers.linear import product
from auralflow_jax.layers.rms_norm import normalize


class BandSplit(nn.Module):
    """A norm and a linear layer for each band, from bands of any widths to one width.

    Attributes:
        widths: numbers that come in for each band.
        features: that go out for each band.
        dtype: of the products.
    """

    widths: Sequence[int]
    features: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (..., all bands' numbers) to (..., bands, features)."""
        bands, total = len(self.widths), sum(self.widths)
        spread = np.asarray(self.widths, np.float32) ** np.float32(-0.5)
        gamma = self.param("gamma", nn.initializers.ones, (total,), jnp.float32)
        weight = self.param("weight", _normal(np.repeat(spread, self.widths)), (self.features, total))
        # Nothing but the bias is left of silence, and the norms behind it would magnify the gradient of zeros.
        bias = self.param("bias", _normal(spread[:, None]), (bands, self.features))
        parts = []
        for run in runs(self.widths):
            shape = (-1, run.width)
            part = normalize(x[..., run.entries].reshape(*x.shape[:-1], *shape), gamma[run.entries].reshape(shape))
            own = weight[:, run.entries].reshape(self.features, *shape)
            parts.append(product("...ki,oki->...ko", part, own, self.dtype))
        joined = jnp.concatenate(parts, axis=-2)
        return joined + jnp.broadcast_to(bias.astype(joined.dtype), joined.shape)


class BandLinear(nn.Module):
    """A linear layer for each band, from one width to another.

    Attributes:
        features: that go out for each band.
        dtype: of the products.
    """

    features: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (..., bands, inputs) to (..., bands, features)."""
        bands, inputs = x.shape[-2:]
        weight = self.param("weight", _normal(inputs**-0.5), (bands, self.features, inputs))
        bias = self.param("bias", nn.initializers.zeros, (bands, self.features), jnp.float32)
        result = product("...ki,koi->...ko", x, weight, self.dtype)
        return result + jnp.broadcast_to(bias.astype(result.dtype), result.shape)


class BandJoin(nn.Module):
    """A linear layer for each band, from one width to bands of any widths.

    Attributes:
        widths: numbers that go out for each band.
        dtype: of the products.
    """

    widths: Sequence[int]
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (..., bands, inputs) to (..., all bands' numbers)."""
        inputs, total = x.shape[-1], sum(self.widths)
        weight = self.param("weight", _normal(inputs**-0.5), (total, inputs))
        bias = self.param("bias", nn.initializers.zeros, (total,), jnp.float32)
        parts = []
        for run in runs(self.widths):
            own = weight[run.entries].reshape(-1, run.width, inputs)
            part = product("...ki,koi->...ko", x[..., run.bands, :], own, self.dtype)
            parts.append(part.reshape(*x.shape[:-2], -1))
        joined = jnp.concatenate(parts, axis=-1)
        return joined + jnp.broadcast_to(bias.astype(joined.dtype), joined.shape)


def _normal(spread: float | np.ndarray) -> nn.initializers.Initializer:
    """Draws normal numbers of these deviations, which are broadcast."""

    def draw(key: jax.Array, shape: Sequence[int], dtype: jnp.dtype = jnp.float32) -> jax.Array:
        return jax.random.normal(key, shape, dtype) * jnp.broadcast_to(jnp.asarray(spread, dtype), shape)

    return draw
