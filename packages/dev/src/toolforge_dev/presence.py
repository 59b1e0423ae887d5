"""Whether a platform is there, also while it does not answer.

A platform holds the lock file of its state folder open from its first moment to its last; its admin
socket answers only in between. Looking takes no lock, so it cannot get in the way of one that starts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from toolforge_common.errors import Conflict, NotFound
from toolforge_dev.settings import Places

RUNNING, STOPPING = "running", "stopping"
_PAUSE = 0.1


class NotRunning(NotFound):
    """No platform has the state folder."""


class NotAnswering(Conflict):
    """A platform has the state folder, and takes no orders: not yet, or no more."""


class Client(Protocol):
    """What is asked here of an AdminClient."""

    def status(self) -> dict[str, Any]:
        """Return what the platform says about itself."""


def owner(places: Places) -> int | None:
    """Return the process that has the state folder, None if there is none."""
    try:
        pid = int(places.lock.read_text())
        return pid if _has_open(pid, places.lock.stat()) else None
    except (OSError, ValueError):
        return None


def _has_open(pid: int, file: os.stat_result) -> bool:
    return any(_is_same(descriptor, file) for descriptor in Path(f"/proc/{pid}/fd").iterdir())


def _is_same(path: Path, file: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), file)
    except OSError:  # closed meanwhile, or of a kind that cannot be looked at
        return False


def await_settled(
    client: Client, deadline: float, on_wait: Callable[[], None]
) -> dict[str, Any] | None:
    """Return what the running platform says about itself, None if there is none.

    One that starts or stops is waited for, until the monotonic clock says `deadline`; `on_wait` is
    called once if so. Raises Conflict if it takes longer.
    """
    has_waited = False
    while True:
        try:
            description = client.status()
        except NotRunning:
            return None
        except NotAnswering as silent:
            text = silent.message
        else:
            if description["phase"] == RUNNING:
                return description
            text = f"the platform, process {description['pid']}, is still stopping"
        if not has_waited:
            on_wait()
            has_waited = True
        if time.monotonic() >= deadline:
            raise Conflict(text, hint="try again in a moment; its log says what it waits for")
        # A lock that somebody else holds tells nobody when it is let go.
        time.sleep(_PAUSE)
