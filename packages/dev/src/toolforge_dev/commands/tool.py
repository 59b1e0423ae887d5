"""`toolforge dev tool`: create, list and delete tools."""

from __future__ import annotations

import sys

import click

from toolforge_common.cli.console import Console
from toolforge_common.cli.session import Session, pass_session
from toolforge_common.errors import InvalidRequest
from toolforge_common.names import parse_tool_name
from toolforge_dev import render
from toolforge_dev.admin_client import AdminClient
from toolforge_dev.commands.options import output_option
from toolforge_dev.commands.places import own_platform

HELP = """\
Create, list and delete tools, the accounts that everything runs under.

\b
Examples:
  toolforge dev tool create demo
  toolforge dev tool list
  toolforge dev tool delete demo --yes
"""


@click.group(short_help="Create, list and delete tools.", help=HELP)
def tool() -> None:
    """Group the commands."""


@tool.command("create", short_help="Make a tool.")
@click.argument("name")
@pass_session
def create(session: Session, name: str) -> None:
    """Make a tool with a home folder, a number and a certificate."""
    create_tool(own_platform(), session.console, name)


def create_tool(client: AdminClient, console: Console, name: str) -> None:
    """Make the tool and say what to do next."""
    made = client.create_tool(parse_tool_name(name))
    console.data(f"The tool {made['name']} is there; its home is {made['home']}.")
    console.hint(
        f"Work as the tool: toolforge dev shell {made['name']}",
        "Then for example: toolforge jobs run hello --image python3.11 --command 'echo hello' --wait",
    )


@tool.command("list", short_help="List all tools.")
@output_option
@pass_session
def list_tools(session: Session, output: str) -> None:
    """List all tools of the platform."""
    print_tools(own_platform(), session.console, output)


def print_tools(client: AdminClient, console: Console, output: str) -> None:
    """Print the tools. Without any, only JSON has something to say."""
    tools = client.tools()
    if output == "json":
        console.data(render.as_json(tools))
    elif tools:
        console.data(render.tools(tools))
    else:
        console.say("There are no tools. Make one with `toolforge dev tool create NAME`.")


@tool.command("delete", short_help="Remove a tool and everything it has.")
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_session
def delete(session: Session, name: str, yes: bool) -> None:  # noqa: FBT001  Click calls it
    """Stop what the tool runs and remove it with its home and everything else it has."""
    delete_tool(own_platform(), session.console, name, yes=yes)


def delete_tool(client: AdminClient, console: Console, name: str, *, yes: bool) -> None:
    """Remove the tool, if somebody confirms that. Nobody is asked about a tool that is not there."""
    parsed = parse_tool_name(name)
    if not yes:
        client.tool(parsed)
        _confirm(name)
    client.delete_tool(parsed)
    console.data(f"The tool {name} is gone.")


def _confirm(name: str) -> None:
    if not sys.stdin.isatty():
        raise InvalidRequest(
            f"nobody is here to confirm that {name!r} and everything it has shall go",
            hint=f"toolforge dev tool delete {name} --yes",
        )
    click.confirm(
        f"Remove the tool {name} with its home, its jobs and everything else?", abort=True, err=True
    )
