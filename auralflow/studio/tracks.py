"""What players need of songs: the sound of each stem in blocks, its outline, and mixes."""

import asyncio
import contextlib
import dataclasses
import shutil
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import quote

import numpy as np
from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from pydantic import Field

from auralflow.studio.files import KeptFile
from auralflow.studio.jobs import Format, Job, Library
from auralflow.studio.mixing import Fader, write_mix, write_rendered, write_stem_file
from auralflow.studio.peaks import write_peaks
from auralflow.studio.receiving import receive
from auralflow.studio.refusals import find
from auralflow_core.audio import probe, read
from auralflow_core.audio.encode import Encoding
from auralflow_core.errors import InputError
from auralflow_core.storage.staging import staging

Result = TypeVar("Result")

MOST = 1 << 18  # samples of a channel in one answer
LOUDEST = 4.0  # factor of a stem in a mix: 12 dB
Start = Annotated[int, Query(ge=0, description="the first sample")]
Count = Annotated[int, Query(ge=1, le=MOST, description="samples of each channel; fewer at the end")]


@dataclasses.dataclass(frozen=True)
class Track:
    """A file that a player plays.

    Attributes:
        name: of the file.
        address: of the file; `/samples` and `/peaks` after it are its sound and its outline.
        sample_rate: in Hz.
        channels: their number.
        samples: length of a channel.
    """

    name: str
    address: str
    sample_rate: int
    channels: int
    samples: int


@dataclasses.dataclass(frozen=True)
class Part:
    """A stem in a mix.

    Attributes:
        stem: name of its file.
        gain: factor of its samples.
        pan: from -1, left, to 1, right.
    """

    stem: str
    gain: Annotated[float, Field(ge=0, le=LOUDEST, allow_inf_nan=False)] = 1.0
    pan: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)] = 0.0


@dataclasses.dataclass(frozen=True)
class Mix:
    """A mix that was written.

    Attributes:
        address: of its file, which the next mix of the same format replaces.
        clipped: samples beyond full scale, which the format cut off.
    """

    address: str
    clipped: int


def add_tracks(app: FastAPI, library: Library) -> None:
    """Adds what players ask for: tracks, and their sound and outlines."""

    @app.get("/api/jobs/{id}/tracks")
    async def list_tracks(id: str) -> list[Track]:
        """The stems of a song and, last, the song itself, as a player needs them."""
        job = find(library, id)
        return await _at_work(job, library, lambda: _tracks(job, library))

    @app.get("/api/jobs/{id}/stems/{stem}/samples", response_class=Response)
    async def get_stem_samples(id: str, stem: str, start: Start = 0, samples: Count = MOST) -> Response:
        """A block of a stem: float32, little-endian, one channel after the other."""
        job = find(library, id)
        return await _samples(job, library, find_stem(library, job, stem), start, samples)

    @app.get("/api/jobs/{id}/song/samples", response_class=Response)
    async def get_song_samples(id: str, start: Start = 0, samples: Count = MOST) -> Response:
        """The same of the song itself."""
        job = find(library, id)
        return await _samples(job, library, library.song(job), start, samples)

    @app.get("/api/jobs/{id}/stems/{stem}/peaks", response_class=FileResponse)
    async def get_stem_peaks(id: str, stem: str) -> FileResponse:
        """A stem's outline: a pair of int8, the least and the greatest of 512 samples of all channels; 127 is 1."""
        job = find(library, id)
        return await _peaks(job, library, find_stem(library, job, stem))

    @app.get("/api/jobs/{id}/song/peaks", response_class=FileResponse)
    async def get_song_peaks(id: str) -> FileResponse:
        """The same of the song itself."""
        job = find(library, id)
        return await _peaks(job, library, library.song(job))


def add_mixes(app: FastAPI, library: Library) -> None:
    """Adds what writes mixes and hands them out."""
    one = asyncio.Lock()  # mixes are written one after the other, as a song is separated meanwhile

    @app.post("/api/jobs/{id}/mix", status_code=201)
    async def make_mix(id: str, parts: list[Part], format: Format = "wav") -> Mix:
        """Writes a mix of stems; those that are not named are silent."""
        job = find(library, id)
        faders = [Fader(find_stem(library, job, part.stem), part.gain, part.pan) for part in parts]
        if len({fader.file for fader in faders}) < max(1, len(faders)):
            raise InputError(f"{len(faders)} stems are named, expected at least one, and each once")
        path = library.path(job) / "mixes" / f"mix.{format}"
        async with one:
            clipped = await _at_work(job, library, lambda: write_mix(faders, path, Encoding(format)))
        return Mix(f"/api/jobs/{id}/mix/{format}", clipped)

    @app.post("/api/jobs/{id}/mix/{format}", status_code=201)
    async def take_mix(request: Request, id: str, format: Annotated[Format, InPath()]) -> Mix:
        """Takes a mix that a player has computed: float32, little-endian, left and right by turns, at the song's rate.

        It may be three times as long as the song.
        """
        job = find(library, id)
        info = await _at_work(job, library, lambda: probe(library.song(job)))
        path = library.path(job) / "mixes" / f"mix.{format}"
        async with _kept(job, library):
            with staging(library.path(job)) as folder:
                sound = folder / "sound"
                await receive(request, sound, 3 * 8 * info.samples)
                async with one:
                    encode = partial(write_rendered, sound, info.sample_rate, path, Encoding(format))
                    clipped = await asyncio.to_thread(encode)
        return Mix(f"/api/jobs/{id}/mix/{format}", clipped)

    @app.get("/api/jobs/{id}/mix/{format}", response_class=FileResponse)
    async def get_mix(id: str, format: Annotated[Format, InPath()]) -> FileResponse:
        """The file of the last mix in a format."""
        job = find(library, id)
        return KeptFile(library.path(job) / "mixes" / f"mix.{format}", filename=f"{job.name} (mix).{format}")


def add_stem_files(app: FastAPI, library: Library) -> None:
    """Adds what hands a song and its stems out as one file for DJ programs."""
    one = asyncio.Lock()

    @app.post("/api/jobs/{id}/stem-file", status_code=201)
    async def make_stem_file(id: str) -> Mix:
        """Writes a song and its four stems as one .stem.mp4."""
        job = find(library, id)
        stems = {Path(name).stem: find_stem(library, job, name) for name in job.stems}
        write = partial(write_stem_file, library.song(job), stems, library.path(job) / "mixes" / "all.stem.mp4")
        async with one:
            clipped = await _at_work(job, library, write)
        return Mix(f"/api/jobs/{id}/stem-file", clipped)

    @app.get("/api/jobs/{id}/stem-file", response_class=FileResponse)
    async def get_stem_file(id: str) -> FileResponse:
        """That file."""
        job = find(library, id)
        return KeptFile(library.path(job) / "mixes" / "all.stem.mp4", filename=f"{job.name}.stem.mp4")


def find_stem(library: Library, job: Job, stem: str) -> Path:
    """The file of a stem.

    Raises:
        HTTPException: the job has no such stem (404).
    """
    if (file := library.stem(job, stem)) is None:
        raise HTTPException(404, f"{job.name} has no stem {stem[:100]!r}; it has: {', '.join(job.stems) or 'none'}")
    return file


async def _samples(job: Job, library: Library, file: Path, start: int, samples: int) -> Response:
    """A block of a file.

    Raises:
        HTTPException: it begins behind the end (416).
    """

    def block() -> np.ndarray:
        if start >= (length := probe(file).samples):
            raise HTTPException(416, f"{file.name} has {length} samples, and none from {start} on")
        return read(file, start, samples)[0]

    audio = await _at_work(job, library, block)
    return Response(
        audio.astype("<f4").tobytes(), media_type="application/octet-stream", headers={"Cache-Control": "no-store"}
    )


async def _peaks(job: Job, library: Library, file: Path) -> FileResponse:
    """The outline of a file, which is written when it is first asked for."""
    folder = library.path(job)
    path = folder / "peaks" / file.relative_to(folder)
    if not path.exists():
        await _at_work(job, library, lambda: write_peaks(file, path))
    return KeptFile(path, media_type="application/octet-stream")


async def _at_work(job: Job, library: Library, function: Callable[[], Result]) -> Result:
    """Calls a function of a job's files in a thread; for errors, see `_kept`."""
    async with _kept(job, library):
        return await asyncio.to_thread(function)


@contextlib.asynccontextmanager
async def _kept(job: Job, library: Library) -> AsyncIterator[None]:
    """Guards what is done with a job's files.

    Raises:
        InputError: as the block, with the song's name in place of its folder, which stays this computer's own.
        OSError: the same.
        HTTPException: the job was deleted meanwhile (404).
    """
    try:
        yield
    except InputError as error:
        raise InputError(library.words(job, error)) from None
    except OSError as error:
        raise OSError(library.words(job, error.strerror or error)) from None
    finally:
        if job.id not in library.jobs:
            await asyncio.to_thread(shutil.rmtree, library.path(job), ignore_errors=True)  # which was made anew
            raise HTTPException(404, f"{job.name} was deleted")


def _tracks(job: Job, library: Library) -> list[Track]:
    address = f"/api/jobs/{job.id}"
    files = [(f"{address}/stems/{quote(stem, safe='')}", find_stem(library, job, stem)) for stem in job.stems]
    files.append((f"{address}/song", library.song(job)))
    found = []
    for where, file in files:
        info = probe(file)
        found.append(Track(file.name, where, info.sample_rate, info.channels, info.samples))
    return found
