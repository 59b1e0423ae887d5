"""`toolforge jobs show`: everything about one job."""

from __future__ import annotations

import click

from toolforge_common.cli.console import Console
from toolforge_common.cli.session import Session, pass_session
from toolforge_jobs_cli import render
from toolforge_jobs_cli.client import JobsClient

HELP = """\
Show everything about a job.

\b
Examples:
  toolforge jobs show hello
  toolforge jobs show hello --output json
"""


@click.command(short_help="Show everything about a job.", help=HELP)
@click.argument("name")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["normal", "json"]),
    default="normal",
    show_default=True,
    help="How to print it.",
)
@pass_session
def show(session: Session, name: str, output: str) -> None:
    """Choose the form and show."""
    session.prints_for_machines = output == "json"
    print_job(JobsClient.open(session), session.console, name, output)


def print_job(client: JobsClient, console: Console, name: str, output: str) -> None:
    """Print the job in that form."""
    job = client.get(name)
    if output == "json":
        console.data(render.as_json(job))
    else:
        console.data(render.job_table(job, client.public_url))
