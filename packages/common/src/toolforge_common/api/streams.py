"""Operations that answer line by line, for as long as there is something to say.

They are served on the event loop: a follower costs a few kilobytes instead of a thread, so a hundred
of them leave every other request its thread. Security and the checks of parameters lie before them,
as before any operation; the check of answers does not, because it would hold the lines back.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from toolforge_common.api.framework import ASGIDecorator, RoutedAPI, RoutedMiddleware
from toolforge_common.api.metrics import Metrics
from toolforge_common.errors import TooManyRequests

# None is a heartbeat: it keeps connections open that would be taken for dead.
Lines = AsyncIterator[Mapping[str, Any] | None]
StreamHandler = Callable[[], Awaitable[Lines]]

_HEADERS = [
    # The media type that clients of the jobs API have always been told; each line is a JSON object.
    (b"content-type", b"text/plain; charset=utf8"),
    # nginx would otherwise keep lines back for seconds.
    (b"x-accel-buffering", b"no"),
    (b"cache-control", b"no-cache"),
]


class StreamSlots:
    """How many streams are open. Touched from the event loop alone."""

    def __init__(self, per_tool: int, total: int, metrics: Metrics) -> None:
        self._per_tool = per_tool
        self._total = total
        self._metrics = metrics
        self._open: collections.Counter[str] = collections.Counter()

    @contextlib.contextmanager
    def taken(self, tool: str) -> Iterator[None]:
        """Hold a slot. Raises TooManyRequests if the tool, or all together, have as many as there may be."""
        if self._open[tool] >= self._per_tool or self._open.total() >= self._total:
            raise TooManyRequests(
                f"too many logs are being read at once, {self._per_tool} may be per tool",
                hint="end one that is being followed, or try again in a moment",
            )
        self._open[tool] += 1
        self._metrics.open_streams.inc()
        try:
            yield
        finally:
            self._open[tool] -= 1
            self._open += collections.Counter()  # drops tools that have none left
            self._metrics.open_streams.dec()


class StreamOperation:
    """One operation marked `x-stream` in the document."""

    def __init__(self, handler: StreamHandler, slots: StreamSlots) -> None:
        self._handler = handler
        self._slots = slots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what the handler gives. What it raises before its first line becomes a refusal."""
        with self._slots.taken(scope["path_params"]["toolname"]):
            lines = await self._handler()
            async with _closing(lines):
                pump = _pump(lines, send, head_only=scope["method"] == "HEAD")
                await _until_gone(pump, receive)


class DispatchAPI(RoutedAPI):  # type: ignore[misc]  # Connexion ships no types
    """Knows which operations of the document are streams."""

    def __init__(self, *args: Any, slots: StreamSlots, **options: Any) -> None:
        super().__init__(*args, **options)
        self._slots = slots
        self.add_paths()

    def make_operation(self, operation: Any) -> Any:
        """Return what serves the operation: ours for streams, Flask for all others."""
        spec = self.specification.get_operation(operation.path, operation.method)
        if not spec.get("x-stream"):
            return self.next_app
        return StreamOperation(ASGIDecorator()(operation.function), self._slots)


class Dispatch(RoutedMiddleware):  # type: ignore[misc]  # Connexion ships no types
    """The innermost layer: streams are served here, all else that the document knows by Flask.

    What no layer recognises falls through each of them, security included, so it must end here: a
    path with a line break at its end is one that Connexion's layers overlook and Flask would serve.
    """

    def __init__(self, app: ASGIApp, *, slots: StreamSlots) -> None:
        super().__init__(_nothing_here)
        self._flask = app
        self._slots = slots

    def add_api(self, specification: Any, **options: Any) -> DispatchAPI:
        """Take a document."""
        api = DispatchAPI(specification, next_app=self._flask, slots=self._slots, **options)
        self.apis[api.base_path].append(api)
        return api


async def _nothing_here(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise HTTPException(HTTPStatus.NOT_FOUND)


async def _pump(lines: Lines, send: Send, *, head_only: bool) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    if not head_only:
        async for line in lines:
            body = b"\n" if line is None else orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
            await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(pump: Any, receive: Receive) -> None:
    """Run the pump until it ends or the client is gone, whichever comes first."""
    pumping = asyncio.ensure_future(pump)
    leaving = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((pumping, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        pumping.cancel()
        leaving.cancel()
        await asyncio.wait((pumping, leaving))
    if not pumping.cancelled():
        pumping.result()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@contextlib.asynccontextmanager
async def _closing(lines: Lines) -> AsyncIterator[None]:
    try:
        yield
    finally:
        close = getattr(lines, "aclose", None)
        if close is not None:
            await close()
