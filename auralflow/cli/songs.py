"""`auralflow songs`: generates a dataset of songs."""

import argparse
from pathlib import Path

from auralflow_core.console.parser import Parser
from auralflow_core.console.text import count


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    parser.add_argument("directory", metavar="DIR", help="a new or empty folder")
    parser.add_argument("--tracks", type=int, default=7, help="number of songs, at least 3 (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other songs (default: %(default)s)")
    parser.add_argument(
        "--sound",
        default="synthesized",
        help="synthesized; or sampled: instruments of a soundfont and sung words, which need fluidsynth and flite "
        "(default: %(default)s)",
    )
    parser.add_argument("--soundfont", metavar="PATH", help="for sampled songs (default: a soundfont of the system)")


def run(arguments: argparse.Namespace) -> None:
    """Generates the songs and prints how many are in each split."""
    from auralflow.songs.dataset import make_new_songs
    from auralflow_core.console.progress import progress_bar

    directory = Path(arguments.directory)
    with progress_bar(arguments.tracks, "songs") as advance:
        folders = make_new_songs(
            directory,
            tracks=arguments.tracks,
            seconds=arguments.seconds,
            seed=arguments.seed,
            sound=arguments.sound,
            soundfont=arguments.soundfont,
            progress=lambda done, total: advance("", done),
        )
    splits = [folder.parent.name for folder in folders]
    counts = ", ".join(f"{splits.count(split)} {split}" for split in dict.fromkeys(splits))
    print(f"Wrote {count(len(folders), 'song')} of {arguments.seconds:g} s to {directory} ({counts}).")
