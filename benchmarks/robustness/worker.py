"""The kinds of damaged input, and processes that run their cases."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import numpy as np

from robustness import files, kills, runs, sounds
from robustness.outcomes import Outcome

STARTED = 900  # seconds in which a process has made the originals


class Kind(NamedTuple):
    """A kind of damaged input.

    Attributes:
        count: the number of cases.
        prepare: makes what is damaged in a folder, once for each process.
        attempt: makes a case in another, empty folder, with its random numbers, and runs commands on it.
        limit: seconds of a case.
    """

    count: int
    prepare: Callable[[Path], None]
    attempt: Callable[[Path, Path, np.random.Generator], list[Outcome]]
    limit: float = 20


KINDS = {
    "configurations": Kind(1000, files.void, files.mutate_configuration),
    "weights": Kind(1400, files.make_weights, files.mutate_weights),
    "recipes": Kind(300, files.void, files.mutate_recipe),
    "audio": Kind(2000, sounds.make_sounds, sounds.mutate_sound),
    "checkpoints": Kind(60, runs.make_runs, runs.damage_checkpoint),
    "kills": Kind(200, kills.make_victims, kills.kill, limit=600),  # with the command's uninterrupted run
}


def attempt(kind: Kind, originals: Path, seed: int, number: int) -> list[Outcome]:
    """Makes and runs a case."""
    with tempfile.TemporaryDirectory(prefix="case-") as folder:
        return kind.attempt(originals, Path(folder), np.random.default_rng([seed, number]))


def work(name: str, seed: int, pipe: Connection) -> None:
    """Answers numbers of cases with their outcomes, in a process that may hang or crash."""
    silent = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # what is damaged is made with some words, and libraries in C write there
        os.dup2(silent, stream)
    kind = KINDS[name]
    with tempfile.TemporaryDirectory(prefix="originals-") as folder:
        kind.prepare(Path(folder))
        pipe.send("ready")
        while (number := pipe.recv()) is not None:
            pipe.send(attempt(kind, Path(folder), seed, number))


class Worker:
    """A process that runs cases of a kind, and is started again when one has ended it."""

    def __init__(self, name: str, seed: int):
        self.name, self.seed = name, seed
        self.process: BaseProcess | None = None

    def run(self, number: int) -> list[Outcome]:
        """The outcomes of a case."""
        if self.process is None:
            self._start()
        self.pipe.send(number)
        return self._receive(KINDS[self.name].limit)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        process = context.Process(target=work, args=(self.name, self.seed, theirs), daemon=True)
        process.start()
        self.process = process
        theirs.close()
        if self._receive(STARTED) != "ready":
            raise RuntimeError(f"{self.name}: what is to be damaged cannot be made")

    def _receive(self, seconds: float):
        fault = f"hangs: more than {seconds} s"
        try:
            if self.pipe.poll(seconds):
                return self.pipe.recv()
        except (EOFError, OSError):
            fault = "crash: the process ended"
        assert self.process is not None
        self.process.kill()
        self.process.join()
        self.process = None
        return [Outcome("case", faults=[fault])]

    def close(self) -> None:
        """Ends the process."""
        if self.process is not None:
            self.pipe.send(None)
            self.process.join()
