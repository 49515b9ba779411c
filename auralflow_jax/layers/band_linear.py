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
        parts, found = [], runs(self.widths)
        entries = [run.entries for run in found]
        divided = (_split(x, entries, -1), _split(gamma, entries, 0), _split(weight, entries, 1))
        for run, part, scale, own in zip(found, *divided, strict=True):
            shape = (run.bands, run.width)
            part = normalize(part.reshape(*x.shape[:-1], *shape), scale.reshape(shape))
            parts.append(product("...ki,oki->...ko", part, own.reshape(self.features, *shape), self.dtype))
        joined = jnp.concatenate(parts, axis=-2)
        return joined + jnp.broadcast_to(bias.astype(joined.dtype), joined.shape)


class BandLinear(nn.Module):
    """A linear layer for each band, from one width to another, and the adapters of its weights where it is given some.

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
        if self.has_variable("params", "lora_A"):
            inner = product("...ki,kri->...kr", x, self.get_variable("params", "lora_A"), self.dtype)
            result = result + product("...kr,kor->...ko", inner, self.get_variable("params", "lora_B"), self.dtype)
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
        parts, found = [], runs(self.widths)
        divided = _split(x, [run.bands for run in found], -2), _split(weight, [run.entries for run in found], 0)
        for run, part, own in zip(found, *divided, strict=True):
            part = product("...ki,koi->...ko", part, own.reshape(run.bands, run.width, inputs), self.dtype)
            parts.append(part.reshape(*x.shape[:-2], -1))
        joined = jnp.concatenate(parts, axis=-1)
        return joined + jnp.broadcast_to(bias.astype(joined.dtype), joined.shape)


def _split(array: jax.Array, sizes: Sequence[int], axis: int) -> Sequence[jax.Array]:
    """The parts of an array along an axis.

    The gradient of a split is one concatenation. That of a slice is an array as large as the whole, for each slice.
    """
    return jax.lax.split(array, sizes, axis % array.ndim)


def _normal(spread: float | np.ndarray) -> nn.initializers.Initializer:
    """Draws normal numbers of these deviations, which are broadcast."""

    def draw(key: jax.Array, shape: Sequence[int], dtype: jnp.dtype = jnp.float32) -> jax.Array:
        return jax.random.normal(key, shape, dtype) * jnp.broadcast_to(jnp.asarray(spread, dtype), shape)

    return draw
