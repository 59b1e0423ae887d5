"""`toolforge dev down`: stop the platform."""

from __future__ import annotations

import os
import select
import time
from typing import Any

import click

from toolforge_common.cli.console import Console
from toolforge_common.cli.session import Session, pass_session
from toolforge_common.errors import Unavailable
from toolforge_dev.admin_client import AdminClient
from toolforge_dev.commands.places import own_platform
from toolforge_dev.presence import STOPPING, NotAnswering, NotRunning

# Pods get half a minute to end; then they are ended.
_TIMEOUT = 60.0
_PAUSE = 0.1

HELP = """\
Stop the platform and what runs on it. Jobs are remembered: continuous and scheduled ones go on with the
next `toolforge dev up`.

\b
Examples:
  toolforge dev down
  toolforge dev down --keep-pods
"""


@click.command(short_help="Stop the platform and what runs on it.", help=HELP)
@click.option(
    "--keep-pods",
    is_flag=True,
    help="Leave what runs running; the next platform takes it over, with logs and exit codes.",
)
@pass_session
def down(session: Session, keep_pods: bool) -> None:  # noqa: FBT001  Click calls it
    """Stop, or say that there is nothing to do."""
    stop(own_platform(), session.console, keep_pods=keep_pods)


def stop(
    client: AdminClient, console: Console, *, keep_pods: bool, timeout: float = _TIMEOUT
) -> None:
    """Stop the platform and wait until its process has ended, whoever gave the order."""
    deadline = time.monotonic() + timeout
    try:
        description = _await_answer(client, deadline)
        pid = description["pid"]
        # Opened while the platform answers, the descriptor can be of no other process.
        process = os.pidfd_open(pid)
    except NotRunning:
        console.data("No platform is running.")
        return
    try:
        if description["phase"] == STOPPING:
            console.say("The platform is stopping already; waiting for its end.")
        else:
            client.stop(keep_pods=keep_pods)
        ended, _, _ = select.select([process], [], [], max(0, deadline - time.monotonic()))
    finally:
        os.close(process)
    if not ended:
        raise Unavailable(
            f"the platform, process {pid}, has not ended within {timeout:.0f} seconds",
            hint="its log says what it waits for; `toolforge dev status` shows where it is",
        )
    console.data("The platform has stopped.")


def _await_answer(client: AdminClient, deadline: float) -> dict[str, Any]:
    """Return the platform's status; wait for one that starts, or is about to end, until it has."""
    while True:
        try:
            return client.status()
        except NotAnswering:
            if time.monotonic() >= deadline:
                raise
        # There is nothing to wait on before it listens.
        time.sleep(_PAUSE)
