"""`toolforge jobs logs`: what a job has written, and what it writes."""

from __future__ import annotations

from collections.abc import Callable

import click

from toolforge_common.cli.console import Console
from toolforge_common.cli.numbers import WholeNumber
from toolforge_common.cli.session import Session, pass_session
from toolforge_common.errors import InvalidRequest, NotFound
from toolforge_jobs_cli import render
from toolforge_jobs_cli.client import JobsClient, LogEntry

# How many lines are shown unless somebody says, and how many the service gives at most.
_SHOWN = 500
_MOST = 5000
Form = Callable[[LogEntry], str]

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
    "-l",
    "--last",
    type=WholeNumber(least=1),
    metavar="N",
    help=f"Only the newest N lines; else {_SHOWN}, at most {_MOST}.",
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
    if last is not None and last > _MOST:
        raise InvalidRequest(
            f"--last must be from 1 to {_MOST}, not {last}", hint=f"use --last {_MOST}"
        )
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
    """Print the log of the job; when following, each line as soon as it is here."""
    form = render.as_json_line if output == "json" else render.log_line
    try:
        if follow:
            _follow(client, console, name, last, form)
        else:
            _print_what_is_there(client, console, name, last, form)
    except NotFound as error:
        if not _is_there(client, name):
            error.hint = "there is no job of that name; `toolforge jobs list` shows those there are"
        raise


def _is_there(client: JobsClient, name: str) -> bool:
    try:
        client.get(name)
    except NotFound:
        return False
    return True


def _print_what_is_there(
    client: JobsClient, console: Console, name: str, last: int | None, form: Form
) -> None:
    if last is not None:
        for entry in client.logs(name, last=last):
            console.data(form(entry))
        return
    # One more than is shown tells whether there are more.
    entries = list(client.logs(name, last=_SHOWN + 1))
    for entry in entries[-_SHOWN:]:
        console.data(form(entry))
    if len(entries) > _SHOWN:
        console.say(f"Only the newest {_SHOWN} lines are shown; `--last {_MOST}` shows more.")


def _follow(client: JobsClient, console: Console, name: str, last: int | None, form: Form) -> None:
    try:
        for entry in client.logs(name, last=last, follow=True):
            console.stream(form(entry))
    except KeyboardInterrupt:
        console.hint("")  # the terminal shows ^C, and the prompt shall not stand behind it
        raise
