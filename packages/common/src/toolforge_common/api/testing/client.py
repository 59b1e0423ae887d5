"""A client that calls a service in its own process, with an identity token for each request."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolforge_common.identity import IDENTITY_HEADER, Identity, IdentitySigner
from toolforge_common.names import ToolName

# Nothing in process takes that long; a test that waits longer has hung.
DEADLINE = 30


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the value in the body."""
        return orjson.loads(self.body)


@dataclasses.dataclass(frozen=True, slots=True)
class ServiceClient:
    """Calls an app as the gateway would for `tool`, signing each request for the service `audience`.

    Paths are as on the wire, percent-encoded, with a query behind them if there is one. `chunks` is a
    body that comes in pieces and without a stated length.
    """

    app: ASGIApp
    signer: IdentitySigner
    audience: str
    tool: str = "demo"

    def get(self, path: str, **options: Any) -> Answer:
        """Send a GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Answer:
        """Send a POST."""
        return self.request("POST", path, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        """Send a DELETE."""
        return self.request("DELETE", path, **options)

    def request(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request and wait for its whole answer; the options are those of `send`."""
        return asyncio.run(self.send(method, path, **options))

    async def send(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request and return its whole answer. For tests that are coroutines themselves."""
        async with self.open(method, path, **options) as stream:
            chunks = [chunk async for chunk in stream]
            return Answer(stream.status, stream.headers, b"".join(chunks))

    @contextlib.asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes = b"",
        chunks: Sequence[bytes] = (),
        headers: Mapping[str, str] | None = None,
        signed: bool = True,
    ) -> AsyncIterator[OpenAnswer]:
        """Send a request and give its answer while it comes in; leaving the block disconnects."""
        raw, _, query = path.partition("?")
        sent = {"host": "testserver", **(headers or {})}
        if json is not None:
            content, sent = orjson.dumps(json), {"content-type": "application/json", **sent}
        if content:
            sent = {"content-length": str(len(content)), **sent}
        if chunks:
            sent = {"transfer-encoding": "chunked", **sent}
        if signed:
            sent = {IDENTITY_HEADER: self.token(method, raw), **sent}
        answer = OpenAnswer(chunks or (content,))
        task = asyncio.ensure_future(self.app(_scope(method, raw, query, sent), *answer.channel))
        task.add_done_callback(answer.ended)
        try:
            await answer.started(task)
            yield answer
        finally:
            answer.disconnect()
            async with asyncio.timeout(DEADLINE):
                await task

    def token(self, method: str, path: str) -> str:
        """Return a token that is good for one such request."""
        identity = Identity(f"tool:{self.tool}", ToolName(self.tool), ("owner",), "test-request")
        return self.signer.sign(identity, self.audience, method, path)


class OpenAnswer:
    """An answer that is coming in; iterating gives its chunks."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._to_send = list(chunks)
        self._received: asyncio.Queue[Message | None] = asyncio.Queue()
        self._disconnected = asyncio.Event()
        self.status = 0
        self.headers: Mapping[str, str] = {}

    @property
    def channel(self) -> tuple[Receive, Send]:
        """What the app reads the request from, and writes its answer to."""
        return self._receive, self._received.put

    async def started(self, task: asyncio.Future[None]) -> None:
        """Wait for the head of the answer."""
        async with asyncio.timeout(DEADLINE):
            message = await self._received.get()
        if message is None:
            await task  # raises what the app raised instead of answering
            raise AssertionError("the app ended without an answer")
        self.status = message["status"]
        self.headers = {name.decode(): value.decode() for name, value in message["headers"]}

    def ended(self, _task: asyncio.Future[None]) -> None:
        """Note that the app has ended."""
        self._received.put_nowait(None)

    def disconnect(self) -> None:
        """Go away."""
        self._disconnected.set()

    def __aiter__(self) -> OpenAnswer:
        return self

    async def __anext__(self) -> bytes:
        async with asyncio.timeout(DEADLINE):
            message = await self._received.get()
        if message is None:
            raise StopAsyncIteration
        body: bytes = message.get("body", b"")
        return body

    async def _receive(self) -> Message:
        if self._to_send:
            body = self._to_send.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(self._to_send)}
        await self._disconnected.wait()
        return {"type": "http.disconnect"}


class SigningApp:
    """Stands where the gateway stands, for drivers with a client of their own.

    Each request gets a token for `tool`. Streams that would never end are left after their first line.
    """

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._client.app(scope, receive, send)
            return
        raw = scope["raw_path"].partition(b"?")[0].decode("latin-1")
        token = self._client.token(scope["method"], raw).encode()
        name = IDENTITY_HEADER.encode()
        # A driver may have made one up, as the document describes it.
        others = [header for header in scope["headers"] if header[0] != name]
        headers = [*others, (name, token)]
        left = _LeftAfterOneLine(receive, send)
        await self._client.app({**scope, "headers": headers}, left.receive, left.send)
        await left.finish()


class _LeftAfterOneLine:
    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._enough = asyncio.Event()
        self._complete = False

    async def receive(self) -> Message:
        reading = asyncio.ensure_future(self._receive())
        leaving = asyncio.ensure_future(self._enough.wait())
        await asyncio.wait((reading, leaving), return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if reading.done():
            return reading.result()
        reading.cancel()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self._complete = not message.get("more_body", False)
            self._enough.set()
        await self._send(message)

    async def finish(self) -> None:
        if not self._complete:
            await self._send({"type": "http.response.body", "body": b""})


def _scope(method: str, raw: str, query: str, headers: Mapping[str, str]) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw),
        "raw_path": raw.encode("latin-1"),
        "root_path": "",
        "query_string": query.encode("latin-1"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("testserver", 80),
        "extensions": {},
    }
