"""`toolforge jobs list`: the tool's jobs."""

from __future__ import annotations

import click

from toolforge_common.cli.console import Console
from toolforge_common.cli.session import Session, pass_session
from toolforge_jobs_cli import render
from toolforge_jobs_cli.client import JobsClient

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


def print_jobs(client: JobsClient, console: Console, output: str) -> None:
    """Print all jobs of the tool in that form. Without any, only JSON has something to say."""
    jobs = client.list()
    if output == "json":
        console.data(render.as_json(list(jobs)))
    elif not jobs:
        console.hint("There are no jobs. `toolforge jobs run --help` shows how to make one.")
    elif output == "name":
        console.data("\n".join(job.name for job in jobs))
    elif output == "long":
        console.data(render.jobs_long_table(jobs, client.public_url))
    else:
        console.data(render.jobs_table(jobs))
