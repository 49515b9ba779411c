"""Convolutions over sequences (batch, steps, channels), and their transposes."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

# Gains that keep a signal's variance. A rectifier leaves half of it (He et al. 2015, "Delving deep into
# rectifiers"); a gated linear unit a * sigmoid(b) leaves E[sigmoid(b)^2], which is 1/3 where b has variance 3.
RECTIFIED, GATED = 2.0, 3.0


class Conv1d(nn.Module):
    """Convolution that divides the steps by its stride; several inputs act as one, joined along the channels.

    Attributes:
        features: channels that go out.
        size: of the kernel, in steps; what it spans beyond a stride is even and spread over both ends as zeros.
        stride: must divide the steps.
        gain: of the initial weights, see above.
        dilation: distance of the steps that a kernel sees.
        start: of the bias.
        dtype: of the computation.
    """

    features: int
    size: int
    stride: int = 1
    gain: float = RECTIFIED
    dilation: int = 1
    start: float = 0.0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, *inputs: jax.Array) -> jax.Array:
        """Maps arrays (batch, steps, channels of each) to (batch, steps / stride, features)."""
        widths = [x.shape[-1] for x in inputs]
        init = nn.initializers.variance_scaling(self.gain, "fan_in", "normal")
        kernel = self.param("kernel", init, (self.size, sum(widths), self.features), jnp.float32).astype(self.dtype)
        bias = self.param("bias", nn.initializers.constant(self.start), (self.features,), jnp.float32).astype(
            self.dtype
        )
        batch, steps, _ = inputs[0].shape
        result = jnp.broadcast_to(bias, (batch, steps // self.stride, self.features))
        padding, start = (self.dilation * (self.size - 1) + 1 - self.stride) // 2, 0
        for x, width in zip(inputs, widths, strict=True):
            result = result + lax.conv_general_dilated(
                x.astype(self.dtype),
                kernel[:, start : start + width],
                (self.stride,),
                ((padding, padding),),
                rhs_dilation=(self.dilation,),
                dimension_numbers=("NHC", "HIO", "NHC"),
            )
            start += width
        return result


class Upsample1d(nn.Module):
    """Transposed convolution that multiplies the steps by its stride, with a kernel of two strides.

    Each step becomes two blocks of a stride by a dense layer, and every block is added to its neighbour's: the same
    function, and its gradient on the CPU several times quicker than that of XLA's transposed convolution. The
    kernel is (2 stride, features, channels).

    Attributes:
        features: channels that go out.
        stride: even.
        gain: of the initial weights, see above.
        whole: keep half a stride of steps more at both ends.
        dtype: of the computation.
    """

    features: int
    stride: int
    gain: float = RECTIFIED
    whole: bool = False
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, steps, channels) to (batch, stride * steps, features)."""
        batch, steps, channels = x.shape
        init = nn.initializers.variance_scaling(
            self.gain / 2, "fan_in", "normal", in_axis=-1, out_axis=-2, batch_axis=0
        )  # two blocks add up to each step that goes out
        kernel = self.param("kernel", init, (2 * self.stride, self.features, channels), jnp.float32).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32).astype(self.dtype)
        blocks = x.astype(self.dtype) @ kernel.transpose(2, 0, 1).reshape(channels, -1)
        first, second = jnp.split(blocks, 2, axis=-1)
        added = jnp.pad(first, ((0, 0), (0, 1), (0, 0))) + jnp.pad(second, ((0, 0), (1, 0), (0, 0)))
        sequence = added.reshape(batch, (steps + 1) * self.stride, self.features)
        inside = sequence if self.whole else sequence[:, self.stride // 2 : -(self.stride // 2)]
        return inside + jnp.broadcast_to(bias, inside.shape)
