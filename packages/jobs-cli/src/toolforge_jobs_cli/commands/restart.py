"""`toolforge jobs restart`: start over."""

from __future__ import annotations

import click

from toolforge_common.cli.session import Session, pass_session
from toolforge_jobs_cli.client import JobsClient

HELP = """\
Restart a continuous job, or run a scheduled one now.

\b
Example:
  toolforge jobs restart bot
"""


@click.command(short_help="Restart a continuous job, or run a scheduled one now.", help=HELP)
@click.argument("name")
@pass_session
def restart(session: Session, name: str) -> None:
    """Restart the job."""
    JobsClient.open(session).restart(name)
    session.console.hint(f"`toolforge jobs show {name}` says how it is.")
