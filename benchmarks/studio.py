"""The studio's page: how soon it can be used, its time next to the command's, its memory, and its cancellation.

    python benchmarks/studio.py [--rounds N] [--seconds S] [--songs N] [--model NAME]

Linux, with Chromium on the PATH. Each round starts servers of its own, and takes the page and the command in turns:

- start: from the start of `auralflow studio` to a page with its place for songs, in a browser that is open already;
- song: from choosing a file on the page until its stems are there, and `auralflow separate` of the same file with the
  same model, its programs compiled before; the first song of a server, whose worker has to load the model, and the
  second one;
- memory: the most that server and worker held, by the system's account, after one song and after many that were queued
  at once;
- cancel: from asking for the end of a song in the middle until the next one in the queue is begun.

The songs are noise, stereo, 44.1 kHz, in flac files; the figures are medians.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from arguments import duration, whole_number
from memory import song
from processes import measure

sys.path.append(str(Path(__file__).parents[1] / "tests" / "helpers"))
import chromium
from studio_server import Server

READY = """
const until = async condition => { while (!condition()) await new Promise(done => setTimeout(done, 5)); };
"""
DONE = "await until(() => document.querySelectorAll('.song[data-state=done]').length === COUNT);"
IDLE = 3.0  # seconds after the page is there in which a person chooses a song
LONG = 20.0  # minutes of the song that is cancelled


class Round(NamedTuple):
    """Seconds of one round."""

    start: float
    command: float
    first: float
    second: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--rounds", type=whole_number, default=5, help="servers that are started (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=duration, default=60, help="length of a song (default: %(default)g)")
    parser.add_argument(
        "--songs", type=whole_number, default=10, help="songs that are queued at once (default: %(default)s)"
    )
    parser.add_argument("--model", default="auralflow-4stems", help="a ready model, or a folder (default: %(default)s)")
    arguments = parser.parse_args()
    if chromium.PATH is None or sys.platform != "linux":
        sys.exit("this needs Linux, and Chromium or Chrome on the PATH")
    with tempfile.TemporaryDirectory() as name, chromium.started() as browser:
        folder, model = Path(name), arguments.model
        path = song(folder / "song.flac", arguments.seconds / 60)
        separate(model, path)  # what is compiled is kept
        with studio(folder / "warm", model):
            pass
        rounds = [time_round(browser, model, path, folder / f"round-{k}") for k in range(arguments.rounds)]
        print_times(rounds)
        print_memory(model, path, [1, arguments.songs], folder)
        print_cancel(model, song(folder / "long.flac", LONG), path, arguments.rounds, folder / "cancel")


def time_round(browser: chromium.Browser, model: str, path: Path, library: Path) -> Round:
    """Times a server's start and its first songs, and the command."""
    command = separate(model, path)
    browser.visit("about:blank")
    began = time.perf_counter()
    with studio(library, model) as server:
        browser.visit(server.address())
        browser.run(f"{READY} await until(() => document.querySelector('.drop'));")
        start = time.perf_counter() - began
        time.sleep(IDLE)
        return Round(start, command, *(choose(browser, path, count) for count in (1, 2)))


def separate(model: str, path: Path) -> float:
    """Seconds of `auralflow separate`."""
    arguments = ["-m", "auralflow", "separate", model, path, "--save", path.parent / "stems", "--overwrite"]
    return measure(arguments, "auralflow separate").wall


def choose(browser: chromium.Browser, path: Path, count: int) -> float:
    """Chooses a file on the page; returns the seconds until there are so many songs with stems."""
    found = browser.send("Runtime.evaluate", expression="document.querySelector('input[type=file]')")["result"]
    began = time.perf_counter()
    browser.send("DOM.setFileInputFiles", files=[str(path)], objectId=found["objectId"])
    browser.run(READY + DONE.replace("COUNT", str(count)))
    return time.perf_counter() - began


@contextlib.contextmanager
def studio(library: Path, model: str) -> Iterator[Server]:
    """Runs `auralflow studio`, with a model as the first of its list."""
    server = Server(library, "--no_open", "--model", model, name="studio")
    try:
        yield server
    finally:
        server.end()


def print_times(rounds: Sequence[Round]) -> None:
    start, command, first, second = map(statistics.median, zip(*rounds, strict=True))
    least = min(times.start for times in rounds)
    print(f"From the command to the page: {start:.2f} s (the least of {len(rounds)}: {least:.2f} s).\n")
    print("| a song | s | x the command |\n| --- | ---: | ---: |")
    print(f"| auralflow separate | {command:.2f} | |")
    for name, place, seconds in (("first", 2, first), ("second", 3, second)):
        ratio = statistics.median(times[place] / times.command for times in rounds)
        print(f"| on the page, the {name} of a server | {seconds:.2f} | {ratio:.2f} |", flush=True)


def print_memory(model: str, path: Path, counts: Sequence[int], folder: Path) -> None:
    print("\n| songs in the queue | server | worker |\n| ---: | ---: | ---: |")
    for place, count in enumerate(counts):
        with studio(folder / f"memory-{place}", model) as server:
            jobs = [server.send(path) for _ in range(count)]
            for job in jobs:
                assert server.wait(job, "done", "failed", seconds=3600)["state"] == "done"
            own, worker = (f"{size / 2**20:.0f} MiB" for size in peaks(server))
        print(f"| {count} | {own} | {worker} |", flush=True)


def peaks(server: Server) -> tuple[int, int]:
    """The most memory that a server and its worker have held, in bytes."""
    children = psutil.Process(server.process.pid).children()
    return peak(server.process.pid), max(peak(child.pid) for child in children)


def peak(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


def print_cancel(model: str, long: Path, path: Path, rounds: int, library: Path) -> None:
    times, killed = [], 0
    with studio(library, model) as server:
        for _ in range(rounds):
            first, following = server.send(long), server.send(path)
            while server.get(f"/api/jobs/{first['id']}")["progress"] == 0:
                time.sleep(0.02)
            before = workers(server)
            began = time.perf_counter()
            server.ask("POST", f"/api/jobs/{first['id']}/cancel")
            server.wait(following, "running", "done")
            times.append(time.perf_counter() - began)
            killed += before != workers(server)
            server.wait(following, "done", seconds=3600)
    print(
        f"\nFrom a cancellation to the next song: {statistics.median(times):.2f} s, {max(times):.2f} s at most of "
        f"{rounds}; the process was ended {killed} times."
    )


def workers(server: Server) -> set[int]:
    """The processes of a server."""
    return {child.pid for child in psutil.Process(server.process.pid).children()}


if __name__ == "__main__":
    main()
