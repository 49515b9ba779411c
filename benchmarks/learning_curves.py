"""How well the networks learn: validation SI-SDR of each, epoch by epoch, side by side.

    python benchmarks/learning_curves.py FOLDER [--model NAME ...] [--epochs N ...] [--preset tiny] [--kl_weight X ...]
                                  [--seed N ...]

Songs are generated in FOLDER/songs and each run has a model folder next to them, so that a repeated command goes on
where it stopped. All see the same crops in the same order. The U-Net is shallow: about a second wide, against crops
of three, so that what a bottleneck with memory knows of the rest of a phrase is new to it. A network with a latent
variable is trained once for each weight of its divergence. With a number of epochs for each model, networks that cost
more are compared at equal CPU time: the rows are equal shares of their runs, and the last row says what they took.
"""

import argparse
import itertools
import time
from pathlib import Path

from arguments import add_settings, duration, refused_by, whole_number
from rich.console import Console

from auralflow.songs import make_songs
from auralflow_core.config import MODELS, Config, override
from auralflow_core.config.templates import read_template, templates_folder
from auralflow_core.console.progress import progress_bar
from auralflow_core.model_folder import ModelFolder
from auralflow_jax.compilation_cache import enable_cache
from auralflow_jax.train.run import train
from bridge.parity.twins import network_shapes

RUN = {
    "samples_per_epoch": "160",
    "batch_size": "4",
    "lr_schedule": "cosine",
    "ema_decay": "0.97",
    "criterion": "si_sdr",
    "num_snippets": "0",
    "tensorboard": "false",
}
SHALLOW = {
    "hop_length": "1024",
    "num_bins": "384",
    "high_bins": "mean",
    "hidden_channels": "16",
    "depth": "2",
    "recurrent_depth": "2",
    "lr": "0.005",
    "warmup_steps": "10",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--model",
        nargs="+",
        choices=list(MODELS),
        metavar="NAME",
        default=["SpectrogramNetSimple", "SpectrogramNetLSTM", "SpectrogramNetVAE"],
        help=f"of {', '.join(MODELS)}; default: the first three",
    )
    parser.add_argument(
        "--epochs",
        nargs="+",
        type=whole_number,
        default=[10],
        metavar="N",
        help="of 160 crops, for all models or for each",
    )
    parser.add_argument("--tracks", type=whole_number, default=42, help="songs; five of seven are trained on")
    parser.add_argument("--seconds", type=duration, default=10.0, help="length of a song")
    parser.add_argument("--kl_weight", nargs="+", default=["0.001"], metavar="X")
    parser.add_argument("--seed", nargs="+", default=["0"], metavar="N", help="one run with each")
    parser.add_argument("--preset", help="of the models that have it, in place of the shallow U-Net's settings")
    add_settings(parser)
    arguments = parser.parse_args()
    if len(arguments.epochs) not in (1, len(arguments.model)):
        parser.error(f"--epochs takes one number or {len(arguments.model)}, one for each model")
    with refused_by(parser):
        configs = runs(arguments)
    enable_cache()
    songs = arguments.folder / "songs"
    with progress_bar(arguments.tracks, "songs") as advance:
        make_songs(songs, arguments.tracks, arguments.seconds, progress=lambda done, _: advance("making songs", done))
    histories, minutes = {}, {}
    for name, config in configs.items():
        folder = ModelFolder(arguments.folder / name.replace(" ", "-"))
        folder.save_config(config)
        started = time.process_time()
        histories[name] = train(folder.path, songs, console=Console(stderr=True))
        minutes[name] = (time.process_time() - started) / 60
    show(histories, minutes)


def runs(arguments: argparse.Namespace) -> dict[str, Config]:
    """The configuration of each run, by its name."""
    configs = {}
    epochs = dict(zip(arguments.model, itertools.cycle(arguments.epochs), strict=False))
    for model, seed in itertools.product(arguments.model, arguments.seed):
        has_preset = arguments.preset and (templates_folder() / arguments.preset / f"{model}.json").exists()
        base = read_template(model, arguments.preset if has_preset else None)
        known = {
            leaf
            for group in (base.model, base.dataset, base.training, base.visualizer)
            for leaf in group.__struct_fields__
        }
        settings = RUN | ({} if has_preset else SHALLOW)
        changes = {key: value for key, value in settings.items() if key in known}
        changes |= {"max_epochs": str(epochs[model]), "stop_patience": str(epochs[model]), "seed": seed}
        changes |= dict(arguments.set)
        config = override(base, changes)
        has_latent = network_shapes(config, batch=1)[2] is not None
        for weight in arguments.kl_weight if has_latent else [None]:
            name = " ".join(
                [model]
                + [f"seed {seed}"] * (len(arguments.seed) > 1)
                + [f"kl {weight}"] * (weight is not None and len(arguments.kl_weight) > 1)
            )
            configs[name] = config if weight is None else override(config, {"kl_weight": weight})
    return configs


def show(histories: dict[str, list[dict]], minutes: dict[str, float]) -> None:
    """Prints the curves, mean over the targets in dB, and the CPU minutes that the runs took."""
    rows = min(map(len, histories.values()))
    equal = rows == max(map(len, histories.values()))
    print(f"| {'epoch' if equal else 'share'} |{''.join(f' {name} |' for name in histories)}")
    print(f"| ---: |{' ---: |' * len(histories)}")
    for row in range(1, rows + 1):
        scores = [history[len(history) * row // rows - 1]["si_sdr"].values() for history in histories.values()]
        means = [sum(score) / len(score) for score in scores]
        print(f"| {row if equal else f'{row / rows:.0%}'} |{''.join(f' {mean:.2f} |' for mean in means)}")
    print(f"| CPU minutes |{''.join(f' {minutes[name]:.1f} |' for name in histories)}")


if __name__ == "__main__":
    main()
