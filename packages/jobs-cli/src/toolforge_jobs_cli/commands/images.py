"""`toolforge jobs images`: what jobs can run in."""

from __future__ import annotations

import click

from toolforge_common.cli.console import Console
from toolforge_common.cli.session import Session, pass_session
from toolforge_jobs_cli import render
from toolforge_jobs_cli.client import JobsClient

HELP = """\
List the images that jobs can run in.

\b
Example:
  toolforge jobs images
"""


@click.command(short_help="List the images that jobs can run in.", help=HELP)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["normal", "json"]),
    default="normal",
    show_default=True,
    help="How to print them.",
)
@pass_session
def images(session: Session, output: str) -> None:
    """Choose the form and list."""
    session.prints_for_machines = output == "json"
    print_images(JobsClient.open(session), session.console, output)


def print_images(client: JobsClient, console: Console, output: str) -> None:
    """Print the images in that form."""
    found = client.images()
    if output == "json":
        console.data(render.as_json(list(found)))
    else:
        console.data(render.images_table(found))
