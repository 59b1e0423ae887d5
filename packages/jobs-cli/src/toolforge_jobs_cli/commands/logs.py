"""`toolforge jobs logs`: what a job has written, and what it writes."""

from __future__ import annotations

import click

from toolforge_common.cli.console import Console
from toolforge_common.cli.session import Session, pass_session
from toolforge_jobs_cli import render
from toolforge_jobs_cli.client import JobsClient

HELP = """\
Print what a job has written.

That works after the job is gone, too. A job that writes into files has no
logs here: see "Output log" in `toolforge jobs show`.

\b
Examples:
  toolforge jobs logs hello
  toolforge jobs logs bot --follow --last 10
"""


@click.command(short_help="Print what a job has written.", help=HELP)
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until you press Ctrl-C.")
@click.option(
    "-l", "--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N lines."
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["normal", "json"]),
    default="normal",
    show_default=True,
    help="Print lines of text, or a JSON object per line.",
)
@pass_session
def logs(session: Session, name: str, follow: bool, last: int | None, output: str) -> None:  # noqa: FBT001  Click calls it
    """Choose the form and print."""
    client = JobsClient.open(session)
    print_log(client, session.console, name, last=last, follow=follow, output=output)


def print_log(
    client: JobsClient,
    console: Console,
    name: str,
    *,
    last: int | None,
    follow: bool,
    output: str,
) -> None:
    """Print the log of the job, each line as soon as it is here."""
    form = render.as_json_line if output == "json" else render.log_line
    write = console.stream if follow else console.data
    for entry in client.logs(name, last=last, follow=follow):
        write(form(entry))
