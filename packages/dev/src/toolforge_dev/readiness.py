"""How a platform tells whoever started it that it is ready, or why it will not be: one line on a pipe."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from typing import Any

from toolforge_common.errors import ToolforgeError, by_code

_LONGEST = 65536
# How the last words of a platform begin that refused to start.
REFUSED = "Error: "


class Readiness:
    """The platform's end. Says one thing, once; without a pipe only good news, to the terminal."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            os.set_inheritable(descriptor, False)

    def ready(self, description: dict[str, Any]) -> None:
        """Tell that the platform answers."""
        if self._descriptor is None:
            sys.stdout.write(f"The platform is running: {description['gateway_url']}\n")
            sys.stdout.flush()
        self._say({"ready": description})

    def failed(self, error: ToolforgeError) -> None:
        """Tell why it never will, as last words, too."""
        hint = f"Hint: {error.hint}\n" if error.hint else ""
        sys.stderr.write(f"{REFUSED}{error.message}\n{hint}")
        self._say({"code": error.code, "message": error.message, "hint": error.hint})

    def _say(self, message: dict[str, Any]) -> None:
        if self._descriptor is None:
            return
        try:
            os.write(self._descriptor, json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            pass  # whoever started the platform did not wait; it runs all the same
        finally:
            os.close(self._descriptor)
            self._descriptor = None


def await_readiness(descriptor: int, timeout: float) -> dict[str, Any] | None:
    """Return what the platform says about itself, None if it ends without a word.

    Raises what kept it from starting, TimeoutError if it is silent for `timeout` seconds.
    """
    line = _read_line(descriptor, time.monotonic() + timeout)
    if not line.endswith(b"\n"):
        return None
    message = json.loads(line)
    if "ready" in message:
        ready: dict[str, Any] = message["ready"]
        return ready
    kind = by_code().get(message["code"], ToolforgeError)
    raise kind(message["message"], hint=message["hint"])


def _read_line(descriptor: int, deadline: float) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
        if not readable:
            raise TimeoutError
        piece = os.read(descriptor, _LONGEST)
        if not piece:
            break
        line += piece
    return line
