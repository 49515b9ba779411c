"""Answers to what cannot be done: each is a status and one sentence."""

import dataclasses
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from auralflow.studio.jobs import Job, Library
from auralflow_core.errors import InputError

MOST = 5  # wrong values that are named at once


@dataclasses.dataclass(frozen=True)
class Problem:
    """The body of an answer that refuses.

    Attributes:
        detail: a sentence about what went wrong.
    """

    detail: str


def find(library: Library, id: str) -> Job:
    """A job by its id.

    Raises:
        HTTPException: there is none (404).
    """
    if (job := library.jobs.get(id)) is None:
        raise HTTPException(404, f"there is no song {id[:100]!r}")
    return job


async def _input_error(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=400)


async def _parameter_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    texts = [f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()]
    more = [f"and {len(texts) - MOST} more"] if len(texts) > MOST else []
    return JSONResponse({"detail": "; ".join(texts[:MOST] + more)}, status_code=422)


async def _library_error(_request: Request, error: Exception) -> JSONResponse:
    """Answers where the library's folder is gone, or its disk is full or read-only."""
    assert isinstance(error, OSError)
    return JSONResponse({"detail": f"the library cannot be used: {error.strerror or error}"}, status_code=507)


ANSWERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    InputError: _input_error,
    RequestValidationError: _parameter_error,
    OSError: _library_error,
}
