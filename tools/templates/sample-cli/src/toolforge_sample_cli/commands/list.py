"""`toolforge sample list`: the tool's items."""

from __future__ import annotations

import click

from toolforge_common.cli.session import Session, pass_session
from toolforge_sample_cli.client import SampleClient
from toolforge_sample_cli.listing import print_items

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
