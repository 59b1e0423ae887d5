"""JSON over a transport, and the errors that a service raised, raised again on this side.

A body with a `code` is ours and becomes the exception of that code. Anything else, from other servers or
on their behalf, is judged by its status and read as the existing clients read it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toolforge_common.cli.console import Messages
from toolforge_common.cli.transport import Request, Response, Transport
from toolforge_common.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    ToolforgeError,
    TooManyRequests,
    Unavailable,
    Unsupported,
    by_code,
)

# A read that met a platform in the middle of a restart is tried again after these seconds.
_RETRY_AFTER = (0.2, 0.8)

# Plain numbers, because the standard library's names for them take longer to import than this module.
_REFUSED, _FAILED, _BAD_GATEWAY, _UNAVAILABLE = 400, 500, 502, 503
# For bodies that are not ours; any other status is InvalidRequest below 500 and Unavailable above.
_BY_STATUS: Mapping[int, type[ToolforgeError]] = {
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: TooManyRequests,
    501: Unsupported,
}
# A hint with this in it is for those who write requests, not for those who type commands.
_FOR_PROGRAMMERS = "/openapi.json"
# What may stand in a path or query as it is.
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class ApiClient:
    """Speaks JSON with one service.

    `service` is what people call it; `timeout` is in seconds and for each request; `on_messages` gets
    what the service says besides its answers; `on_trace` a line about each request.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        service: str,
        user_agent: str,
        timeout: float = 60,
        on_messages: Callable[[Messages], None] = lambda _: None,
        on_trace: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = transport
        self._service = service
        self._headers = {"User-Agent": user_agent, "Accept": "application/json"}
        self._timeout = timeout
        self._on_messages = on_messages
        self._on_trace = on_trace
        self._sleep = sleep

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the answer. A read is tried again if it could not be delivered."""
        return self._answer("GET", _with_query(path, query))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send the body, if there is one, and return the answer."""
        return self._answer("POST", path, body)

    def delete(self, path: str) -> dict[str, Any]:
        """Ask for the removal and return the answer."""
        return self._answer("DELETE", path)

    def lines(
        self, path: str, query: Mapping[str, str] | None = None, *, follow: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Give the objects of a newline-delimited stream as they arrive; a stream to `follow` may pause."""
        response = self._accepted(
            self._request("GET", _with_query(path, query), None, None if follow else self._timeout)
        )
        for line in response.lines():
            if line.strip():  # an empty line says that the stream is alive
                yield self._decoded(line)

    def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        response = self._accepted(self._request(method, path, body, self._timeout))
        answer = self._decoded(response.read())
        self._on_messages(_messages(answer))
        return answer

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None, timeout: float | None
    ) -> Request:
        if body is None:
            return Request(method, path, self._headers, timeout=timeout)
        headers = {**self._headers, "Content-Type": "application/json"}
        return Request(method, path, headers, json.dumps(body).encode(), timeout)

    def _accepted(self, request: Request) -> Response:
        """Return the response to the request. Raises what the service raised if it refuses."""
        response = self._delivered(request)
        if response.status < _REFUSED:
            return response
        error, messages = self._refusal(response)
        self._on_messages(messages)
        raise error

    def _delivered(self, request: Request) -> Response:
        for delay in _RETRY_AFTER if request.method == "GET" else ():
            try:
                response = self._exchange(request)
            except Unavailable as error:
                if not isinstance(error.__cause__, ConnectionError):
                    raise
            else:
                if response.status != _UNAVAILABLE:
                    return response
                response.read()  # and with it, end the connection
            self._sleep(delay)
        return self._exchange(request)

    def _exchange(self, request: Request) -> Response:
        started = time.monotonic()
        try:
            response = self._transport(request)
        except ToolforgeError as error:
            self._on_trace(f"{request.method} {request.path}: {error.message}")
            raise
        took = 1000 * (time.monotonic() - started)
        request_id = response.headers.get("x-request-id", "none")
        self._on_trace(
            f"{request.method} {request.path}: {response.status} "
            f"in {took:.0f} ms, request id {request_id}"
        )
        return response

    def _decoded(self, body: bytes) -> dict[str, Any]:
        answer = _parsed(body)
        if not isinstance(answer, dict):
            raise Unavailable(f"the {self._service} service answered something that is not ours")
        return answer

    def _refusal(self, response: Response) -> tuple[ToolforgeError, Messages]:
        body = response.read()
        answer = _parsed(body)
        fields = answer if isinstance(answer, dict) else {}
        error = self._error(response.status, answer, body)
        request_id = response.headers.get("x-request-id") or fields.get("request_id")
        if request_id:
            error.add_note(f"Request id: {request_id}")
        return error, _messages(fields, come_with_refusal=True)

    def _error(self, status: int, answer: Any, body: bytes) -> ToolforgeError:
        fields = answer if isinstance(answer, dict) else {}
        kind = by_code().get(str(fields.get("code"))) or _kind_of(status)
        if "code" not in fields and status in (_BAD_GATEWAY, _UNAVAILABLE):
            return Unavailable(
                f"the {self._service} service seems to be down; please try again in a few minutes"
            )
        texts = _texts(answer) or [body.decode(errors="replace").strip()]
        if "code" not in fields:
            return kind("\n".join(texts) or f"it answered {status} and nothing else")
        hint, doc = (str(fields.get(name) or "") for name in ("hint", "doc"))
        if _FOR_PROGRAMMERS in hint:
            hint = ""
        return kind(texts[0], hint=hint, doc=doc, details=tuple(texts[1:]))


def _kind_of(status: int) -> type[ToolforgeError]:
    is_ours = status >= _FAILED
    return _BY_STATUS.get(status, Unavailable if is_ours else InvalidRequest)


def segment(text: str) -> str:
    """Return the text as one segment of a path. Raises InvalidRequest if the path would lead elsewhere."""
    if text in ("", ".", ".."):
        raise InvalidRequest(f"{text!r} cannot be the name of anything")
    return quoted(text)


def quoted(text: str) -> str:
    """Return the text as one value of a query. Raises InvalidRequest if it is not UTF-8."""
    try:
        octets = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{text!r} is not UTF-8") from error
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in octets)


def _with_query(path: str, query: Mapping[str, str] | None) -> str:
    if not query:
        return path
    return f"{path}?" + "&".join(f"{name}={quoted(value)}" for name, value in query.items())


def _parsed(body: bytes) -> Any:
    """Return the JSON value of the body, or None if it is not JSON."""
    try:
        return json.loads(body)
    except ValueError:  # covers text that is not UTF-8, too
        return None


def _messages(answer: Mapping[str, Any], *, come_with_refusal: bool = False) -> Messages:
    found = answer.get("messages")
    if not isinstance(found, dict):
        return Messages()
    return Messages(
        tuple(found.get("info") or ()), tuple(found.get("warning") or ()), come_with_refusal
    )


def _texts(answer: Any) -> list[str]:
    """Return what the body says went wrong.

    That is the body itself if it is a text, the texts under `messages.error`, or those under `error`,
    or the findings of a validator.
    """
    if isinstance(answer, str):
        return [answer]
    if not isinstance(answer, dict):
        return []
    messages = answer.get("messages")
    within = messages.get("error") if isinstance(messages, dict) else None
    found = within or answer.get("error") or answer.get("detail") or []
    return [found] if isinstance(found, str) else [_finding(item) for item in found]


def _finding(item: Any) -> str:
    """Return a single text; validators give an object with place and message."""
    if not isinstance(item, dict):
        return str(item)
    place = ".".join(map(str, item.get("loc") or ()))
    text = str(item.get("msg", ""))
    return f"{place}: {text}" if place else text
