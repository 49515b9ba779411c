"""A Gaussian latent variable over sequences (batch, steps, features), for the bottleneck of any network."""

import torch
from torch import Tensor, nn

from auralflow_torch.networks.blocks import linear


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
        self.to_log_sigma = linear(features, latent_size, device)
        nn.init.zeros_(self.to_log_sigma.weight)  # sigma is 1 at first, where random weights would scatter it widely
        self.to_features = linear(latent_size, features, device)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Samples mu + sigma * noise while training, takes mu in evaluation.

        Args:
            x: (batch, steps, features).
            noise: standard normal, (batch, steps, latent); used as it is, also in evaluation.

        Returns:
            What was decoded, in the shape of `x`; mu and sigma = exp(log sigma), each (batch, steps, latent).

        Raises:
            ValueError: noise of another shape.
        """
        mu, sigma = self.to_mu(x), self.to_log_sigma(x).exp()
        if noise is None and self.training:
            noise = torch.randn_like(mu)
        if noise is not None and noise.shape != mu.shape:
            raise ValueError(f"noise must have the latent variable's shape {tuple(mu.shape)}, got {tuple(noise.shape)}")
        z = mu if noise is None else mu + sigma * noise
        return self.to_features(z), mu, sigma
