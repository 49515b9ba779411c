"""Servers, each a process of its own, and songs for them."""

import dataclasses
import json

import numpy as np
import pytest
import soundfile as sf
from studio_server import Server

from auralflow.studio.jobs import Job


@pytest.fixture(scope="session")
def start():
    """Starts servers, which end with the tests."""
    servers = []

    def start(library, *arguments, **streams):
        servers.append(Server(library, *arguments, **streams))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.end()


@pytest.fixture(scope="session")
def serve(start, trained):
    """Starts servers with a small model."""
    return lambda library, *arguments, **streams: start(library, "--model", trained.model.path, *arguments, **streams)


@pytest.fixture(scope="session")
def server(serve, tmp_path_factory):
    return serve(tmp_path_factory.mktemp("library"))


@dataclasses.dataclass
class Known:
    """A song whose stems are known: float32 (samples, channels), by name."""

    id: str
    rate: int
    stems: dict


def put_song(library, number, name, rate, stems, format="wav"):
    """Puts a song into a library, as if it had been separated."""
    job = Job(f"song-{number:016x}", "song.wav", name, "a/model", format, state="done", progress=1.0, created=number)
    job.stems, job.seconds = [f"{stem}.{format}" for stem in stems], len(next(iter(stems.values()))) / rate
    (library / job.id / "stems").mkdir(parents=True)
    for file, audio in zip(job.stems, stems.values(), strict=True):
        path = library / job.id / "stems" / file
        if format == "wav":
            sf.write(path, audio, rate, subtype="FLOAT")
        else:
            sf.write(path, audio, rate)
    sf.write(library / job.id / job.file, sum(stems.values()), rate, subtype="FLOAT")
    (library / job.id / "job.json").write_text(json.dumps(dataclasses.asdict(job)), encoding="utf-8")
    return Known(job.id, rate, stems)


@pytest.fixture
def known_song():
    """See `put_song`."""
    return put_song


RATE = 8000
HOSTILE = "<img src=x onerror=alert(1)> & <b>bold</b>"


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """A library of a few songs whose stems are known, and those songs."""
    folder, random = tmp_path_factory.mktemp("known"), np.random.default_rng(0)
    noise = {name: random.uniform(-0.3, 0.3, (5 * RATE, 2)).astype(np.float32) for name in ("drums", "bass")}
    mono = random.uniform(-0.3, 0.3, (2 * RATE, 1)).astype(np.float32)
    time = np.arange(6 * 44100) / 44100
    sine = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)[:, None]
    pitches = {"vocals": 440, "drums": 110, "bass": 55, "other": 880}
    four = {name: np.repeat(0.4 * np.sin(np.pi * f * time[:44100]), 2).reshape(-1, 2) for name, f in pitches.items()}
    four = {name: (0.5 * audio).astype(np.float32) for name, audio in four.items()}
    return folder, {
        "four": put_song(folder, 4, "Of four stems", 44100, four),
        "noise": put_song(folder, 1, HOSTILE, RATE, noise),
        "sine": put_song(folder, 2, "A sine", 44100, {"piano": sine}),
        "flac": put_song(folder, 3, "Of mono", RATE, {"vocals": mono}, "flac"),
    }


@pytest.fixture(scope="session")
def studio(start, library):
    """A studio with that library."""
    return start(library[0], "--no_open", name="studio")


@pytest.fixture(scope="session")
def song(tmp_path_factory):
    """A second of noise in stereo."""
    path = tmp_path_factory.mktemp("song") / "näme <b>.wav"
    sf.write(path, 0.1 * np.random.default_rng(0).standard_normal((8000, 2)), 8000, subtype="PCM_16")
    return path


@pytest.fixture(scope="session")
def long_song(tmp_path_factory):
    """An hour of silence, which takes long."""
    path = tmp_path_factory.mktemp("song") / "long.flac"
    sf.write(path, np.zeros(3600 * 8000, np.int16), 8000)
    return path
