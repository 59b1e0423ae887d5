"""What the running platform answers on its admin socket: JSON in, JSON out, errors in the common body.

There is no authentication: the socket lies in a folder that only the platform's owner can enter. What the
answers say is done by a `Control`; here are only paths, statuses and bodies.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, Protocol

import orjson
import structlog

from toolforge_common.errors import InvalidRequest, NotFound, ToolforgeError
from toolforge_gateway.answers import Answer, failure, refusal
from toolforge_gateway.asgi import Receive, Scope, Send

logger = structlog.get_logger(__name__)

_MAX_BODY = 64 * 1024


class Control(Protocol):
    """The platform as its owner sees it. Every method may block; all raise errors of ours."""

    def status(self) -> dict[str, Any]:
        """Describe the platform."""

    def tools(self) -> list[dict[str, Any]]:
        """Describe all tools, by name."""

    def tool(self, name: str) -> dict[str, Any]:
        """Describe one tool."""

    def create_tool(self, name: str) -> dict[str, Any]:
        """Make a tool and describe it."""

    def delete_tool(self, name: str) -> None:
        """Stop what the tool runs and remove everything it has."""

    def stop(self, *, keep_pods: bool) -> None:
        """Have the platform stop soon."""


Body = dict[str, Any]
_Operation = Callable[[Control, str, Body], tuple[int, Body]]


class AdminApp:
    """The ASGI app of the admin socket."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            operation, name = _find(scope["method"], scope["path"])
            body = await _read_body(receive)
            status, answer = await asyncio.to_thread(operation, self._control, name, body)
            reply = Answer(status, "application/json", orjson.dumps(answer))
        except ToolforgeError as error:
            reply = refusal(error, "")
        except Exception:
            # A defect must not leave whoever gave the order without an answer.
            logger.exception("order_failed", path=scope["path"])
            reply = failure("")
        await reply.send(send)


def _find(method: str, path: str) -> tuple[_Operation, str]:
    for (known, pattern), operation in _OPERATIONS.items():
        match = re.fullmatch(pattern, path)
        if known == method and match:
            return operation, match.groupdict().get("name", "")
    raise NotFound(f"the platform does not know {method} {path}")


async def _read_body(receive: Receive) -> Body:
    data = b""
    while True:
        message = await receive()
        data += message.get("body", b"")
        if len(data) > _MAX_BODY:
            raise InvalidRequest("that is more than an order can be")
        if not message.get("more_body"):
            break
    try:
        body = orjson.loads(data or b"{}")
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("the body is not JSON") from error
    if not isinstance(body, dict):
        raise InvalidRequest("the body is not a JSON object")
    return body


def _status(control: Control, _name: str, _body: Body) -> tuple[int, Body]:
    return 200, control.status()


def _list_tools(control: Control, _name: str, _body: Body) -> tuple[int, Body]:
    return 200, {"tools": control.tools()}


def _show_tool(control: Control, name: str, _body: Body) -> tuple[int, Body]:
    return 200, control.tool(name)


def _create_tool(control: Control, _name: str, body: Body) -> tuple[int, Body]:
    name = body.get("name")
    if not isinstance(name, str):
        raise InvalidRequest("a tool needs a name")
    return 201, control.create_tool(name)


def _delete_tool(control: Control, name: str, _body: Body) -> tuple[int, Body]:
    control.delete_tool(name)
    return 200, {}


def _stop(control: Control, _name: str, body: Body) -> tuple[int, Body]:
    control.stop(keep_pods=body.get("keep_pods") is True)
    return 202, {}


_NAME = r"/tools/(?P<name>[^/]+)"
_OPERATIONS: dict[tuple[str, str], _Operation] = {
    ("GET", "/status"): _status,
    ("GET", "/tools"): _list_tools,
    ("POST", "/tools"): _create_tool,
    ("GET", _NAME): _show_tool,
    ("DELETE", _NAME): _delete_tool,
    ("POST", "/stop"): _stop,
}
