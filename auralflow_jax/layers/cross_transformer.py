"""A transformer over two sequences that look at each other."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from auralflow_core.dsp.positions import waves, waves_2d
from auralflow_jax.layers.attention import GROWTH, attend
from auralflow_jax.layers.gelu import gelu
from auralflow_jax.layers.layer_scale import LayerScale
from auralflow_jax.layers.linear import Linear
from auralflow_jax.layers.norms import LayerNorm, WholeNorm

START = 1e-4  # of the scale of a branch


class MultiheadAttention(nn.Module):
    """Attention of one sequence to another, or to itself (Vaswani et al. 2017, "Attention is all you need").

    Attributes:
        heads: number of heads.
        dtype: of the products.
    """

    heads: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, source: jax.Array) -> jax.Array:
        """Maps (batch, steps, width), and a source (batch, its steps, width), to the first's shape."""
        batch, steps, width = x.shape
        size = width // self.heads

        def project(name: str, y: jax.Array) -> jax.Array:
            y = Linear(width, dtype=self.dtype, name=name)(y).reshape(batch, -1, self.heads, size)
            # A row for each head, as the scores of all heads together would take 230 MB at full size.
            return y.swapaxes(1, 2).reshape(batch * self.heads, -1, 1, size).astype(self.dtype)

        found = attend(project("query", x), project("key", source), project("value", source))
        found = found.reshape(batch, self.heads, steps, -1).swapaxes(1, 2)
        return Linear(width, dtype=self.dtype, name="out")(found.reshape(x.shape))


class CrossLayer(nn.Module):
    """Attention and feedforward, each normalised before, scaled, and added to what goes in; then a norm over all.

    Attributes:
        heads: of attention.
        dropout_p: probability with which features of both branches are dropped while training.
        dtype: of the products.
    """

    heads: int
    dropout_p: float = 0.0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, other: jax.Array | None = None, train: bool = False) -> jax.Array:
        """Maps (batch, steps, width), with another sequence to look at or none, to the same shape."""
        width, drop = x.shape[-1], nn.Dropout(self.dropout_p, deterministic=not train)
        y = LayerNorm(name="attention_norm")(x)
        source = y if other is None else LayerNorm(name="source_norm")(other)
        y = MultiheadAttention(self.heads, self.dtype, name="attention")(y, source)
        x = x + LayerScale(START, name="attention_scale")(drop(y))
        y = Linear(GROWTH * width, dtype=self.dtype, name="wide")(LayerNorm(name="feedforward_norm")(x))
        y = Linear(width, dtype=self.dtype, name="narrow")(drop(gelu(y)))
        x = x + LayerScale(START, name="feedforward_scale")(drop(y))
        return WholeNorm(name="norm")(x)


class CrossTransformer(nn.Module):
    """Layers for a spectrum and a waveform; every second one looks at the other (Rouard et al. 2022, "Hybrid
    transformers for music source separation").

    Attributes:
        num_layers: of each of both.
        heads, dropout_p, dtype: see CrossLayer.
    """

    num_layers: int
    heads: int
    dropout_p: float = 0.0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, spectrum: jax.Array, wave: jax.Array, train: bool = False) -> tuple[jax.Array, jax.Array]:
        """Maps (batch, bins, frames, width) and (batch, steps, width) to the same shapes."""
        _, bins, frames, width = shape = spectrum.shape
        wide = np.promote_types(spectrum.dtype, np.float32)
        x = LayerNorm(name="norm")(spectrum.astype(wide)) + jnp.asarray(waves_2d(bins, frames, width)[None], wide)
        x = x.reshape(shape[0], bins * frames, width)
        y = LayerNorm(name="wave_norm")(wave.astype(wide)) + jnp.asarray(waves(wave.shape[1], width)[None], wide)
        for index in range(self.num_layers):
            layer, wave_layer = (
                CrossLayer(self.heads, self.dropout_p, self.dtype, name=f"{name}_{index}")
                for name in ("layers", "wave_layers")
            )
            if index % 2:
                x, y = layer(x, y, train), wave_layer(y, x, train)
            else:
                x, y = layer(x, None, train), wave_layer(y, None, train)
        return x.reshape(shape), y
