"""The share of a network's time that its LSTMs take, on one segment, in both frameworks.

    python benchmarks/lstm_share.py [--model NAME] [--rounds N]

Random weights at the template's size. CPU seconds, medians of the rounds after the first, which compiles. In PyTorch
the LSTMs are timed where they stand; in JAX, where a network is one program, those of each shape alone, as well as the
products of the inputs of all their steps, so that the rest is what their scans take, one step after the other.
"""

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from arguments import duration, whole_number

from auralflow_core.config import MODELS, Config, template


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", choices=list(MODELS), metavar="NAME", default="SCNet", help="default: %(default)s")
    parser.add_argument("--seconds", type=duration, default=11.0, help="of the segment (default: %(default)g)")
    parser.add_argument("--rounds", type=whole_number, default=3, help="default: %(default)s")
    arguments = parser.parse_args()
    config = template(arguments.model)
    samples = round(arguments.seconds * config.model.sample_rate)
    audio = np.random.default_rng(0).standard_normal((1, config.model.num_channels, samples)).astype(np.float32)
    print("| | network | LSTMs | their scans |\n| --- | ---: | ---: | ---: |")
    for name, measure in (("PyTorch", in_torch), ("JAX", in_jax)):
        print(f"| {name} |" + "".join(f" {value:.2f} |" for value in measure(config, audio, arguments.rounds)))


def timed(function: Callable[[], Any], rounds: int) -> float:
    """The CPU seconds of a call, after one that does not count."""
    function()
    times = []
    for _ in range(rounds):
        started = time.process_time()
        function()
        times.append(time.process_time() - started)
    return statistics.median(times)


def in_torch(config: Config, audio: np.ndarray, rounds: int) -> list[float]:
    """Seconds of the network, and of its LSTMs."""
    import torch

    from auralflow_torch.layers.lstm import LSTM
    from auralflow_torch.models import create_model

    model, spent, started = create_model(config).eval(), [0.0], [0.0]
    for module in model.modules():
        if isinstance(module, LSTM):
            module.register_forward_pre_hook(lambda *_: started.append(time.process_time()))
            module.register_forward_hook(lambda *_: spent.append(time.process_time() - started[-1]))
    with torch.inference_mode():
        whole = timed(lambda: model.estimate(torch.from_numpy(audio)), rounds)
    return [whole, sum(spent) / (rounds + 1)]


def in_jax(config: Config, audio: np.ndarray, rounds: int) -> list[float]:
    """Seconds of the network, of its LSTMs, and of these without the products of their inputs."""
    import jax
    from flax import linen as nn

    from auralflow_jax.layers.lstm import LSTM
    from auralflow_jax.models import create_model
    from auralflow_jax.separation import compiled_estimate

    model, shapes = create_model(config), []

    def listen(call: Callable, arguments: tuple, options: dict, context: nn.module.InterceptorContext) -> Any:
        if isinstance(context.module, LSTM) and context.method_name == "__call__":
            shapes.append((context.module.hidden_size, arguments[0].shape))
        return call(*arguments, **options)

    with nn.intercept_methods(listen):
        jax.eval_shape(model.estimate, audio)
    whole = timed(partial(finished, compiled_estimate(), model, audio), rounds)
    product, layers, products = jax.jit(jax.numpy.matmul), 0.0, 0.0
    for (hidden, shape), number in Counter(shapes).items():
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        layer = LSTM(hidden)
        variables = layer.init(jax.random.key(0), x[:, :2])
        weight = np.ones((shape[-1], 8 * hidden), np.float32)  # four gates of two directions
        layers += number * timed(partial(finished, jax.jit(layer.apply), variables, x), rounds)
        products += number * timed(partial(finished, product, x, weight), rounds)
    return [whole, layers, layers - products]


def finished(function: Callable, *arguments: Any) -> None:
    """Calls a program of JAX, and waits for its end."""
    function(*arguments).block_until_ready()


if __name__ == "__main__":
    main()
