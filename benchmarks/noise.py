"""Noise to train on."""

import numpy as np

from auralflow_core.config import Config


def make_batch(config: Config) -> dict[str, np.ndarray]:
    """Noise: `mixture` (batch, channels, samples), `targets` (batch, targets, channels, samples)."""
    rng, model = np.random.default_rng(0), config.model
    shape = (config.training.batch_size, len(model.targets), model.num_channels, config.crop_samples)
    targets = rng.uniform(-0.1, 0.1, shape).astype(np.float32)
    noise = rng.uniform(-0.1, 0.1, targets[:, 0].shape).astype(np.float32)
    return {"mixture": targets.sum(1) + noise, "targets": targets}
