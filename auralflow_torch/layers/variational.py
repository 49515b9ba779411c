"""A Gaussian latent variable over sequences (batch, steps, features), for the bottleneck of any network."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_torch.layers.checks import is_tracing
from auralflow_torch.layers.conv2d import linear
from auralflow_torch.layers.lstm import RecurrentBottleneck

Latent = tuple[Tensor, Tensor]  # mu and sigma, each (batch, steps, latent)

START = 0.1  # sigma of untrained weights


class Variational(nn.Module):
    """Encodes each step as a normal distribution and decodes a sample of it (Kingma and Welling 2013,
    "Auto-encoding variational Bayes").

    Args:
        features: of each step.
        latent_size: of the latent variable.
    """

    def __init__(self, features: int, latent_size: int, device=None) -> None:
        super().__init__()
        self.to_mu = linear(features, latent_size, device)
        self.to_sigma = linear(features, latent_size, device)
        nn.init.zeros_(self.to_sigma.weight)  # random weights would scatter sigma widely
        nn.init.constant_(self.to_sigma.bias, math.log(math.expm1(START)))
        self.to_features = linear(latent_size, features, device)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Samples mu + sigma * noise while training, takes mu in evaluation.

        Args:
            x: (batch, steps, features).
            noise: standard normal, (batch, steps, latent); used as it is, also in evaluation.

        Returns:
            The decoded features, in the shape of `x`; mu and sigma, each (batch, steps, latent).

        Raises:
            ValueError: noise of another shape.
        """
        # A layer over thousands of features moves far in one step: an exponential of it soon overflows. The softplus
        # of torch is exact up to the threshold.
        mu, sigma = self.to_mu(x), F.softplus(self.to_sigma(x), threshold=40)
        if noise is None and self.training:
            noise = torch.randn_like(mu)
        if noise is not None and noise.shape != mu.shape:
            raise ValueError(f"noise must have the latent variable's shape {tuple(mu.shape)}, got {tuple(noise.shape)}")
        z = mu if noise is None else mu + sigma * noise
        return self.to_features(z), mu, sigma


class VariationalBottleneck(RecurrentBottleneck):
    """The part that networks with a latent variable share: the first base, before one with recurrent layers.

    Attributes:
        mu, sigma: of the latent variable in the last `forward` while training, (batch, steps, latent); None
            before, and in a copy.
    """

    estimate: Callable[..., tuple[Tensor, Latent]]  # of the network
    mu: Tensor | None = None
    sigma: Tensor | None = None

    def build_recurrent(self, features: int, device: str | torch.device | None) -> None:
        super().build_recurrent(features, device)
        self.variational = Variational(features, self.config.recurrent_size, device)

    def forward(self, x: Tensor) -> Tensor:
        """Returns what `forward_with_latent` returns first; in training keeps `mu` and `sigma`."""
        output, mu, sigma = self.forward_with_latent(x)
        if self.training and not torch.compiler.is_exporting() and not is_tracing():
            self.mu, self.sigma = mu, sigma
        return output

    def forward_with_latent(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The network's output (see its `forward`), mu and sigma.

        Args:
            x: see `forward`.
            noise: standard normal, (batch, steps, latent), instead of a random draw.
        """
        output, (mu, sigma) = self.estimate(x, noise)
        return output, mu, sigma

    def run_recurrent(self, sequence: Tensor, noise: Tensor | None) -> tuple[Tensor, Latent]:
        sequence, mu, sigma = self.variational(sequence, noise)
        return super().run_recurrent(sequence, noise)[0], (mu, sigma)

    def __getstate__(self) -> dict:
        # They belong to one batch, and tensors inside an autograd graph cannot be copied.
        return {name: value for name, value in self.__dict__.items() if name not in ("mu", "sigma")}
