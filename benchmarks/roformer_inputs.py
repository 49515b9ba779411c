"""How a band-split RoFormer learns from other inputs than its own: without phases, or with the levels of its bands.

    python benchmarks/roformer_inputs.py magnitudes|levels|both [arguments of learning_curves.py]

`magnitudes` gives the network the magnitude of each bin as real part, and zero as imaginary part; `levels` has the
logarithm of each number where the band split normalises a band. What the masks multiply stays the mixture's spectrum.
Everything else is as in learning_curves.py, next to whose curves these belong.
"""

import sys

import jax
import jax.numpy as jnp
import learning_curves

from auralflow_jax.layers import band_linear
from auralflow_jax.networks import band_split_roformer

INPUTS = {"magnitudes": (True, False), "levels": (False, True), "both": (True, True)}
TINY = 1e-12  # of a square: the gradient of a root at zero is infinite


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in INPUTS:
        raise SystemExit((__doc__ or "").split("\n\n")[1].strip())
    magnitudes, levels = INPUTS[sys.argv.pop(1)]
    if magnitudes:
        show_magnitudes()
    if levels:
        band_linear.normalize = logarithm
    learning_curves.main()


def show_magnitudes() -> None:
    """Takes the phases from what the network sees."""
    network = band_split_roformer.BandSplitRoformer
    estimate = network.__call__

    def call(self, spectrum: jax.Array, train: bool = False, noise: None = None) -> tuple[jax.Array, None]:
        magnitude = jnp.sqrt(jnp.square(spectrum).sum(2, keepdims=True) + TINY)
        return estimate(self, jnp.concatenate([magnitude, jnp.zeros_like(magnitude)], axis=2), train, noise)

    network.__call__ = call


def logarithm(x: jax.Array, gamma: jax.Array) -> jax.Array:
    """In place of a norm: the sign of each number and the logarithm of its size."""
    return jnp.sign(x) * jnp.log1p(10 * jnp.abs(x)) * gamma


if __name__ == "__main__":
    main()
