"""The process that separates: it keeps the model of the last song loaded."""

import contextlib
import dataclasses
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from auralflow.studio.jobs import Job
from auralflow_core.errors import InputError, sentence
from auralflow_core.memory import give_back_memory

if TYPE_CHECKING:
    from auralflow_core.separation.separator import Separator


@dataclasses.dataclass(frozen=True)
class Request:
    """A song to separate.

    Attributes:
        job: the name, the model and the stems that are wanted.
        song: the file.
        save: the folder for its stems.
        backend: the framework that runs the model.
    """

    job: Job
    song: Path
    save: Path
    backend: str


@dataclasses.dataclass(frozen=True)
class Report:
    """A word from the process: how far it is, or, with `over`, how it ended.

    Attributes:
        done: seconds of the song that are separated.
        seconds: duration of the song.
        over: nothing more will come.
        stems: names of the files that were written.
        notes: sentences about clipped samples and the like.
        error: a sentence about what went wrong.
        took: seconds that the separation took.
    """

    done: float = 0.0
    seconds: float = 0.0
    over: bool = False
    stems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    took: float = 0.0


class Cancelled(Exception):
    """The song is no longer wanted."""


def work(pipe: Connection, cancellations: Connection) -> None:
    """Separates what comes through the pipe, one song after the other, until the pipe is closed.

    Args:
        pipe: brings each a `Request`, and takes `Report`s.
        cancellations: brings the file of a song that is no longer wanted.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's, which closes the pipe
    loaded: dict[tuple[str, str], Separator] = {}
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            request = pipe.recv()
            try:
                report = _separate(request, loaded, cancellations, pipe.send)
            except Cancelled:
                report = Report(over=True, error="cancelled")
            except (InputError, OSError, ImportError) as error:
                report = Report(over=True, error=sentence(error))
            except MemoryError:
                report = Report(over=True, error=f"{request.job.name}: there is not enough memory for it")
            pipe.send(report)
            give_back_memory()


def _separate(
    request: Request,
    loaded: "dict[tuple[str, str], Separator]",
    cancellations: Connection,
    send: Callable[[Report], None],
) -> Report:
    """Writes the stems of one song; the model is loaded if it is not the last one's."""
    from auralflow.separation.inputs import find_inputs
    from auralflow.separation.output import StemOutput
    from auralflow.separation.stems import separate_files
    from auralflow_core.audio.encode import Encoding

    (audio,), _ = find_inputs([request.song])
    audio = dataclasses.replace(audio, name=request.job.name)
    send(Report(0.0, audio.seconds))
    separator = _load(request, loaded)

    def progress(_name: str, done: float) -> None:
        if request.song in _taken(cancellations):  # another one's came too late
            raise Cancelled
        send(Report(done, audio.seconds))

    encoding, rest = Encoding(request.job.format), separator.config.model.residual_name
    output = StemOutput(
        request.save, "{stem}.{ext}", encoding, request.job.residual, rest, True, model=request.job.model
    )
    progress("", 0.0)
    result = separate_files([audio], separator, output, progress=progress)
    return Report(
        audio.seconds,
        audio.seconds,
        over=True,
        stems=tuple(path.name for path in result.files),
        notes=tuple(result.notes),
        error="; ".join(result.failures),
        took=result.seconds,
    )


def _load(request: Request, loaded: "dict[tuple[str, str], Separator]") -> "Separator":
    """The model that a song asks for; one at a time is loaded, so that memory does not grow with their number."""
    from auralflow.backends import load_separator
    from auralflow_core.model_folder import find_model

    if (key := (request.job.model, request.backend)) not in loaded:
        loaded.clear()
        loaded[key] = load_separator(find_model(request.job.model), request.backend)
    return loaded[key]


def _taken(pipe: Connection) -> list[Path]:
    """Takes all that waits in a pipe."""
    found = []
    while pipe.poll():
        found.append(pipe.recv())
    return found
