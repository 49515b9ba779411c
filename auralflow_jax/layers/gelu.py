"""The Gaussian error linear unit, exact."""

import math

import jax
import jax.numpy as jnp
from jax import lax


@jax.custom_jvp
def gelu(x: jax.Array) -> jax.Array:
    """x times the probability that a standard normal variable is below x (Hendrycks and Gimpel 2016, "Gaussian error
    linear units").

    Of any shape. The derivative is written out, as XLA takes long to compile that of the polynomial behind `erf`.
    """
    return x * _below(x)


@gelu.defjvp
def _tangent(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (tangent,) = primals, tangents
    below = _below(x)
    density = jnp.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    return x * below, tangent * (below + x * density)


def _below(x: jax.Array) -> jax.Array:
    return 0.5 * (1 + lax.erf(x * math.sqrt(0.5)))
