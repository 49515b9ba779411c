"""The page of a listening test: one file that holds audio, style and script, and asks nothing of a network."""

import hashlib
import json
import os
from collections.abc import Sequence
from importlib import resources

import numpy as np

from auralflow.listening.stimuli import Trial
from auralflow.report.players import LOSSLESS, sound
from auralflow_core.errors import InputError, printable
from auralflow_core.storage.atomic import replacing

FORMAT = 1  # of the results
LARGEST = 64 << 20  # bytes of a page's sounds, so that it can be sent


def write_test(path: str | os.PathLike, trials: Sequence[Trial]) -> tuple[int, int]:
    """Writes the page atomically.

    Sounds are flac of 16 bits. Of trials that do not fit in `LARGEST` bytes together, evenly chosen ones are left out.

    Args:
        path: of the HTML file.
        trials: the pages.

    Returns:
        The number of trials on the page, and the page's size in bytes.

    Raises:
        InputError: there are no trials.
    """
    if not trials:
        raise InputError(f"{path}: a listening test needs a target that is heard; all are silent")
    encoded = [[sound(stimulus.audio, trial.sample_rate, LOSSLESS) for stimulus in trial.stimuli] for trial in trials]
    chosen = _choose([sum(map(len, sounds)) for sounds in encoded])
    page = _page([trials[index] for index in chosen], [encoded[index] for index in chosen])
    with replacing(path) as aside:
        aside.write_text(page, encoding="utf-8")
    return len(chosen), len(page.encode())


def _choose(sizes: Sequence[int]) -> list[int]:
    """As many evenly spaced indices as fit in `LARGEST` bytes; one at least."""
    for number in range(len(sizes), 1, -1):
        places = [round(place) for place in np.linspace(0, len(sizes) - 1, number)]
        if sum(sizes[place] for place in places) <= LARGEST:
            return places
    return [0]


def _page(trials: Sequence[Trial], encoded: Sequence[Sequence[str]]) -> str:
    """The page's text; the test's name is a digest of all that is in it."""
    listed = [
        {
            "track": printable(trial.track),
            "target": trial.target,
            "start": round(trial.start, 3),
            "stimuli": [{"name": printable(name), "kind": kind} for name, kind, _ in trial.stimuli],
        }
        for trial in trials
    ]
    sounds = "\n".join(
        f'<script type="text/plain" id="sound-{page}-{place}">{uri}</script>'
        for page, uris in enumerate(encoded)
        for place, uri in enumerate(uris)
    )
    digest = hashlib.sha256((json.dumps(listed) + sounds).encode()).hexdigest()[:16]
    seconds = round(max(trial.stimuli[0].audio.shape[1] / trial.sample_rate for trial in trials))
    about = json.dumps({"format": FORMAT, "test": digest, "seconds": seconds, "trials": listed}).replace("<", "\\u003c")
    parts = {name: _text(f"test.{name}") for name in ("css", "js")} | {"about": about, "sounds": sounds}
    page = _text("test.html")
    for name, text in parts.items():
        page = page.replace(f"<!-- {name} -->", text, 1)
    return page


def _text(name: str) -> str:
    return resources.files("auralflow.listening").joinpath(name).read_text(encoding="utf-8")
