"""One training step, from raw audio to new weights: JAX against the same network in torch, in one run.

    python benchmarks/train_step.py [--model NAME ...] [--batch N] [--rounds N] [--compile]

Both sides do the same: STFT, network, L1 loss of the magnitudes, gradients, clipping, AdamW; the JAX step also
averages the weights. Torch runs eager and channels-last, with --compile also compiled. The steps take turns, so
that whatever else the machine does falls on all; the ratios are of medians.
"""

import argparse
import time

import jax
import numpy as np
import torch

from auralflow import config as configuration
from auralflow.config import Config
from auralflow_jax import networks
from auralflow_jax.criteria import make_criterion
from auralflow_jax.optimizer import make_optimizer
from auralflow_jax.state import new_state
from auralflow_jax.step import make_mesh, make_train_step, put
from auralflow_torch import networks as torch_networks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="+", default=["SpectrogramNetSimple"], choices=sorted(configuration.MODELS))
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile", action="store_true", help="also torch.compile")
    arguments = parser.parse_args()
    for name in arguments.model:
        measure(configuration.override(configuration.template(name), {"batch_size": str(arguments.batch)}), arguments)


def measure(config: Config, arguments: argparse.Namespace) -> None:
    rng = np.random.default_rng(0)
    shape = (config.training.batch_size, 1, config.crop_samples)
    targets = rng.uniform(-0.1, 0.1, (shape[0], 1, *shape[1:])).astype(np.float32)
    batch = {"mixture": targets[:, 0] + rng.uniform(-0.1, 0.1, shape).astype(np.float32), "targets": targets}
    steps = {"jax": jax_step(config, batch), "torch eager": torch_step(config, batch, compiled=False)}
    if arguments.compile:
        steps["torch compiled"] = torch_step(config, batch, compiled=True)
    for step in steps.values():
        step()  # compiles, or fills caches
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(arguments.rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start)
    medians = {name: float(np.median(values)) for name, values in times.items()}
    print(f"{type(config.model).__name__}, batch {shape[0]}, {jax.default_backend()}, {jax.device_count()} device(s)")
    for name, seconds in medians.items():
        print(f"  {name:<15} {shape[0] / seconds:8.2f} samples/s   jax is {seconds / medians['jax']:.2f} x as fast")


def jax_step(config: Config, batch: dict[str, np.ndarray]):
    model, mesh = networks.build(config), make_mesh()
    optimizer = make_optimizer(config.training, 1000)
    train_step = make_train_step(model, make_criterion(config.training), optimizer, config.training, mesh)
    state = new_state(model.init(jax.random.key(0), config.crop_samples), optimizer)
    on_device = put(batch, mesh)

    def step():
        nonlocal state
        state, metrics = train_step(state, on_device)
        metrics["loss"].block_until_ready()
        jax.block_until_ready(state)

    return step


def torch_step(config: Config, batch: dict[str, np.ndarray], compiled: bool):
    """The loop that a torch user would write."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, training = config.model, config.training
    network_class = getattr(torch_networks, type(model).__name__)
    frames = 1 + -(-config.crop_samples // model.hop_length)
    network = network_class(model.num_bins, frames, hidden_channels=model.hidden_channels, dropout_p=model.dropout_p)
    network = network.to(device, memory_format=torch.channels_last).train()
    forward = torch.compile(network) if compiled else network
    optimizer = torch.optim.AdamW(network.parameters(), training.lr, weight_decay=training.weight_decay)
    window = torch.hann_window(model.window_size, device=device)
    mixture, target = (torch.from_numpy(batch[name]).to(device).reshape(-1, batch[name].shape[-1])
                       for name in ("mixture", "targets"))
    padding = -mixture.shape[-1] % model.hop_length

    def magnitude(audio):
        audio = torch.nn.functional.pad(audio, (0, padding))
        spectrum = torch.stft(audio, model.num_fft, model.hop_length, model.window_size, window, return_complex=True)
        return spectrum.abs()[:, None]

    def step():
        optimizer.zero_grad(set_to_none=True)
        seen = magnitude(mixture)
        low = seen[:, :, :model.num_bins].contiguous(memory_format=torch.channels_last)
        mask = torch.nn.functional.pad(forward(low), (0, 0, 0, seen.shape[2] - model.num_bins))
        loss = torch.nn.functional.l1_loss(mask * seen, magnitude(target))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), training.max_grad_norm)
        optimizer.step()
        return loss.item()

    return step


if __name__ == "__main__":
    main()
