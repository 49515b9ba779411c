"""The HTTP interface: songs in, stems out."""

import asyncio
import contextlib
import dataclasses
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse, Response, StreamingResponse

from auralflow.studio.files import KeptFile
from auralflow.studio.guard import LOOPBACK, Guard
from auralflow.studio.jobs import OPEN, Format, Job, Library
from auralflow.studio.page import add_page
from auralflow.studio.queue import Queue
from auralflow.studio.receiving import BoundedRoute, receive
from auralflow.studio.reference import add_reference
from auralflow.studio.refusals import ANSWERS, Problem, find
from auralflow.studio.tracks import add_mixes, add_stem_files, add_tracks
from auralflow.version import VERSION
from auralflow_core.errors import InputError, closest

MAX_UPLOAD = 2 << 30  # bytes of a song


@dataclasses.dataclass(frozen=True)
class Space:
    """The room that the library takes on the disk.

    Attributes:
        used: bytes of all songs and stems.
        free: bytes that are left on the disk.
        songs: number of jobs.
        sizes: bytes of each, by its id.
    """

    used: int
    free: int
    songs: int
    sizes: dict[str, int]


def make_app(
    folder: Path,
    models: Sequence[str],
    *,
    backend: str = "jax",
    hosts: tuple[str, ...] | None = LOOPBACK,
    token: str | None = None,
    max_upload: int = MAX_UPLOAD,
    page: bool = False,
) -> Guard:
    """Makes the application that a server of the ASGI kind runs.

    Args:
        folder: of the library.
        models: names or folders of the models that songs may ask for; the first is the default.
        backend: the framework that runs them.
        hosts: see `Guard`.
        token: see `Guard`.
        max_upload: bytes of the largest song that is taken.
        page: there is a page for people, too.
    """
    library = Library(folder)
    queue = Queue(library, backend)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with queue.running():
            yield

    # The pages about the interface that the framework makes load scripts from other servers; ours loads none.
    app = FastAPI(
        title="auralflow",
        version=VERSION,
        summary="Songs in, stems out.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses={"4XX": {"model": Problem}},
        exception_handlers=ANSWERS,
    )
    app.router.route_class = BoundedRoute
    add_sending(app, queue, list(models), max_upload)
    add_jobs(app, queue)
    add_events(app, queue)
    for add in (add_files, add_tracks, add_mixes, add_stem_files):
        add(app, library)
    add_reference(app)
    if page:
        add_page(app)
    return Guard(app, hosts, token)


def add_sending(app: FastAPI, queue: Queue, models: list[str], max_upload: int) -> None:
    """Adds what sends songs."""
    library = queue.library

    @app.get("/api/models")
    async def list_models() -> list[str]:
        """The models that a song may ask for; the first is the default."""
        return models

    @app.post("/api/jobs", status_code=201)
    async def send_song(
        request: Request,
        name: Annotated[str, Query(description="the song's file name, such as song.mp3")],
        model: Annotated[str | None, Query(description="one of /api/models")] = None,
        format: Annotated[Format, Query(description="of the stems")] = "wav",
        residual: Annotated[bool, Query(description="also write the rest of the mixture")] = False,
    ) -> Job:
        """Sends a song, which is the body of the request, and queues it.

        `curl --data-binary @song.mp3 "http://127.0.0.1:8765/api/jobs?name=song.mp3"` does so.
        """
        model = models[0] if model is None else model
        if model not in models:
            raise InputError(f"unknown model {model!r}; {closest(model, models)}")
        job, file = library.new(name, model, format, residual)
        try:
            job.digest = await receive(request, file, max_upload)
            queue.add(job)
        except BaseException:
            library.remove(job)
            raise
        return job


def add_jobs(app: FastAPI, queue: Queue) -> None:
    """Adds what asks for songs, and ends and deletes them."""
    library = queue.library

    @app.get("/api/jobs")
    async def list_jobs() -> list[Job]:
        """All songs, the oldest first."""
        return list(library.jobs.values())

    @app.get("/api/jobs/{id}")
    async def get_job(id: str) -> Job:
        """A song: how far it is, its stems, or what went wrong."""
        return find(library, id)

    @app.post("/api/jobs/{id}/cancel")
    async def cancel_job(id: str) -> Job:
        """Ends the separation of a song, or takes it out of the queue."""
        job = find(library, id)
        await queue.cancel(job)
        return job

    @app.delete("/api/jobs/{id}", status_code=204)
    async def delete_job(id: str) -> Response:
        """Deletes a song and its stems; one that is being separated is ended first."""
        job = find(library, id)
        await queue.remove(job)
        return Response(status_code=204)


def add_events(app: FastAPI, queue: Queue) -> None:
    """Adds what tells how far songs are, as it happens."""

    @app.get("/api/events", response_class=StreamingResponse)
    async def watch() -> StreamingResponse:
        """All songs, and then each one whenever it changes, as server-sent events of the kind `job`."""
        return _events(queue, None)

    @app.get("/api/jobs/{id}/events", response_class=StreamingResponse)
    async def watch_job(id: str) -> StreamingResponse:
        """The same of one song, until it is done, failed, cancelled or deleted."""
        find(queue.library, id)
        return _events(queue, id)


def add_files(app: FastAPI, library: Library) -> None:
    """Adds what hands out files, and tells how much room they take."""

    @app.head("/api/jobs/{id}/song", include_in_schema=False)
    @app.get("/api/jobs/{id}/song", response_class=FileResponse)
    async def get_song(id: str) -> FileResponse:
        """The file that was sent; parts of it by the header `Range`."""
        job = find(library, id)
        file = library.song(job)
        return KeptFile(file, filename=f"{job.name}{file.suffix}", headers={"X-Content-Type-Options": "nosniff"})

    @app.head("/api/jobs/{id}/stems/{stem}", include_in_schema=False)
    @app.get("/api/jobs/{id}/stems/{stem}", response_class=FileResponse)
    async def get_stem(id: str, stem: str) -> FileResponse:
        """The file of a stem; parts of it by the header `Range`."""
        job = find(library, id)
        if (file := library.stem(job, stem)) is None:
            raise HTTPException(404, f"{job.name} has no stem {stem[:100]!r}; it has: {', '.join(job.stems) or 'none'}")
        return KeptFile(file, filename=f"{job.name} ({file.stem}){file.suffix}")

    @app.get("/api/space")
    async def get_space() -> Space:
        """The room that all songs take on the disk."""
        jobs = list(library.jobs.values())
        sizes = await asyncio.to_thread(lambda: {job.id: library.size(job) for job in jobs})
        return Space(sum(sizes.values()), shutil.disk_usage(library.folder).free, len(jobs), sizes)


def _events(queue: Queue, id: str | None) -> StreamingResponse:
    """A stream of all jobs, or of one to its end."""

    async def stream() -> AsyncIterator[str]:
        async for job in queue.events():
            if id in (None, job.id):
                yield f"event: job\ndata: {json.dumps(dataclasses.asdict(job))}\n\n"
                if id is not None and job.state not in OPEN:
                    return

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})
