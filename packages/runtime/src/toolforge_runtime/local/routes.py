"""The web front of published workloads: `http://<tool>.localhost:30000` reaches the tool's pod.

It reads the head of a connection's first request to learn the host, asks for a socket into the
tool's pod, and from then on passes bytes both ways, so that streams and WebSockets need nothing of
their own. A connection belongs to the host it began with. What it answers itself is a short text.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import logging
import re
import socket
from collections.abc import Awaitable, Callable

from toolforge_common.errors import InvalidRequest, NotFound, ToolforgeError, Unavailable
from toolforge_common.names import ToolName, parse_tool_name

logger = logging.getLogger(__name__)

# What servers commonly accept as a request head (nginx: four buffers of 8 KiB).
HEAD_LIMIT = 16 * 1024
HEAD_TIMEOUT = 10
_CHUNK = 64 * 1024
_SUFFIXES = (".localhost", ".local")
_HEAD_END = b"\r\n\r\n"
_HOST = re.compile(rb"\r\nhost:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE)

# Returns a connected, non-blocking socket into a ready pod of the tool's published workload. Raises
# NotFound if the tool publishes nothing, Unavailable if no pod of it answers.
Connect = Callable[[ToolName], Awaitable[socket.socket]]


async def serve_routes(connect: Connect, host: str, port: int) -> asyncio.Server:
    """Start answering on host and port (0: a free one). Raises OSError if the port is taken."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await _serve(connect, reader, writer)
        writer.close()

    return await asyncio.start_server(handle, host, port, limit=HEAD_LIMIT)


async def _serve(
    connect: Connect, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        async with asyncio.timeout(HEAD_TIMEOUT):
            head = await reader.readuntil(_HEAD_END)
        pod = await connect(tool_of_host(head))
    except (asyncio.IncompleteReadError, TimeoutError):
        return
    except asyncio.LimitOverrunError:
        writer.write(
            _answer(http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large")
        )
    except ToolforgeError as error:
        writer.write(_answer(_STATUSES[type(error)], error.message))
    else:
        await _splice(head, reader, writer, pod)
        return
    await writer.drain()


def tool_of_host(head: bytes) -> ToolName:
    """Return the tool that a request head's only Host header names.

    Raises InvalidRequest if there is not exactly one, NotFound if it is not a tool's.
    """
    hosts = _HOST.findall(head)
    if len(hosts) != 1:
        raise InvalidRequest("a request needs exactly one Host header")
    name = hosts[0].decode("latin-1").partition(":")[0].lower().rstrip(".")
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            try:
                return parse_tool_name(name.removesuffix(suffix))
            except InvalidRequest:
                break
    raise NotFound("no tool has this address")


async def _splice(
    head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pod: socket.socket
) -> None:
    pod_reader, pod_writer = await asyncio.open_connection(sock=pod)
    try:
        pod_writer.write(head)
        async with asyncio.TaskGroup() as both_ways:
            both_ways.create_task(_pass_on(reader, pod_writer))
            both_ways.create_task(_pass_on(pod_reader, writer))
    except* ConnectionError as lost:
        logger.debug("route_connection_lost: %s", lost.exceptions[0])
    finally:
        pod_writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


_STATUSES = {
    InvalidRequest: http.HTTPStatus.BAD_REQUEST,
    NotFound: http.HTTPStatus.NOT_FOUND,
    Unavailable: http.HTTPStatus.SERVICE_UNAVAILABLE,
}


def _answer(status: http.HTTPStatus, text: str) -> bytes:
    body = f"{status.phrase}: {text}\n".encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
