"""`toolforge jobs delete`: stop a job and remove it."""

from __future__ import annotations

import click

from toolforge_common.cli.session import Session, pass_session
from toolforge_jobs_cli.client import JobsClient

HELP = """\
Stop a job and remove it.

Its logs stay for a while.

\b
Example:
  toolforge jobs delete hello
"""


@click.command(short_help="Stop a job and remove it.", help=HELP)
@click.argument("name")
@pass_session
def delete(session: Session, name: str) -> None:
    """Delete the job."""
    JobsClient.open(session).delete(name)
