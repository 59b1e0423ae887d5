"""`toolforge dev status`: show the running platform."""

from __future__ import annotations

import datetime
from typing import Any

import click

from toolforge_common.cli.console import Console
from toolforge_common.cli.session import Session, pass_session
from toolforge_common.errors import ToolforgeError
from toolforge_dev import render
from toolforge_dev.admin_client import AdminClient
from toolforge_dev.commands.options import output_option
from toolforge_dev.commands.places import own_platform
from toolforge_dev.presence import RUNNING, NotAnswering, NotRunning

# As service managers say it of a service that is not running.
NOT_RUNNING = 3
STARTING_OR_STOPPING = 4

HELP = """\
Show the running platform: where it answers, since when, how well it keeps tools apart.

Exits with 3 if none is running, with 4 while one is starting or stopping.

\b
Examples:
  toolforge dev status
  toolforge dev status --output json
"""


@click.command(short_help="Show the running platform.", help=HELP)
@output_option
@pass_session
def status(session: Session, output: str) -> int:
    """Show it."""
    return show(own_platform(), session.console, output)


def show(client: AdminClient, console: Console, output: str) -> int:
    """Print what the platform says about itself; return the exit code."""
    try:
        description = client.status()
    except NotRunning as error:
        _tell(error, {"running": False}, console, output)
        return NOT_RUNNING
    except NotAnswering as error:
        _tell(error, {"running": False, "phase": "starting or stopping"}, console, output)
        return STARTING_OR_STOPPING
    is_running = description["phase"] == RUNNING
    if output == "json":
        console.data(render.as_json({"running": is_running, **description}))
    else:
        console.data(render.status(description, datetime.datetime.now(datetime.UTC)))
    return 0 if is_running else STARTING_OR_STOPPING


def _tell(
    error: ToolforgeError, for_programs: dict[str, Any], console: Console, output: str
) -> None:
    if output == "json":
        console.data(render.as_json(for_programs))
    else:
        console.data(f"{error.message[0].upper()}{error.message[1:]}.")
        console.hint(f"Hint: {error.hint}")
