"""`toolforge jobs flush`: remove everything."""

from __future__ import annotations

import click

from toolforge_common.cli.session import Session, pass_session
from toolforge_jobs_cli.client import JobsClient

HELP = """\
Stop and remove all jobs of the tool.

Nobody is asked for a confirmation.

\b
Example:
  toolforge jobs flush
"""


@click.command(short_help="Stop and remove all jobs of the tool.", help=HELP)
@pass_session
def flush(session: Session) -> None:
    """Remove all jobs."""
    JobsClient.open(session).flush()
