"""Printing the tool's jobs, for the command `list` and for its two most frequent lines.

People and completion scripts type those all day; they work without Click.
"""

from __future__ import annotations

from toolforge_common.cli.console import Console
from toolforge_common.cli.session import Session
from toolforge_jobs_cli import render
from toolforge_jobs_cli.client import JobsClient


def hot_list(session: Session) -> None:
    """Do what `list` does."""
    print_jobs(JobsClient.open(session), session.console, "normal")


def hot_names(session: Session) -> None:
    """Do what `list -o name` does."""
    print_jobs(JobsClient.open(session), session.console, "name")


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
