"""The page for people: files that were built from web/, handed out under a policy that lets nothing else in."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse

FOLDER = Path(__file__).with_name("page")
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
# Scripts may not make code of text; WebAssembly, in which speed and key are changed, may be compiled.
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # asked for each time, and sent when it is new
}


def add_page(app: FastAPI) -> None:
    """Adds the page, which is at `/`, and its files."""
    for file in sorted(FOLDER.iterdir()):
        app.add_api_route(
            "/" if file.name == "index.html" else f"/{file.name}",
            _hand_out(file),
            methods=["GET", "HEAD"],
            include_in_schema=False,
            response_class=FileResponse,
        )


def _hand_out(file: Path) -> Callable[[], Awaitable[FileResponse]]:
    """The function that answers with a file."""

    async def answer() -> FileResponse:
        return FileResponse(file, media_type=TYPES[file.suffix], headers=HEADERS)

    return answer
