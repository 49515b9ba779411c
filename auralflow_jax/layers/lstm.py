"""Recurrent layers over sequences (batch, steps, features), for the bottleneck of any network."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from auralflow_core.config import AudioNetSimpleLSTM, SpectrogramNetLSTM

# Keeps the variance of what goes in (LeCun et al. 1998, "Efficient backprop"); weights are (outputs, inputs).
lecun = nn.initializers.variance_scaling(1.0, "fan_in", "normal", in_axis=-1, out_axis=-2)


class LSTM(nn.Module):
    """Stacked bidirectional long short-term memory (Hochreiter and Schmidhuber 1997; gates as in torch.nn.LSTM).

    Each layer and direction holds torch's four arrays under torch's names: `weight_ih_l0` (4 hidden, features),
    `weight_hh_l0` (4 hidden, hidden), `bias_ih_l0` and `bias_hh_l0` (4 hidden), then `..._reverse`, `..._l1`; the
    gates in the order input, forget, cell, output.

    Attributes:
        hidden_size: of each direction.
        num_layers: each reads both directions of the one before.
        dropout_p: probability with which features between layers are dropped while training.
        dtype: of the computation.
    """

    hidden_size: int
    num_layers: int = 1
    dropout_p: float = 0.0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Maps (batch, steps, features) to (batch, steps, 2 hidden), ahead before back."""
        x = x.astype(self.dtype)
        for layer in range(self.num_layers):
            if layer:
                x = nn.Dropout(self.dropout_p)(x, deterministic=not train)
            x = self.both_ways(x, f"l{layer}")
        return x

    def both_ways(self, x: jax.Array, layer: str) -> jax.Array:
        """One layer: the inputs of all steps in one product, then both directions in one scan."""
        ahead, recurrent_ahead = self.project(x, layer)
        back, recurrent_back = self.project(x[:, ::-1], f"{layer}_reverse")
        gates = jnp.stack([ahead, back]).transpose(2, 0, 1, 3)  # to (steps, directions, batch, 4 hidden)
        recurrent = jnp.stack([recurrent_ahead, recurrent_back])  # (directions, 4 hidden, hidden)

        def step(state, gates):
            hidden, cell = state
            gates = gates + jnp.einsum("dbh,dgh->dbg", hidden, recurrent)
            enter, forget, candidate, leave = jnp.split(gates, 4, axis=-1)
            cell = nn.sigmoid(forget) * cell + nn.sigmoid(enter) * jnp.tanh(candidate)
            hidden = nn.sigmoid(leave) * jnp.tanh(cell)
            return (hidden, cell), hidden

        start = jnp.zeros((2, x.shape[0], self.hidden_size), self.dtype)
        _, hidden = lax.scan(step, (start, start), gates)
        return jnp.concatenate([hidden[:, 0], hidden[::-1, 1]], axis=-1).swapaxes(0, 1)

    def project(self, x: jax.Array, suffix: str) -> tuple[jax.Array, jax.Array]:
        """The inputs' part of the gates of all steps (batch, steps, features), and the recurrent weights."""
        size = 4 * self.hidden_size
        weight = self.param(f"weight_ih_{suffix}", lecun, (size, x.shape[-1]), jnp.float32)
        recurrent = self.param(f"weight_hh_{suffix}", lecun, (size, self.hidden_size), jnp.float32)
        bias, recurrent_bias = (
            self.param(f"bias_{kind}_{suffix}", nn.initializers.zeros, (size,), jnp.float32) for kind in ("ih", "hh")
        )
        gates = x @ weight.astype(self.dtype).T
        biases = jnp.broadcast_to((bias + recurrent_bias).astype(self.dtype), gates.shape)
        return gates + biases, recurrent.astype(self.dtype)


class Recurrent(nn.Module):
    """An LSTM, and a linear layer back to the features that went in.

    Attributes:
        hidden_size, num_layers, dropout_p, dtype: of the LSTM.
    """

    hidden_size: int
    num_layers: int = 1
    dropout_p: float = 0.0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Maps (batch, steps, features) to the same shape."""
        hidden = LSTM(self.hidden_size, self.num_layers, self.dropout_p, self.dtype, name="lstm")(x, train)
        return nn.Dense(x.shape[-1], dtype=self.dtype, name="linear")(hidden)


class RecurrentBottleneck:
    """The part that networks with recurrent layers share: the first base, before a U-Net.

    Attributes:
        config: the network's settings.
        dtype: of the computation.
    """

    config: AudioNetSimpleLSTM | SpectrogramNetLSTM
    dtype: jnp.dtype

    def run_recurrent(
        self, sequence: jax.Array, train: bool, noise: jax.Array | None
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array] | None]:
        """Maps (batch, steps, features) to the same shape."""
        config = self.config
        layers = Recurrent(
            config.recurrent_size, config.recurrent_depth, config.dropout_p, self.dtype, name="recurrent"
        )
        return layers(sequence, train), None
