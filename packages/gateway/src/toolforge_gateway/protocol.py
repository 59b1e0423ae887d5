"""HTTP/1.1 as the edge takes it: uvicorn's protocol with bounds, fewer liberties and our error body.

The parser (llhttp) already refuses what could be framed in two ways: a length beside chunks, two
lengths, bare line feeds, folded headers. What it lets through and nobody needs is refused here: trailers,
upgrades, several hosts, encodings besides `chunked`. A refusal here always closes the connection, since
nobody can say where the next request would begin.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from toolforge_common.errors import InvalidRequest, ToolforgeError
from toolforge_common.identity import REQUEST_ID_HEADER
from toolforge_gateway.answers import Answer, HeadTooLarge, refusal
from toolforge_gateway.asgi import App
from toolforge_gateway.headers import Headers, values
from toolforge_gateway.request_log import Recorder, RequestRecord, printable
from toolforge_gateway.tls import TLS_EXTENSION, tls_extension

# What servers commonly take as a request head (nginx: four buffers of 8 KiB).
MAX_HEAD = 32 * 1024
# A head comes in one piece from every real client; this ends connections that say nothing.
HEAD_TIMEOUT = 20.0


class EdgeConfig(uvicorn.Config):
    """uvicorn's settings and ours, because a protocol is given nothing else."""

    def __init__(
        self,
        app: App,
        record: Recorder,
        *,
        max_head: int = MAX_HEAD,
        head_timeout: float = HEAD_TIMEOUT,
        **settings: Any,
    ) -> None:
        """`record` gets the requests that were refused before they reached the app."""
        super().__init__(app, http=EdgeProtocol, **settings)
        self.record = record
        self.max_head = max_head
        self.head_timeout = head_timeout


class EdgeProtocol(HttpToolsProtocol):
    """One connection."""

    config: EdgeConfig

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Begin: learn once whom the connection belongs to."""
        super().connection_made(transport)
        self.url = b""
        self._tls = tls_extension(transport)
        # What was read since the last request ended; lengths of what was understood of its head.
        self._head_read = self._head_parsed = 0
        self._is_in_body = False
        self._refusal: ToolforgeError | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_awaiting_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a piece, and see that a head neither grows nor waits without end."""
        if self.transport.is_closing():
            return
        if not self._is_in_body:
            self._head_read += len(data)
        super().data_received(data)
        if not self._is_in_body and not self.transport.is_closing():
            if self._head_read > self.config.max_head:
                self._refuse(_head_too_large(self.config.max_head))
            elif self._is_idle():
                self._await_head()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._head_parsed = 0
        self.scope["extensions"] = {TLS_EXTENSION: self._tls}

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request line."""
        self._grow_head(len(url))
        if b"#" in url:
            # It would be dropped, and what is left may name something else: all jobs instead of one.
            self._raise(InvalidRequest("the request line holds a fragment", hint=_HINT))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. Those after the body would join a list that the app has in hand already."""
        if self._is_in_body:
            self._raise(InvalidRequest("trailers are not accepted"))
        self._grow_head(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head is complete: the app is called with it."""
        self._stop_awaiting_head()
        flaw = find_flaw(self.parser.get_http_version(), self.headers)
        if self.parser.should_upgrade():
            flaw = "this server does not switch protocols"
        if flaw:
            self._raise(InvalidRequest(flaw, hint="send plain HTTP/1.1 requests"))
        self._is_in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request has been read to its end."""
        self._is_in_body = False
        self._head_read = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser or a callback stumbled over; called where the exception is at hand."""
        reason = str(sys.exception() or msg)
        self._refuse(
            self._refusal
            or InvalidRequest(f"this is not a proper HTTP/1.1 request: {reason}", hint=_HINT)
        )

    def _grow_head(self, size: int) -> None:
        self._head_parsed += size
        if self._head_parsed > self.config.max_head:
            self._raise(_head_too_large(self.config.max_head))

    def _raise(self, error: ToolforgeError) -> None:
        """Leave a callback of the parser, which turns every exception into one of its own."""
        self._refusal = error
        raise error

    def _refuse(self, error: ToolforgeError) -> None:
        """Answer, if nobody else is about to, and close the connection."""
        if self._is_free_to_answer():
            request_id = uuid.uuid4().hex
            answer = refusal(error, request_id)
            self._record(answer, request_id)
            self.transport.write(_head(answer, request_id) + answer.body)
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _is_free_to_answer(self) -> bool:
        """Say whether no answer is under way: between requests, or in the body of the only one."""
        if self._is_idle():
            return True
        return self._is_in_body and not self.pipeline and not self.cycle.response_started

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.config.head_timeout, self.transport.close)

    def _stop_awaiting_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _record(self, answer: Answer, request_id: str) -> None:
        self.config.record(
            RequestRecord(
                request_id=request_id,
                method="",
                path=printable(self.url.partition(b"?")[0]),
                status=answer.status,
                duration=0,
                sent=len(answer.body),
                client=self.client[0] if self.client else "",
            )
        )


_HINT = "use a client that speaks HTTP/1.1 over TLS"


def find_flaw(version: str, headers: Headers) -> str:
    """Say what is wrong with how a request is framed and addressed; empty if nothing is."""
    if version not in ("1.0", "1.1"):
        return f"HTTP {version} is not spoken here"
    hosts = len(values(headers, b"host"))
    if hosts > 1 or (hosts == 0 and version == "1.1"):
        return "a request needs exactly one Host header"
    encodings = [value.strip().lower() for value in values(headers, b"transfer-encoding")]
    if encodings not in ([], [b"chunked"]) or (encodings and version == "1.0"):
        return "the only transfer encoding is chunked"
    return ""


def _head_too_large(limit: int) -> HeadTooLarge:
    return HeadTooLarge(
        f"request line and headers are larger than {limit} bytes", hint="send fewer or shorter ones"
    )


def _head(answer: Answer, request_id: str) -> bytes:
    headers = [
        *answer.all_headers,
        (REQUEST_ID_HEADER.encode("ascii"), request_id.encode("ascii")),
        (b"connection", b"close"),
    ]
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return STATUS_LINE[answer.status] + lines + b"\r\n"
