"""The outermost layer of a service: request ids, numbers, and what becomes of an answer that breaks off."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolforge_common.api.metrics import Metrics
from toolforge_common.identity import REQUEST_ID_HEADER

logger = structlog.get_logger()

_REQUEST_ID = "toolforge_request_id"
_TYPE = b"content-type"
_WELL_FORMED = re.compile(r"[0-9A-Za-z._-]{1,64}")
# Any word may stand where a method stands; as a label each would be a time series of its own.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def request_id_of(scope: Scope) -> str:
    """Return the id of the request: every log line, error body and answer carries it."""
    return str(scope["extensions"][_REQUEST_ID])


def bind_request_id(scope: Scope, request_id: str) -> None:
    """Give the request the id that its caller vouches for."""
    scope["extensions"][_REQUEST_ID] = request_id
    structlog.contextvars.bind_contextvars(request_id=request_id)


class Front:
    """Wraps the app of a service. `close` is called when the server shuts down."""

    def __init__(self, app: ASGIApp, metrics: Metrics, close: Callable[[], None]) -> None:
        self._app = app
        self._metrics = metrics
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(_own(scope), receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(scope, send)
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id_of(scope)):
            try:
                await self._app(scope, receive, answer.send)
            except Exception:
                # Half an answer is on its way; the server ends the connection, which tells the caller.
                logger.exception("answer_broke_off", path=scope["path"])
        operation = scope["extensions"].get("connexion_routing", {}).get("operation_id")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        seconds = time.perf_counter() - started
        self._metrics.answered(operation or "none", method, answer.status, seconds)


class _Answer:
    """Passes an answer on, with the request's id on it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            name = (REQUEST_ID_HEADER.encode(), request_id_of(self._scope).encode())
            message = {**message, "headers": [*message.get("headers", ()), name]}
        await self._send(message)


def _own(scope: Scope) -> dict[str, Any]:
    """Return a copy that the layers inside may write to, with a request id and no slash at the path's end."""
    given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    request_id = given if _WELL_FORMED.fullmatch(given) else secrets.token_hex(8)
    path = scope["path"]
    # Only the path that is routed; the raw one, which the caller's token is bound to, stays.
    if len(path) > 1:
        path = path.removesuffix("/")
    headers = [
        (name, _plain(value) if name == _TYPE else value) for name, value in scope["headers"]
    ]
    extensions = {**scope.get("extensions", {}), _REQUEST_ID: request_id}
    return {**scope, "path": path, "headers": headers, "extensions": extensions}


def _plain(media_type: bytes) -> bytes:
    # Connexion takes APPLICATION/JSON for allowed, and then finds no schema to check the body with.
    kind, separator, parameters = media_type.partition(b";")
    return kind.lower() + separator + parameters
