"""The page about the HTTP interface, made of its OpenAPI description."""

import base64
import hashlib
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

STYLE = """body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 1rem; }
section { border-top: 1px solid #8888; padding: .5rem 0; }
code { overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { body { background: #16181d; color: #e6e6e6; } a { color: #8ab4ff; } }"""

DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# The page's own style, and nothing else of any kind.
HEADERS = {"Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{DIGEST}'; frame-ancestors 'none'"}


def add_reference(app: FastAPI) -> None:
    """Adds the page, at `/api`."""

    @app.get("/api", include_in_schema=False)
    async def about() -> HTMLResponse:
        return HTMLResponse(reference_page(app.openapi()), headers=HEADERS)


def reference_page(description: dict[str, Any]) -> str:
    """The page, as HTML.

    Args:
        description: in the form of OpenAPI 3.
    """
    info, parts = description["info"], []
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            parameters = "".join(map(_parameter, operation.get("parameters", ())))
            statuses = ", ".join(operation["responses"])
            parts.append(
                f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>"
                f"<p>{escape(operation.get('description', operation['summary']))}</p>"
                f"{f'<ul>{parameters}</ul>' if parameters else ''}<p>Answers with {statuses}.</p></section>"
            )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}: HTTP interface</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<h1>{escape(info['title'])} {escape(info['version'])}: HTTP interface</h1>"
        '<p>Described for programs in <a href="/api/openapi.json">openapi.json</a>. Errors are JSON with a sentence in '
        f"<code>detail</code>.</p>{''.join(parts)}</html>"
    )


def _parameter(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    default = f"; default: {escape(str(schema['default']))}" if schema.get("default") is not None else ""
    kinds = schema.get("enum") or [kind["type"] for kind in schema.get("anyOf", ()) if kind["type"] != "null"]
    kind = ", ".join(map(str, kinds)) or schema["type"]
    about = parameter.get("description", "")
    need = "" if parameter.get("required") else ", optional"
    return f"<li><code>{escape(parameter['name'])}</code> ({escape(kind)}{need}{default}) {escape(about)}</li>"
