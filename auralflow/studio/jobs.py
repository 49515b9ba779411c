"""The library of a server: a folder for each song that was sent, with what is known of it and its stems."""

import contextlib
import dataclasses
import os
import re
import secrets
import shutil
import time
from pathlib import Path
from typing import Literal

import msgspec

from auralflow.separation.inputs import has_audio_suffix
from auralflow_core.errors import InputError, printable
from auralflow_core.storage.inside import inside
from auralflow_core.storage.json_files import read_json, write_json
from auralflow_core.storage.staging import remove_abandoned
from auralflow_core.structs import convert

Format = Literal["wav", "flac", "ogg", "mp3"]  # of stems and mixes
State = Literal["queued", "running", "done", "failed", "cancelled", "deleted"]

OPEN = ("queued", "running")  # states in which something is still to come
ID = re.compile("song-[0-9a-f]{16}")
NAME_LENGTH = 255  # characters, as long as file systems let a name be


@dataclasses.dataclass
class Job:
    """A song to separate, or separated.

    Attributes:
        id: its name in addresses and on disk.
        file: the name of the song's file in its folder.
        name: of the song, for people.
        model: the model's folder or name.
        format: of the stems: wav, flac, ogg or mp3.
        residual: there is a stem of the rest of the mixture, too.
        state: queued, running, done, failed or cancelled; deleted, of which listeners are told last.
        progress: share of the song that is separated, 0 to 1.
        created: seconds since 1970.
        seconds: duration of the song; 0 before it is opened.
        took: seconds that its separation took.
        stems: names of the files.
        notes: sentences about clipped samples and the like.
        error: a sentence about what went wrong.
        digest: SHA-256 of the song's file: separations of one song by several models have the same.
    """

    id: str
    file: str
    name: str
    model: str
    format: str = "wav"
    residual: bool = False
    state: State = "queued"
    progress: float = 0.0
    created: float = 0.0
    seconds: float = 0.0
    took: float = 0.0
    stems: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    error: str = ""
    digest: str = ""


class Library:
    """The folders of all jobs.

    A job is a folder with its song, `stems/`, and `job.json`, which is written last: a folder without it was never
    complete, and is removed when the server starts.

    Args:
        folder: of the library; it is made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.jobs = {job.id: job for job in self._read()}

    def new(self, name: str, model: str, format: str, residual: bool) -> tuple[Job, Path]:
        """A job that is not yet in the library, and the file that its song goes into.

        Raises:
            InputError: a name of the song that has no letters, or is too long.
        """
        shown = printable("".join(mark for mark in name if mark.isprintable())).strip()
        if not shown or len(shown) > NAME_LENGTH:
            raise InputError(f"name: {len(shown)} characters that can be printed, expected 1 to {NAME_LENGTH}")
        path = Path(shown)
        stem, suffix = (path.stem, path.suffix.lower()) if has_audio_suffix(path) else (shown, "")
        id = f"song-{secrets.token_hex(8)}"
        job = Job(id, f"song{suffix}", stem, model, format, residual, created=time.time())
        self.path(job).mkdir()
        return job, self.song(job)

    def add(self, job: Job) -> None:
        """Takes a job whose song is complete into the library."""
        self.save(job)
        self.jobs[job.id] = job

    def save(self, job: Job) -> None:
        """Writes what is known of a job."""
        write_json(inside(self.folder, f"{job.id}/job.json"), dataclasses.asdict(job))

    def remove(self, job: Job) -> None:
        """Deletes a job with its song and stems."""
        self.jobs.pop(job.id, None)
        (self.path(job) / "job.json").unlink(missing_ok=True)  # so that a half-deleted folder is none
        shutil.rmtree(self.path(job), ignore_errors=True)

    def path(self, job: Job) -> Path:
        """The folder of a job."""
        return inside(self.folder, job.id)

    def song(self, job: Job) -> Path:
        """The file that was sent."""
        return inside(self.path(job), job.file)

    def stem(self, job: Job, name: str) -> Path | None:
        """The file of a stem, None if the job has none of that name."""
        return inside(self.path(job) / "stems", name) if name in job.stems else None

    def size(self, job: Job) -> int:
        """The bytes that a job takes on the disk."""
        size = 0
        for folder, _, names in os.walk(self.path(job)):
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # files that are being written come and go
                    size += Path(folder, name).lstat().st_size
        return size

    def tidy(self, job: Job) -> None:
        """Removes what processes that were killed have left of files of a job that were not complete."""
        for folder, _, _ in os.walk(self.path(job)):
            remove_abandoned(folder)

    def words(self, job: Job, text: object) -> str:
        """A sentence about a job's files, without the folder, as whoever sent the song knows its name alone."""
        folder = str(self.path(job))
        return re.sub(f"{re.escape(folder)}/(stems/)?", "", str(text).replace(f"{folder}/{job.file}", job.name))

    def _read(self) -> list[Job]:
        """The jobs on disk, the oldest first; those that were running are queued again, half-made folders removed."""
        found = []
        for folder in self.folder.iterdir():
            if not ID.fullmatch(folder.name):
                continue  # whatever else lies here
            if not (folder / "job.json").exists():
                shutil.rmtree(folder, ignore_errors=True)
                continue
            try:
                job = convert(read_json(folder / "job.json"), Job)
            except (InputError, msgspec.ValidationError):
                continue
            if job.id == folder.name:
                if job.state == "running":
                    job.state, job.progress = "queued", 0.0
                self.tidy(job)
                found.append(job)
        return sorted(found, key=lambda job: job.created)
