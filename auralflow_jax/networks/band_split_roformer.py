"""Band-split RoFormers: BS-RoFormer and Mel-Band RoFormer."""

from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from auralflow_core import config as configuration
from auralflow_jax.layers.attention import Transformer
from auralflow_jax.layers.band_linear import BandJoin, BandLinear, BandSplit
from auralflow_jax.layers.in_parts import again_in_parts, in_parts
from auralflow_jax.layers.positions import Positions, polar, rotary
from auralflow_jax.layers.rms_norm import RMSNorm


class Block(nn.Module):
    """A transformer over the frames of each band, then one over the bands of each frame.

    Attributes:
        config: the settings.
        dtype: of the products.
    """

    config: configuration.BandSplitRoformer
    dtype: jnp.dtype

    @nn.compact
    def __call__(
        self, x: jax.Array, over_time: Positions, over_bands: Positions, train: bool, again: bool = False
    ) -> jax.Array:
        """Maps (batch, frames, bands, width) to the same shape, with `again` in little memory while training."""
        config, places = self.config, {"time": over_time, "band": over_bands}
        for name, num_layers in (("time", config.time_layers), ("band", config.band_layers)):
            x, transformer = x.swapaxes(1, 2), self.transformer(name, num_layers)
            if again:
                rows = x.reshape(-1, *x.shape[2:])
                numbers = transformer.numbers(*x.shape[2:])
                x = again_in_parts(transformer, rows, numbers, places[name], train).reshape(x.shape)
            else:
                x = transformer(x, places[name], train)
        return x

    def transformer(self, name: str, num_layers: int) -> Transformer:
        config = self.config
        return Transformer(
            num_layers=num_layers,
            norm_end=config.norms == "each",
            heads=config.heads,
            head_size=config.head_size,
            polar=config.positions == "polar",
            dropout_p=config.dropout_p,
            dtype=self.dtype,
            name=name,
        )


class MaskEstimator(nn.Module):
    """The network of one target that makes a mask of each band's features.

    Attributes:
        config: the settings.
        dtype: of the products.
    """

    config: configuration.BandSplitRoformer
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (rows, bands, width) to (rows, all bands' numbers)."""
        config = self.config
        for index in range(config.mask_layers):
            x = jnp.tanh(BandLinear(config.mask_growth * config.width, self.dtype, name=f"hidden_{index}")(x))
        gate = nn.sigmoid(BandJoin(config.band_features, self.dtype, name="gate")(x))
        return gate * BandJoin(config.band_features, self.dtype, name="value")(x)


class BandSplitRoformer(nn.Module):
    """Transformers over frames and over bands in turn, and a complex mask for each target (Lu et al. 2023, "Music
    source separation with band-split RoPE transformer"; Wang et al. 2023, "Mel-band RoFormer for music source
    separation"). Masks are not bounded. Any number of frames works.

    Attributes:
        config: the settings.
        dtype: of the products of matrices; parameters and all else are float32.
    """

    config: configuration.BandSplitRoformer
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, spectrum: jax.Array, train: bool = False, noise: None = None) -> tuple[jax.Array, None]:
        """Estimates masks.

        Args:
            spectrum: real and imaginary parts, (batch, channels, 2, bins, frames).
            train: drop out, and keep less for the gradient.
            noise: unused, as there is no latent variable.

        Returns:
            Real and imaginary parts of masks, (batch, targets, channels, 2, bins, frames), and None.

        Raises:
            ValueError: another number of bins than the network is made for.
        """
        config, table = self.config, self.config.band_table
        batch, channels, parts, bins, frames = spectrum.shape
        if bins != len(table.counts):
            raise ValueError(f"{type(config).__name__} is made for {len(table.counts)} bins, got {bins}")
        x = spectrum.astype(np.promote_types(self.dtype, np.float32)).transpose(0, 4, 3, 1, 2)
        # to (batch, frames, numbers of all bands): bins, then channels, then real and imaginary part
        x = x[:, :, table.bins].reshape(batch, frames, -1)
        x = BandSplit(config.band_features, config.width, self.dtype, name="split")(x)
        x = self.transform(x, train)
        networks = [MaskEstimator(config, self.dtype, name=f"mask_{index}") for index in range(len(config.targets))]
        rows, numbers = x.reshape(-1, *x.shape[2:]), x.shape[2] * config.width * max(1, config.mask_growth)
        masks = [network(rows) if train else in_parts(network, rows, numbers) for network in networks]
        mask = jnp.stack(masks).reshape(-1, batch, frames, len(table.bins), channels, parts)
        # Where bands overlap, their masks are averaged.
        mask = jnp.zeros((*mask.shape[:3], bins, channels, parts), mask.dtype).at[:, :, :, table.bins].add(mask)
        mask = mask / jnp.asarray(table.counts, mask.dtype).reshape(1, 1, 1, -1, 1, 1)
        return mask.transpose(1, 0, 4, 5, 3, 2).astype(spectrum.dtype), None

    def transform(self, x: jax.Array, train: bool) -> jax.Array:
        """The blocks, on (batch, frames, bands, width)."""
        config = self.config
        over_time, over_bands = (self.place(name, x.shape[axis], x.dtype) for name, axis in (("time", 1), ("band", 2)))
        earlier = jnp.zeros_like(x) if config.skip_connection else jnp.zeros((), x.dtype)
        if train and config.remat and not self.is_initializing():
            x = self.scan_blocks(x, earlier, over_time, over_bands)
        else:
            for index in range(config.num_blocks):
                x = Block(config, self.dtype, name=f"blocks_{index}")(x + earlier, over_time, over_bands, train)
                earlier = earlier + x if config.skip_connection else earlier
        return RMSNorm(name="norm")(x) if config.norms == "end" else x

    def scan_blocks(self, x: jax.Array, earlier: jax.Array, over_time: Positions, over_bands: Positions) -> jax.Array:
        """The blocks while training: one after the other in a loop, which keeps what goes into each.

        XLA for the CPU would merge what `jax.checkpoint` computes twice outside of a loop, and keep it.
        """
        config, block = self.config, Block(self.config, self.dtype, parent=None)
        params = [self.variables["params"][f"blocks_{index}"] for index in range(config.num_blocks)]
        drop = self.has_rng("dropout")
        keys = jax.random.split(self.make_rng("dropout"), len(params)) if drop else jnp.zeros(len(params))

        def one(carry: tuple[jax.Array, jax.Array], own: tuple[dict, jax.Array]) -> tuple[tuple, None]:
            (x, earlier), (params, key) = carry, own
            rngs = {"dropout": key} if drop else {}
            x = block.apply({"params": params}, x + earlier, over_time, over_bands, True, again=True, rngs=rngs)
            x = cast(jax.Array, x)
            return (x, earlier + x if config.skip_connection else earlier), None

        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *params)
        (x, _), _ = jax.lax.scan(one, (x, earlier), (stacked, keys))
        return x

    def place(self, name: str, steps: int, dtype: jnp.dtype) -> Positions:
        """The positions along an axis."""
        config = self.config
        if config.positions == "rotary":
            return rotary(steps, config.head_size, dtype)
        shift = self.param(f"{name}_shift", nn.initializers.zeros, (config.heads, config.head_size), jnp.float32)
        return polar(steps, shift, dtype)
