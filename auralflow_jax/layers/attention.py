"""Transformers over sequences (..., steps, width), and their attention."""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from auralflow_jax.layers.gelu import gelu
from auralflow_jax.layers.in_parts import in_parts
from auralflow_jax.layers.linear import Linear
from auralflow_jax.layers.positions import Positions, turn_lengths, turn_pairs
from auralflow_jax.layers.rms_norm import RMSNorm

SCORES = 2**22  # of one product: 16 MB in float32
GROWTH = 4  # of the features inside a feedforward layer


class Attention(nn.Module):
    """Attention of each step to all steps, with a gate for each head.

    Attributes:
        heads: number of heads.
        head_size: features of each head.
        polar: of the positions, see `positions.polar`.
        dropout_p: probability with which features that go out are dropped while training.
        dtype: of the products.
    """

    heads: int
    head_size: int
    polar: bool = False
    dropout_p: float = 0.0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, positions: Positions, train: bool = False) -> jax.Array:
        """Maps (..., steps, width) to the same shape."""
        *batch, steps, width = x.shape
        y = RMSNorm(name="norm")(x)
        inner = self.heads * self.head_size
        qkv = Linear(3 * inner, use_bias=False, dtype=self.dtype, name="qkv")(y)
        # The gradient of a split is one concatenation; that of each slice is an array as large as all three.
        parts = lax.split(qkv, [inner] * 3, qkv.ndim - 1)
        query, key, value = (part.reshape(-1, steps, self.heads, self.head_size) for part in parts)
        turn = turn_lengths if self.polar else turn_pairs
        query, key = turn(query, positions.query), turn(key, positions.key)
        found = attend(*(part.astype(self.dtype) for part in (query, key, value))).astype(x.dtype)
        gates = nn.sigmoid(Linear(self.heads, dtype=self.dtype, name="gate")(y))
        found = found.reshape(*batch, steps, self.heads, self.head_size) * gates[..., None]
        found = Linear(width, use_bias=False, dtype=self.dtype, name="out")(found.reshape(*batch, steps, inner))
        return nn.Dropout(self.dropout_p)(found, deterministic=not train)


class FeedForward(nn.Module):
    """Two linear layers on each step.

    Attributes:
        dropout_p: probability with which features between and behind them are dropped while training.
        dtype: of the products.
    """

    dropout_p: float = 0.0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Maps (..., width) to the same shape."""
        drop = nn.Dropout(self.dropout_p, deterministic=not train)
        width = x.shape[-1]
        x = Linear(GROWTH * width, dtype=self.dtype, name="wide")(RMSNorm(name="norm")(x))
        x = drop(gelu(x))
        return drop(Linear(width, dtype=self.dtype, name="narrow")(x))


class TransformerLayer(nn.Module):
    """Attention and feedforward, each added to what goes in.

    Attributes:
        heads, head_size, polar, dropout_p, dtype: see Attention.
    """

    heads: int
    head_size: int
    polar: bool = False
    dropout_p: float = 0.0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, positions: Positions, train: bool = False) -> jax.Array:
        """Maps (..., steps, width) to the same shape."""
        attention = Attention(self.heads, self.head_size, self.polar, self.dropout_p, self.dtype, name="attention")
        x = x + attention(x, positions, train)
        return x + FeedForward(self.dropout_p, self.dtype, name="feedforward")(x, train)


class Transformer(nn.Module):
    """Layers of attention and feedforward.

    Attributes:
        num_layers: number of them.
        norm_end: end with a norm.
        heads, head_size, polar, dropout_p, dtype: see Attention.
    """

    num_layers: int
    norm_end: bool
    heads: int
    head_size: int
    polar: bool = False
    dropout_p: float = 0.0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, positions: Positions, train: bool = False) -> jax.Array:
        """Maps (..., steps, width) to the same shape."""
        for index in range(self.num_layers):
            layer = TransformerLayer(
                self.heads, self.head_size, self.polar, self.dropout_p, self.dtype, name=f"layers_{index}"
            )
            if train:
                x = layer(x, positions, train)
            else:
                rows = x.reshape(-1, *x.shape[-2:])
                x = in_parts(layer, rows, self.numbers(*rows.shape[1:]), positions, in_place=True).reshape(x.shape)
        return RMSNorm(name="norm")(x) if self.norm_end else x

    def numbers(self, steps: int, width: int) -> int:
        """The numbers in the largest array of a sequence inside."""
        return steps * max(3 * self.heads * self.head_size, GROWTH * width)


def attend(query: jax.Array, key: jax.Array, value: jax.Array) -> jax.Array:
    """Scaled dot-product attention (Vaswani et al. 2017, "Attention is all you need", eq. 1).

    Scores are divided by the root of the value's size; sums and softmax are float32, or float64.

    Args:
        query: (rows, steps, heads, size).
        key: (rows, its steps, heads, size).
        value: (rows, its steps, heads, size of the value).

    Returns:
        (rows, steps, heads, size of the value).
    """
    if value.dtype == jnp.bfloat16 and jax.default_backend() == "gpu":
        return lax.platform_dependent(query, key, value, cuda=attend_fused, default=attend_in_parts)
    return attend_in_parts(query, key, value)


def attend_in_parts(query: jax.Array, key: jax.Array, value: jax.Array) -> jax.Array:
    """`attend` of few rows at a time, in memory for SCORES scores, in the gradient, too."""
    rows, steps, heads, size = value.shape
    wide = np.promote_types(value.dtype, np.float32)
    together = max(1, SCORES // (heads * query.shape[1] * steps))

    @jax.checkpoint  # otherwise all scores would be kept for the gradient
    def part(query, key, value):
        query = (query.astype(wide) * size**-0.5).astype(query.dtype)  # not the scores, of which there are more
        scores = jnp.einsum("...qhd,...khd->...hqk", query, key, preferred_element_type=wide)
        weights = nn.softmax(scores, axis=-1).astype(value.dtype)
        return jnp.einsum("...hqk,...khd->...qhd", weights, value, preferred_element_type=wide)

    if rows <= together:
        return part(query, key, value)
    return lax.map(lambda row: part(*row), (query, key, value), batch_size=together)


def attend_fused(
    query: jax.Array, key: jax.Array, value: jax.Array, implementation: Literal["xla", "cudnn"] = "cudnn"
) -> jax.Array:
    """`attend` by a kernel that keeps no scores, for half types on a GPU."""
    size = value.shape[-1]
    value = jnp.pad(value, [(0, 0)] * 3 + [(0, query.shape[-1] - size)])  # it takes one size alone
    found = jax.nn.dot_product_attention(query, key, value, scale=size**-0.5, implementation=implementation)
    return found[..., :size].astype(np.promote_types(value.dtype, np.float32))
