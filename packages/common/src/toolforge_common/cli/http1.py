"""HTTP/1.1 over a connected socket: one request, one response, and nothing that a gateway does not send.

The standard library's client brings the parser of e-mail along, which takes as long to import as an
interpreter takes to start; with this module a command does without.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator, Mapping
from io import BufferedReader
from typing import NamedTuple

_BLOCK = 65536
_MOST_HEADERS = 100
_LONGEST_LINE = 16384

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What may stand in a request line or header: anything else could end it and begin another.
_TARGET = re.compile(r"/[\x21-\x7e]*")
_VALUE = re.compile(r"[\x20-\x7e\x80-\xff]*")

_CONTINUE_CLASS = 1
_BODILESS = {204, 304}


class BadAnswer(Exception):
    """The other side does not speak HTTP, or stopped in the middle of it."""


class BadRequest(Exception):
    """The request has characters in it that HTTP cannot carry."""


class Answer(NamedTuple):
    """A response: the body comes in chunks, once. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


def exchange(
    connection: socket.socket,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | None,
) -> Answer:
    """Send the request and return the response, whose body may still be under way.

    Raises OSError if the connection breaks, BadAnswer if what comes is no answer, BadRequest if the
    request has characters that none may have. Iterating over the chunks raises the same.
    """
    request = _request(method, target, headers, body)
    # Who refuses a request may say so and close before having read it: what was said is read all the same.
    with contextlib.suppress(OSError):
        connection.sendall(request)
    stream = connection.makefile("rb")
    try:
        status = _status(stream)
        while status // 100 == _CONTINUE_CLASS:
            _headers(stream)
            status = _status(stream)
        names = _headers(stream)
    except BaseException:
        stream.close()  # or the connection would stay open however often it is closed
        raise
    return Answer(status, names, _chunks(stream, status, names))


def _request(method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    if not _NAME.fullmatch(method) or not _TARGET.fullmatch(target):
        raise BadRequest(f"cannot ask for {method} {target!r}")
    lines = [f"{method} {target} HTTP/1.1"]
    sized = headers if body is None else {**headers, "Content-Length": str(len(body))}
    for name, value in {**sized, "Connection": "close"}.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise BadRequest(f"cannot send the header {name}")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def _line(stream: BufferedReader) -> bytes:
    line = stream.readline(_LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise BadAnswer("a line is too long, or the answer ended in one")
    return line.rstrip(b"\r\n")


def _status(stream: BufferedReader) -> int:
    if not stream.peek(1):
        raise ConnectionResetError("the connection was closed without an answer")
    match = _STATUS_LINE.fullmatch(_line(stream))
    if match is None:
        raise BadAnswer("it does not begin as HTTP does")
    return int(match[1])


def _headers(stream: BufferedReader) -> dict[str, str]:
    found: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = _line(stream).decode("latin-1")
        if not line:
            return found
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise BadAnswer("a header is malformed")
        name = name.lower()
        found[name] = f"{found[name]}, {value.strip()}" if name in found else value.strip()
    raise BadAnswer("there are too many headers")


def _chunks(stream: BufferedReader, status: int, headers: Mapping[str, str]) -> Iterator[bytes]:
    with stream:
        yield from _body(stream, status, headers)


def _body(stream: BufferedReader, status: int, headers: Mapping[str, str]) -> Iterator[bytes]:
    if status in _BODILESS:
        return
    coding = headers.get("transfer-encoding", "").lower()
    length = headers.get("content-length")
    if coding == "chunked":
        yield from _chunked(stream)
    elif coding:
        raise BadAnswer(f"its body is coded as {coding}")
    elif length is None:
        yield from iter(lambda: stream.read1(_BLOCK), b"")
    elif not length.isdecimal():
        raise BadAnswer("its length is no number")
    else:
        yield from _exactly(stream, int(length))


def _exactly(stream: BufferedReader, length: int) -> Iterator[bytes]:
    while length:
        piece = stream.read1(min(length, _BLOCK))
        if not piece:
            raise BadAnswer("it ended too early")
        length -= len(piece)
        yield piece


def _chunked(stream: BufferedReader) -> Iterator[bytes]:
    while size := _chunk_size(stream):
        yield from _exactly(stream, size)
        if _line(stream):
            raise BadAnswer("a chunk is longer than it says")
    _headers(stream)  # trailers, which tell us nothing


def _chunk_size(stream: BufferedReader) -> int:
    digits = _line(stream).partition(b";")[0].strip()
    if not _CHUNK_SIZE.fullmatch(digits):
        raise BadAnswer("the size of a chunk is no number")
    return int(digits, 16)
