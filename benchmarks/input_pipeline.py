"""Does reading crops from disk hold up training? Time of steps fed from disk over that of steps fed from memory.

    python benchmarks/input_pipeline.py [DATASET] [--steps N] [--rounds N]

Blocks of steps with batches from disk and with one batch that stays in memory alternate, so that whatever else
the machine does falls on both. Without DATASET, songs are generated.
"""

import argparse
import tempfile
import time

import jax
import numpy as np
from arguments import whole_number

from auralflow.songs import make_songs
from auralflow_core import config as configuration
from auralflow_core.data.training import training_tracks
from auralflow_jax.data.batches import training_batches
from auralflow_jax.data.crops import TrainingCrops
from auralflow_jax.losses import make_loss
from auralflow_jax.models.registry import build
from auralflow_jax.train.optimizer import make_optimizer
from auralflow_jax.train.sharding import make_mesh, shard_batch
from auralflow_jax.train.state import new_state
from auralflow_jax.train.step import make_train_step


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", nargs="?")
    parser.add_argument("--model", choices=list(configuration.MODELS), metavar="NAME", default="SpectrogramNetSimple")
    parser.add_argument("--steps", type=whole_number, default=8, help="steps in a block")
    parser.add_argument("--rounds", type=whole_number, default=3, help="blocks of each kind")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as songs:
        if arguments.dataset is None:
            make_songs(songs, tracks=6, seconds=30.0)
        measure(arguments.dataset or songs, arguments)


def measure(dataset: str, arguments: argparse.Namespace) -> None:
    config = configuration.template(arguments.model)
    tracks, _, _ = training_tracks(dataset)
    model, mesh = build(config), make_mesh()
    optimizer = make_optimizer(config.training, 1000)
    state = new_state(model.init(jax.random.key(0), config.crop_samples), optimizer)
    train_step = make_train_step(
        model, make_loss(config.training, model.represent), optimizer, ema_decay=config.training.ema_decay
    )
    batches = training_batches(TrainingCrops(tracks, config))

    def block(source) -> float:
        nonlocal state
        start = time.perf_counter()
        for _ in range(arguments.steps):
            batch = next(source)
            batch.pop("tracks", None)
            state, metrics = train_step(state, shard_batch(batch, mesh))
        jax.block_until_ready(metrics)
        return time.perf_counter() - start

    kept = next(batches)

    def memory():
        while True:
            yield dict(kept)

    block(memory())  # compiles
    times = np.array([(block(batches), block(memory())) for _ in range(arguments.rounds)])
    batches.close()
    for from_disk, from_memory in times:
        print(
            f"{arguments.steps} steps: from disk {from_disk:.2f} s, from memory {from_memory:.2f} s, "
            f"ratio {from_disk / from_memory:.3f}"
        )
    disk, memory_time = times.sum(0)
    print(f"all: ratio {disk / memory_time:.3f}")


if __name__ == "__main__":
    main()
