"""Band-split RoFormers: BS-RoFormer and Mel-Band RoFormer."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from auralflow_core import config as configuration
from auralflow_core.config import config_or_keywords
from auralflow_torch.layers.attention import Transformer
from auralflow_torch.layers.band_linear import BandJoin, BandLinear, BandSplit
from auralflow_torch.layers.checks import COMPLEX_SPECTRUM, check_input, is_tracing
from auralflow_torch.layers.in_parts import in_parts
from auralflow_torch.layers.positions import Positions, polar, rotary
from auralflow_torch.layers.rms_norm import RMSNorm


class Block(nn.Module):
    """A transformer over the frames of each band, then one over the bands of each frame.

    Args:
        config: the settings.
        device: where the weights are made.
    """

    def __init__(self, config: configuration.BandSplitRoformer, device=None) -> None:
        super().__init__()
        self.time, self.band = (
            Transformer(
                num_layers=num_layers,
                norm_end=config.norms == "each",
                width=config.width,
                heads=config.heads,
                head_size=config.head_size,
                polar=config.positions == "polar",
                dropout_p=config.dropout_p,
                device=device,
            )
            for num_layers in (config.time_layers, config.band_layers)
        )

    def forward(self, x: Tensor, over_time: Positions, over_bands: Positions) -> Tensor:
        """Maps (batch, frames, bands, width) to the same shape."""
        # Contiguous, as each of the many passes over a transposed array would be slower than this copy.
        x = self.time(x.transpose(1, 2).contiguous(), over_time)
        return self.band(x.transpose(1, 2).contiguous(), over_bands)


class MaskEstimator(nn.Module):
    """The network of one target that makes a mask of each band's features.

    Args:
        config: the settings.
        device: where the weights are made.
    """

    def __init__(self, config: configuration.BandSplitRoformer, device=None) -> None:
        super().__init__()
        widths = config.band_features
        sizes = [config.width, *[config.mask_growth * config.width] * config.mask_layers]
        self.widest = max(sizes)  # of the features of a band
        self.hidden = nn.ModuleList(
            [BandLinear(len(widths), inputs, sizes[-1], device) for inputs in sizes[: config.mask_layers]]
        )
        self.gate = BandJoin(widths, sizes[-1], device)
        self.value = BandJoin(widths, sizes[-1], device)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, frames, bands, width) to (batch, frames, all bands' numbers)."""
        numbers = x.shape[-2] * self.widest
        return in_parts(self.estimate, x.flatten(0, 1), numbers).unflatten(0, x.shape[:2])

    def estimate(self, x: Tensor) -> Tensor:
        """`forward` of (rows, bands, width)."""
        for layer in self.hidden:
            x = layer(x).tanh()
        return self.gate(x).sigmoid() * self.value(x)


class BandSplitRoformer(nn.Module):
    """Transformers over frames and over bands in turn, and a complex mask for each target (Lu et al. 2023, "Music
    source separation with band-split RoPE transformer"; Wang et al. 2023, "Mel-band RoFormer for music source
    separation"). Masks are not bounded. Any number of frames works.

    Args:
        config: the settings, of BSRoformer (the default) or MelBandRoformer.
        device: where the weights are made.
        settings: instead of `config`, some of the fields of BSRoformer and `num_targets`; see `from_keywords`.

    Raises:
        InputError: an unknown setting, a wrong type or a value out of range.

    Example:
        >>> network = BandSplitRoformer(num_fft=64, window_size=64, hop_length=16, width=8, num_blocks=1)
        >>> network(torch.rand(3, 2, 2, 33, 10)).shape
        torch.Size([3, 2, 2, 33, 10])
    """

    bins: Tensor
    counts: Tensor

    def __init__(
        self,
        config: configuration.BandSplitRoformer | None = None,
        device: str | torch.device | None = None,
        **settings,
    ) -> None:
        super().__init__()
        struct = configuration.BSRoformer if config is None else configuration.BandSplitRoformer
        self.config = config = config_or_keywords(struct, config, settings)
        table = config.band_table
        self.register_buffer("bins", torch.tensor(table.bins, device=device), persistent=False)
        self.register_buffer("counts", torch.tensor(table.counts, device=device), persistent=False)
        self.overlap = bool((table.counts > 1).any())  # whether a bin is in several bands
        self.split = BandSplit(config.band_features, config.width, device)
        self.blocks = nn.ModuleList([Block(config, device) for _ in range(config.num_blocks)])
        self.norm = RMSNorm(config.width, device) if config.norms == "end" else nn.Identity()
        self.mask = nn.ModuleList([MaskEstimator(config, device) for _ in config.targets])
        if config.positions == "polar":
            self.time_shift, self.band_shift = (
                nn.Parameter(torch.zeros(config.heads, config.head_size, device=device)) for _ in range(2)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Estimates masks.

        Args:
            x: real and imaginary parts of spectra, (batch, channels, 2, bins, frames).

        Returns:
            Real and imaginary parts of masks, of the same shape; with several targets (batch, targets, channels, 2,
            bins, frames).

        Raises:
            ValueError: another number of bins than the network is made for.
        """
        return self.estimate(x)[0]

    def estimate(self, x: Tensor, noise: None = None) -> tuple[Tensor, None]:
        """The masks, and None in the place of a latent variable."""
        check_input(x, "the network's input", COMPLEX_SPECTRUM, self.config.num_channels)
        _, channels, parts, bins, _ = x.shape
        if not is_tracing() and bins != len(self.counts):
            raise ValueError(f"{type(self.config).__name__} is made for {len(self.counts)} bins, got {bins}")
        # to (batch, frames, numbers of all bands): bins, then channels, then real and imaginary part
        x = x.permute(0, 4, 3, 1, 2).index_select(2, self.bins).flatten(2)
        x = self.transform(self.split(x))
        mask = torch.stack([network(x) for network in self.mask], dim=1).unflatten(3, (-1, channels, parts))
        if self.overlap:  # their masks are averaged
            mask = mask.new_zeros(*mask.shape[:3], bins, channels, parts).index_add(3, self.bins, mask)
            mask = mask / self.counts[:, None, None]
        mask = mask.permute(0, 1, 4, 5, 3, 2)
        return mask.squeeze(1) if len(self.mask) == 1 else mask, None

    def transform(self, x: Tensor) -> Tensor:
        """The blocks, on (batch, frames, bands, width)."""
        config, outputs = self.config, []
        over_time, over_bands = self.place("time", x.shape[1], x), self.place("band", x.shape[2], x)
        remat = config.remat and self.training and torch.is_grad_enabled()
        for block in self.blocks:
            if config.skip_connection:
                x = sum(outputs, x)
            if remat:
                x = checkpoint(block, x, over_time, over_bands, use_reentrant=False)
            else:
                x = block(x, over_time, over_bands)
            if config.skip_connection:
                outputs.append(x)
        return self.norm(x)

    def place(self, name: str, steps: int, like: Tensor) -> Positions:
        """The positions along an axis."""
        if self.config.positions == "rotary":
            return rotary(steps, self.config.head_size, like)
        return polar(steps, getattr(self, f"{name}_shift"), like)
