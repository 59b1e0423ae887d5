"""How errors look on the wire: the status of each class, and the one body that all of them have."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from toolforge_common.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    QuotaExceeded,
    ToolforgeError,
    TooManyRequests,
    Unavailable,
    Unsupported,
)

_T = TypeVar("_T")


class BodyTooLarge(InvalidRequest):
    """The body of a request is larger than any service takes."""


class InternalError(Unavailable):
    """Something went wrong that nobody foresaw; what, is told to the log alone."""

    code = "internal"
    title = "Internal error"


STATUS: Mapping[type[ToolforgeError], HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    QuotaExceeded: HTTPStatus.CONFLICT,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    Unsupported: HTTPStatus.NOT_IMPLEMENTED,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    InternalError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


# What to do about an error that does not say it itself.
_HINTS: Mapping[type[ToolforgeError], str] = {
    InvalidRequest: "the service's /openapi.json says what it takes",
    BodyTooLarge: "send less at once",
    NotAuthenticated: "call the platform through its gateway",
    Forbidden: "become the tool that you want to act for",
    NotFound: "list what there is, and check the spelling",
    Conflict: "delete what is there first, or choose another name",
    QuotaExceeded: "delete what is no longer needed, or ask for more",
    TooManyRequests: "try again in a moment",
    Unsupported: "the service's /openapi.json says what it offers",
    Unavailable: "try again in some minutes",
}


def status_of(error: ToolforgeError) -> int:
    """Return the HTTP status of an error: its own, else that of the nearest class above it."""
    return _nearest(error, STATUS, HTTPStatus.INTERNAL_SERVER_ERROR).value


def error_body(error: ToolforgeError, request_id: str) -> dict[str, Any]:
    """Return the body for an error.

    `error` holds its text and the single findings, as the clients of old read them; everything else
    came later. `detail` repeats the text, so that a client can rebuild the error from `code`.
    """
    return {
        "error": [error.message, *error.details],
        "code": error.code,
        "title": error.title,
        "detail": error.message,
        "hint": error.hint or _nearest(error, _HINTS, ""),
        "doc": error.doc,
        "request_id": request_id,
    }


def _nearest(error: ToolforgeError, table: Mapping[type[ToolforgeError], _T], otherwise: _T) -> _T:
    known = (table[ancestor] for ancestor in type(error).__mro__ if ancestor in table)
    return next(known, otherwise)
