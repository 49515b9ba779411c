"""The queue: songs are separated one after the other, and whoever listens hears how far they are."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

from auralflow.studio.jobs import OPEN, Job, Library
from auralflow.studio.separation import Report, Request
from auralflow.studio.worker import Worker
from auralflow_core.errors import InputError, sentence

NEWS = 100  # changes that wait for a listener


class Queue:
    """Separates the jobs of a library in their order.

    Its methods belong into the thread of the event loop that runs it.

    Args:
        library: whose open jobs are separated first.
        backend: the framework that runs the models.
    """

    def __init__(self, library: Library, backend: str = "jax") -> None:
        self.library, self.backend = library, backend
        self._worker = Worker()
        self._waiting: asyncio.Queue[Job] = asyncio.Queue()
        self._listeners: set[asyncio.Queue[Job]] = set()
        self._current: Job | None = None
        for job in library.jobs.values():
            if job.state == "queued":
                self._waiting.put_nowait(job)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Separates while the block runs; what is not done then is queued again by the next server."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._worker.stop()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def add(self, job: Job) -> None:
        """Takes a job whose song is complete into the library, and queues it."""
        self.library.add(job)
        self._waiting.put_nowait(job)
        self._tell(job)

    async def cancel(self, job: Job) -> None:
        """Ends a job that is queued or running; its stems are not written."""
        if job is self._current:
            await asyncio.to_thread(self._worker.cancel, self.library.song(job), lambda: self._current is not job)
            while self._current is job:
                await asyncio.sleep(0.01)
        elif job.state in OPEN:
            self._end(job, Report(over=True, error="cancelled"))

    async def remove(self, job: Job) -> None:
        """Deletes a job with its song and stems; one that is queued or running is ended first."""
        await self.cancel(job)
        await asyncio.to_thread(self.library.remove, job)
        self._tell(dataclasses.replace(job, state="deleted"))

    async def events(self) -> AsyncIterator[Job]:
        """All jobs as they are, and then each job whenever it changes."""
        mine: asyncio.Queue[Job] = asyncio.Queue(len(self.library.jobs) + NEWS)
        for job in self.library.jobs.values():
            mine.put_nowait(job)
        self._listeners.add(mine)
        try:
            while True:
                yield await mine.get()
        finally:
            self._listeners.discard(mine)

    async def _run(self) -> None:
        await asyncio.to_thread(self._worker.start)
        while True:
            job = await self._waiting.get()
            if job.state == "queued" and job.id in self.library.jobs:
                await self._separate(job)

    async def _separate(self, job: Job) -> None:
        self._current, job.state = job, "running"
        self._note(job)
        loop = asyncio.get_running_loop()

        def progress(report: Report) -> None:
            loop.call_soon_threadsafe(self._advance, job, report)

        try:
            request = Request(job, self.library.song(job), self.library.path(job) / "stems", self.backend)
            report = await asyncio.to_thread(self._worker.run, request, progress)
        except (InputError, OSError) as error:  # a job.json that names another folder's file, or no new process
            report = Report(over=True, error=sentence(error))
        await asyncio.to_thread(self.library.tidy, job)  # the process may have been killed
        self._end(job, report)
        self._current = None

    def _advance(self, job: Job, report: Report) -> None:
        if job.state == "running":
            job.seconds, job.progress = report.seconds, report.done / report.seconds
            self._tell(job)

    def _end(self, job: Job, report: Report) -> None:
        job.state = "cancelled" if report.error == "cancelled" else "failed" if report.error else "done"
        job.progress, job.took = float(job.state == "done"), report.took
        job.stems = list(report.stems)
        error, *job.notes = (self.library.words(job, text) for text in (report.error, *report.notes))
        job.error = error if job.state == "failed" else ""
        self._note(job)

    def _note(self, job: Job) -> None:
        """Keeps what is new of a job, and tells it; where the disk is full, the next server begins the song again."""
        with contextlib.suppress(OSError, InputError):
            self.library.save(job)
        self._tell(job)

    def _tell(self, job: Job) -> None:
        for listener in self._listeners:
            if listener.full():  # it listens no more, or slowly: the oldest news is worth least
                listener.get_nowait()
            listener.put_nowait(dataclasses.replace(job))
