"""Runs an ASGI app in an event loop that belongs to somebody else, on a socket that listens beforehand.

Listening first lets a taken port be said in a sentence. Signals and logging stay with the process' owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import uvicorn

from toolforge_common.errors import Conflict, Unavailable
from toolforge_gateway.asgi import App
from toolforge_gateway.protocol import EdgeConfig
from toolforge_gateway.request_log import Recorder

# How long answers under way may take after the server was told to stop; followed logs never end by themselves.
GRACE = 2
_BACKLOG = 1024
# What it takes to say goodbye over TLS to somebody who listens.
_FAREWELL = 1.0


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on host and port (0: a free one).

    Raises Conflict if somebody else has the port, Unavailable if the address cannot be used.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Two sockets can be bound to one port as long as neither listens.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise Conflict(f"port {port} on {host} is taken by another program") from error
        raise Unavailable(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


def edge_config(
    app: App,
    record: Recorder,
    tls: ssl.SSLContext | None,
    *,
    grace: int = GRACE,
    **settings: Any,
) -> EdgeConfig:
    """Return the settings of a server for the app; plain HTTP without `tls`, for private sockets only.

    `grace` is how long answers under way may take when the server stops, in seconds; `settings` are
    more of EdgeConfig's. The app's lifespan is not run: whoever composes the process starts and stops what is in it.
    """
    config = EdgeConfig(
        app,
        record,
        loop="none",
        lifespan="off",
        ws="none",
        interface="asgi3",
        log_config=None,
        log_level="warning",  # what it says besides is about its own life
        access_log=False,
        proxy_headers=False,  # nobody in front of us may say who is calling
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=grace,
        **settings,
    )
    config.load()
    config.ssl = tls
    return config


class EmbeddedServer:
    """A server as a context: it answers when entered, and has stopped when left."""

    def __init__(self, config: EdgeConfig, listener: socket.socket) -> None:
        self._server = _Server(config)
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start answering."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            ready.cancel()
            await self._task
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop accepting, let answers under way finish for a while, close."""
        self._server.stop()
        if self._task is not None:
            await self._task


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        # uvicorn's own wakes up ten times a second; a platform that does nothing should do nothing.
        while not self._stopping.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), timeout=1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        # Answers that were cut off close their connections; somebody who does not read keeps his open.
        await self._await_farewell()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await self._await_farewell()

    async def _await_farewell(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                while self.server_state.connections:  # noqa: ASYNC110  uvicorn tells nobody when one is gone
                    await asyncio.sleep(0.01)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the process' signals belong to its owner
