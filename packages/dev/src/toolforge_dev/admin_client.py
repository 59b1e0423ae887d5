"""The command line's way to the running platform: JSON over HTTP on a Unix socket."""

from __future__ import annotations

import http.client
import os
import socket
from pathlib import Path
from typing import Any

from toolforge_common.cli.api_client import ApiClient
from toolforge_common.cli.transport import Request, Response
from toolforge_common.errors import Forbidden, Unavailable
from toolforge_dev import __version__
from toolforge_dev.presence import RUNNING, NotAnswering, NotRunning, owner
from toolforge_dev.settings import Places

# Deleting a tool waits until its pods are gone.
_TIMEOUT = 120.0


class AdminClient:
    """Orders and questions to the platform of a state folder."""

    def __init__(self, places: Places) -> None:
        self._api = ApiClient(
            UnixTransport(places.admin_socket),
            service="platform",
            user_agent=f"toolforge-dev/{__version__}",
            timeout=_TIMEOUT,
        )

    def status(self) -> dict[str, Any]:
        """Return what the platform says about itself, `phase` included.

        Raises NotRunning if there is none, NotAnswering if it is about to start or to end.
        """
        # One of an earlier version does not tell its phase.
        return {"phase": RUNNING, **self._api.get("/status")}

    def tools(self) -> list[dict[str, Any]]:
        """Return all tools, by name."""
        tools: list[dict[str, Any]] = self._api.get("/tools")["tools"]
        return tools

    def tool(self, name: str) -> dict[str, Any]:
        """Return one tool. Raises NotFound if there is none of that name."""
        return self._api.get(f"/tools/{name}")

    def create_tool(self, name: str) -> dict[str, Any]:
        """Make a tool and return it. Raises Conflict if there is one of that name."""
        return self._api.post("/tools", {"name": name})

    def delete_tool(self, name: str) -> None:
        """Stop what the tool runs and remove everything it has."""
        self._api.delete(f"/tools/{name}")

    def stop(self, *, keep_pods: bool) -> None:
        """Tell the platform to stop; it answers before it does."""
        self._api.post("/stop", {"keep_pods": keep_pods})


class UnixTransport:
    """The transport to a server on a Unix socket: a connection per request."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, request: Request) -> Response:
        """Send the request and return the response.

        Raises NotRunning if there is no platform, NotAnswering if it does not listen, Forbidden if somebody does whom this user may not talk to,
        Unavailable if the answer breaks off.
        """
        connection = _Connection(self._path, request.timeout)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise self._unreachable(error) from error
        try:
            connection.request(request.method, request.path, request.body, dict(request.headers))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Response(response.status, names, [response.read()])
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable("the platform stopped in the middle of its answer") from error
        finally:
            connection.close()

    def _unreachable(self, error: OSError) -> Exception:
        state = self._path.parent.parent
        if isinstance(error, PermissionError):
            return Forbidden(
                f"the platform in {state} belongs to another user",
                hint="run the command as that user, or name your own folder with TOOLFORGE_STATE",
            )
        pid = owner(Places(state))
        if pid is not None:
            return NotAnswering(
                f"the platform in {state}, process {pid}, is starting or stopping",
                hint="try again in a moment",
            )
        return NotRunning(
            f"no platform is running in {state}", hint="start it with `toolforge dev up`"
        )


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fsencode(self._path))
