"""`toolforge dev up`: start the platform."""

from __future__ import annotations

import os
import time
from typing import Any

import click

from toolforge_common.cli.console import Console
from toolforge_common.cli.session import Session, pass_session
from toolforge_common.errors import InvalidRequest, ToolforgeError
from toolforge_dev import launch
from toolforge_dev.admin_client import AdminClient
from toolforge_dev.commands.places import own_state
from toolforge_dev.presence import await_settled, owner
from toolforge_dev.settings import GATEWAY_PORT, ROUTES_PORT, Places, Settings

HELP = """\
Start the platform on this machine. It goes on in the background until `toolforge dev down`.

\b
Examples:
  toolforge dev up
  toolforge dev up --foreground
  TOOLFORGE_STATE=/tmp/second toolforge dev up --port 31003 --routes-port 31000
"""
# As long as a platform may take to stop, or to start.
_PATIENCE = 60.0
_PORT = click.IntRange(0, 65535)


@click.command(short_help="Start the platform.", help=HELP)
@click.option("--foreground", is_flag=True, help="Stay in this terminal; Ctrl-C stops it.")
@click.option(
    "--port",
    type=_PORT,
    default=GATEWAY_PORT,
    show_default=True,
    envvar="TOOLFORGE_DEV_PORT",
    help="Where the gateway listens on 127.0.0.1; 0 takes a free port.",
)
@click.option(
    "--routes-port",
    type=_PORT,
    default=ROUTES_PORT,
    show_default=True,
    envvar="TOOLFORGE_DEV_ROUTES_PORT",
    help="Where published jobs are reached; 0 takes a free port.",
)
@pass_session
def up(session: Session, foreground: bool, port: int, routes_port: int) -> None:  # noqa: FBT001  Click calls it
    """Start, or say that there is nothing to do."""
    settings = Settings(own_state(), port, routes_port)
    start(settings, session.console, foreground=foreground)


def start(settings: Settings, console: Console, *, foreground: bool) -> None:
    """Start the platform unless it runs already, and say where it is."""
    if settings.port == settings.routes_port != 0:
        raise InvalidRequest(
            f"the gateway and the web traffic cannot both have port {settings.port}",
            hint="choose another one for one of them: --routes-port NUMBER",
        )
    deadline = time.monotonic() + _PATIENCE
    while True:
        running = _find(settings, console, deadline)
        if running is not None:
            console.data(f"The platform is running already: {running['gateway_url']}")
            return
        if foreground:
            argv = launch.command(settings)
            os.execv(argv[0], argv)  # noqa: S606  that is the job
        try:
            started = launch.start(settings)
        except ToolforgeError:
            if owner(Places(settings.state)) is None:
                raise
            continue  # somebody else was faster
        _greet(started, console)
        return


def _find(settings: Settings, console: Console, deadline: float) -> dict[str, Any] | None:
    return await_settled(
        AdminClient(Places(settings.state)),
        deadline,
        lambda: console.say("A platform is starting or stopping in this folder; waiting for it."),
    )


def _greet(started: dict[str, Any], console: Console) -> None:
    console.data(f"The platform is running: {started['gateway_url']}")
    console.hint(
        "Make a tool:      toolforge dev tool create demo",
        "Work as the tool: toolforge dev shell demo",
        "Stop:             toolforge dev down",
    )
