"""Printing the tool's items, for the command `list` and for its most frequent line.

People type that all day; it works without Click.
"""

from __future__ import annotations

from toolforge_common.cli.console import Console
from toolforge_common.cli.session import Session
from toolforge_sample_cli import render
from toolforge_sample_cli.client import SampleClient


def hot_list(session: Session) -> None:
    """Do what `list` does."""
    print_items(SampleClient.open(session), session.console, "table")


def print_items(client: SampleClient, console: Console, output: str) -> None:
    """Print the items in that form. Without any, only JSON has something to say."""
    items = client.list()
    if output == "json":
        console.data(render.as_json(items))
    elif items:
        console.data(render.items_table(items))
    else:
        console.hint("There are no items.")
