"""CPU seconds that JAX takes to trace and to compile a network of full size: separation, and the training step.

    python benchmarks/compile_imported.py [--model htdemucs scnet ...] [--seconds S] [--programs separation training]

Nothing runs, nothing is kept on disk. The sizes are those of `imported_networks.py`; one crop of `--seconds` in a
training step, one segment in separation.
"""

import argparse
import time

import jax
import numpy as np
from arguments import duration
from imported_networks import MODELS, RATE

from auralflow_core.config import Config, DatasetConfig, TrainingConfig
from auralflow_jax.losses import make_loss
from auralflow_jax.models.base import abstract_variables
from auralflow_jax.models.registry import build
from auralflow_jax.separation import compiled_estimate
from auralflow_jax.train.optimizer import make_optimizer
from auralflow_jax.train.state import initial_state
from auralflow_jax.train.step import make_train_step


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", nargs="+", choices=list(MODELS), default=["htdemucs", "scnet", "scnet-xl"])
    parser.add_argument("--seconds", type=duration, default=4.0, help="of a crop (default: %(default)g)")
    parser.add_argument("--programs", nargs="+", choices=("separation", "training"), default=("separation", "training"))
    arguments = parser.parse_args()
    print("| network | program | trace, CPU-s | compile, CPU-s | plan, GB |\n| --- | --- | ---: | ---: | ---: |")
    for name in arguments.model:
        size = MODELS[name]
        for program in arguments.programs:
            seconds = size.segment / RATE if program == "separation" else arguments.seconds
            config = Config(
                model=size.model,
                dataset=DatasetConfig(sample_length=seconds),
                training=TrainingConfig(loss_domain="audio", batch_size=1),
            )
            show(size.name, program, separation(config) if program == "separation" else training(config))


def separation(config: Config) -> tuple:
    """The program, and its arguments."""
    model = build(config).replace(variables=abstract_variables(config))
    return compiled_estimate(), (model, audio(config))


def training(config: Config) -> tuple:
    """The program, and its arguments."""
    model, optimizer = build(config), make_optimizer(config.training, 1000)
    step = make_train_step(model, make_loss(config.training, model.represent), optimizer)
    targets = audio(config, len(config.model.targets))
    state = jax.eval_shape(lambda: initial_state(model, optimizer, config))
    return step, (state, {"mixture": audio(config), "targets": targets})


def audio(config: Config, *targets: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((1, *targets, config.model.num_channels, config.crop_samples), np.float32)


def show(network: str, program: str, call: tuple) -> None:
    """Prints a line of the table."""
    function, arguments = call
    started = time.process_time()
    lowered = function.lower(*arguments)
    traced = time.process_time()
    plan = lowered.compile().memory_analysis()
    compiled = time.process_time()
    memory = (plan.argument_size_in_bytes + plan.temp_size_in_bytes) / 1e9
    print(f"| {network} | {program} | {traced - started:.1f} | {compiled - traced:.1f} | {memory:.2f} |", flush=True)


if __name__ == "__main__":
    main()
