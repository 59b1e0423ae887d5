"""`toolforge jobs list`: the tool's jobs."""

from __future__ import annotations

import click

from toolforge_common.cli.session import Session, pass_session
from toolforge_jobs_cli.client import JobsClient
from toolforge_jobs_cli.listing import print_jobs

HELP = """\
List the tool's jobs.

\b
Examples:
  toolforge jobs list
  toolforge jobs list --output long
  toolforge jobs list --output json
"""


@click.command("list", short_help="List the tool's jobs.", help=HELP)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["normal", "long", "name", "json"]),
    default="normal",
    show_default=True,
    help="What to print about each job.",
)
@click.option("-l", "--long", is_flag=True, hidden=True)
@pass_session
def list_jobs(session: Session, output: str, long: bool) -> None:  # noqa: FBT001  Click calls it
    """Choose the form and list."""
    if long:
        session.console.log("WARNING", "--long is deprecated; use --output long")
        output = "long"
    session.prints_for_machines = output == "json"
    print_jobs(JobsClient.open(session), session.console, output)
