"""`toolforge dev shell`: work as a tool."""

from __future__ import annotations

import os
from pathlib import Path

import click

from toolforge_common.cli.session import Session, pass_session
from toolforge_common.names import parse_tool_name
from toolforge_dev import reach
from toolforge_dev import shell as shells
from toolforge_dev.admin_client import AdminClient
from toolforge_dev.commands.places import own_state
from toolforge_dev.settings import Places

# As shells have it.
NOT_FOUND, NOT_EXECUTABLE = 127, 126

HELP = """\
Work as a tool: with its home, its certificate and, as root, its number.

Without a command this is a shell. Exit code, signals and terminal are the command's own.

\b
Examples:
  toolforge dev shell demo
  toolforge dev shell demo -- toolforge jobs list
"""


@click.command(
    short_help="Work as a tool.", help=HELP, context_settings={"allow_interspersed_args": False}
)
@click.argument("tool")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@pass_session
def shell(session: Session, tool: str, command: tuple[str, ...]) -> int:
    """Become the tool, then the command."""
    # With what follows the tool left alone, a `--` in front of it is left, too.
    words = command[1:] if command[:1] == ("--",) else command
    places = Places(own_state())
    found = AdminClient(places).tool(parse_tool_name(tool))
    account = shells.ToolAccount(found["name"], found["uid"], Path(found["home"]))
    addresses = shells.Addresses(
        found["gateway_url"], places.gateway_ca, found["publish_url_template"]
    )
    variables = shells.environment(account, addresses, os.environ)
    shells.become(account, [*reach.needed_folders(), places.gateway_ca.parent])
    try:
        shells.run(words, account, variables)
    except OSError as error:
        session.console.say(f"{words[0]}: {error.strerror}")
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
