"""`toolforge sample list`: the tool's items."""

from __future__ import annotations

import click

from toolforge_common.cli.console import Console
from toolforge_common.cli.session import Session, pass_session
from toolforge_sample_cli import render
from toolforge_sample_cli.client import SampleClient

HELP = """\
List the tool's items.

\b
Example:
  toolforge sample list
"""


@click.command("list", short_help="List the tool's items.", help=HELP)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print them.",
)
@pass_session
def list_items(session: Session, output: str) -> None:
    """Choose the form and list."""
    session.prints_for_machines = output == "json"
    print_items(SampleClient.open(session), session.console, output)


def print_items(client: SampleClient, console: Console, output: str) -> None:
    """Print the items in that form. Without any, only JSON has something to say."""
    items = client.list()
    if output == "json":
        console.data(render.as_json(items))
    elif items:
        console.data(render.items_table(items))
    else:
        console.hint("There are no items.")
