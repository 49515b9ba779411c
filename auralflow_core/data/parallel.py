"""Work on many tracks at a time."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from rich.console import Console

from auralflow_core.console.progress import progress_bar
from auralflow_core.data.track import Track

THREADS = min(8, os.cpu_count() or 1)  # decoders and numpy leave the interpreter to the others while they work

Result = TypeVar("Result")


def map_tracks(
    function: Callable[[Track], Result], tracks: Sequence[Track], verb: str, console: Console | None = None
) -> list[Result]:
    """Calls a function for every track, in several threads, and shows a bar in minutes of audio.

    Args:
        function: of a track.
        tracks: the tracks.
        verb: what is done, for the bar.
        console: where to; default: standard output.

    Returns:
        The results, in the order of the tracks.

    Raises:
        KeyboardInterrupt: the process was asked to end; calls under way end first, and the others are not begun.
    """
    minutes = [track.seconds * len(track.files) / 60 for track in tracks]
    pool = ThreadPoolExecutor(THREADS)
    try:
        with progress_bar(sum(minutes), "minutes of audio", console) as advance:
            places = {pool.submit(function, track): place for place, track in enumerate(tracks)}
            results = {}
            for future in as_completed(places):
                place = places[future]
                results[place] = future.result()
                advance(f"{verb} {tracks[place].label}", minutes[place])
    finally:
        pool.shutdown(cancel_futures=True)
    return [results[place] for place in range(len(tracks))]
