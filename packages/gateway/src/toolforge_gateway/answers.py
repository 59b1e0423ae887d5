"""What the gateway answers itself: refusals in the common error body, and its own two pages."""

from __future__ import annotations

import dataclasses
import http

import orjson

from toolforge_common.api.errors import BodyTooLarge, InternalError, error_body, status_of
from toolforge_common.errors import InvalidRequest, ToolforgeError
from toolforge_gateway.asgi import Send

_JSON = "application/json"
GREETING = b"This is the API gateway of Toolforge. What it offers is described at /openapi.json.\n"


class HeadTooLarge(InvalidRequest):
    """Request line and headers are larger than the platform takes."""

    title = "Request head too large"


class BodyTooSlow(InvalidRequest):
    """The body of a request did not arrive in time."""

    title = "Request body too slow"


class MethodNotAllowed(InvalidRequest):
    """The gateway's own pages can only be read."""

    title = "Method not allowed"


_OWN_STATUS: dict[type[ToolforgeError], http.HTTPStatus] = {
    HeadTooLarge: http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    BodyTooSlow: http.HTTPStatus.REQUEST_TIMEOUT,
    MethodNotAllowed: http.HTTPStatus.METHOD_NOT_ALLOWED,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: status, content type, body, and headers beyond content type and length."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def all_headers(self) -> list[tuple[bytes, bytes]]:
        """Every header of the answer."""
        return [
            (b"content-type", self.content_type.encode("ascii")),
            (b"content-length", str(len(self.body)).encode("ascii")),
            *self.headers,
        ]

    async def send(self, send: Send) -> None:
        """Give the answer as ASGI messages."""
        await send(
            {"type": "http.response.start", "status": self.status, "headers": self.all_headers}
        )
        await send({"type": "http.response.body", "body": self.body})


def body_too_large(limit: int) -> BodyTooLarge:
    """Refuse a body beyond `limit` bytes."""
    return BodyTooLarge(
        f"the body of the request is larger than {limit} bytes",
        hint="send less at once; large files belong into the tool's home",
    )


def body_too_slow(seconds: float) -> BodyTooSlow:
    """Refuse a body that was not there after so many seconds."""
    return BodyTooSlow(
        f"the body of the request was not there after {seconds:g} seconds",
        hint="send it at once, together with the head",
    )


def refusal(error: ToolforgeError, request_id: str) -> Answer:
    """Return the refusal as every part of Toolforge words it."""
    status = _OWN_STATUS.get(type(error)) or status_of(error)
    extra = ((b"allow", b"GET, HEAD"),) if isinstance(error, MethodNotAllowed) else ()
    return Answer(status, _JSON, orjson.dumps(error_body(error, request_id)), extra)


def failure(request_id: str) -> Answer:
    """Return the answer to a request that met a defect of ours."""
    error = InternalError(
        "something went wrong on our side",
        hint=f"try again; if it persists, report it with the request id {request_id}",
    )
    return refusal(error, request_id)
