"""The door of the server: who may ask."""

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
COOKIE = "auralflow_token"


class Guard:
    """Refuses requests of other web sites and, where a token was given out, of whoever lacks it.

    A page of another site can make a browser send requests here. The browser says so in `Origin` and
    `Sec-Fetch-Site`; and a site whose name was pointed at this address, to pass for its own, says its name in `Host`.

    Args:
        app: the application behind the door, of the ASGI kind.
        hosts: the names and addresses, without port, that the server is asked under; None: any.
        token: that each request must carry: as `Authorization: Bearer TOKEN`, as `?token=TOKEN`, or as the cookie that
            an answer to such an address sets. Default: none.
    """

    def __init__(self, app: App, hosts: tuple[str, ...] | None = LOOPBACK, token: str | None = None) -> None:
        self.app, self.hosts, self.token = app, hosts, token

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Passes a request on, or answers it with a sentence."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if (refusal := self._refusal(headers, scope)) is not None:
            status, text = refusal
            await _answer(send, status, text)
            return
        if self.token is not None and self.token in _asked(scope):
            send = _with_cookie(send, self.token)
        await self.app(scope, receive, send)

    def _refusal(self, headers: Mapping[str, str], scope: Message) -> tuple[int, str] | None:
        """The status and the sentence of an answer that refuses; None for a request that may pass."""
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if self.hosts is not None and name.lower() not in self.hosts:
            return 400, f"this server is not asked under the name {name[:100]!r}"
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != host.lower():
            return 403, "requests of pages of other sites are refused"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate":
            return 403, "requests of pages of other sites are refused"
        if self.token is not None and not self._knows(headers, scope):
            return 401, "the token that the server printed when it started is missing or wrong"
        return None

    def _knows(self, headers: Mapping[str, str], scope: Message) -> bool:
        """Whether a request carries the token."""
        assert self.token is not None
        tokens = [headers.get("authorization", "").removeprefix("Bearer "), *_asked(scope)]
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            cookie = None
        tokens += [cookie.value] if cookie else []
        return any(hmac.compare_digest(token.encode(), self.token.encode()) for token in tokens)


def _asked(scope: Message) -> list[str]:
    """The tokens in the address of a request."""
    return parse_qs(scope["query_string"].decode("latin-1")).get("token", [])


def _with_cookie(send: Any, token: str) -> Any:
    """A `send` that gives the browser the token, so that the page's own requests carry it."""
    cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/".encode()

    async def sends(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), (b"set-cookie", cookie)]}
        await send(message)

    return sends


async def _answer(send: Any, status: int, text: str) -> None:
    """Answers with one sentence, as the application's own errors are."""
    body = json.dumps({"detail": text}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
