"""Linear layers whose products alone are computed in a narrow type."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn


class Linear(nn.Module):
    """Linear layer over the last axis.

    Attributes:
        features: that go out.
        use_bias: add a bias.
        dtype: of the product; the result is float32, or float64.
    """

    features: int
    use_bias: bool = True
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (..., inputs) to (..., features)."""
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (x.shape[-1], self.features), jnp.float32)
        result = product("...i,io->...o", x, kernel, self.dtype)
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
            result = result + jnp.broadcast_to(bias.astype(result.dtype), result.shape)
        return result


def product(equation: str, x: jax.Array, weight: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """An einsum whose factors are rounded to a type and whose sums are float32, or float64 where that is the type."""
    wide = np.promote_types(dtype, np.float32)
    return jnp.einsum(equation, x.astype(dtype), weight.astype(dtype), preferred_element_type=wide)
