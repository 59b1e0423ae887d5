"""`toolforge jobs run`: create a job, and wait for it if asked to."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import click

from toolforge_common.cli import errors
from toolforge_common.cli.console import Console
from toolforge_common.cli.numbers import WholeNumber
from toolforge_common.cli.session import Session, pass_session
from toolforge_jobs_cli import new_job, render
from toolforge_jobs_cli.client import Job, JobsClient
from toolforge_jobs_cli.option_names import told_about_options
from toolforge_jobs_cli.wait import DEFAULT_SECONDS, Outcome, wait_for

# Where jobs see the tool's home; the tool itself may have it elsewhere.
_HOME = re.compile(r"^/data/project/[^/]+/")

# At most one of each may be given.
_EXCLUSIVE = (
    {
        "schedule": "--schedule",
        "continuous": "--continuous",
        "wait": "--wait",
        "webservice": "--webservice",
    },
    {"filelog": "--filelog", "no_filelog": "--no-filelog"},
    {
        "health_check_script": "--health-check-script",
        "health_check_http": "--health-check-http",
    },
)

HELP = """\
Run a job: once, on a schedule, or all the time.

\b
Examples:
  toolforge jobs run hello --image python3.11 --command "echo hello" --wait
  toolforge jobs run tidy --image php8.2 --command ./tidy --schedule @daily
  toolforge jobs run bot --image python3.11 --command ./bot --continuous
  toolforge jobs run web --image python3.11 --command ./serve --continuous \\
      --port 8000 --publish
"""


@dataclasses.dataclass(frozen=True, slots=True)
class AfterRun:
    """What to do when the job is there: how long to `wait` (None: not), what to print."""

    wait: int | None = None
    output: str = "normal"


@click.command(short_help="Run a job: once, on a schedule, or all the time.", help=HELP)
@click.argument("name", required=False)
@click.option("--image", required=True, metavar="IMAGE", help="Image to run in; see `images`.")
@click.option("--command", metavar="COMMAND", help="What to run, in quotes.")
@click.option("--schedule", metavar="CRON", help='When to run: "5 4 * * *", @hourly, @daily, ...')
@click.option("--continuous", is_flag=True, help="Keep it running; start it again when it ends.")
@click.option("--webservice", is_flag=True, help="Run it as the tool's web service.")
@click.option(
    "--wait",
    type=WholeNumber(least=0),
    is_flag=False,
    flag_value=DEFAULT_SECONDS,
    metavar="[SECONDS]",
    help=f"Return when the job has finished, at the latest after {DEFAULT_SECONDS} or SECONDS.",
)
@click.option("--filelog", is_flag=True, help="Write the output to files in the tool's home.")
@click.option("--no-filelog", is_flag=True, help="Do not; `toolforge jobs logs` shows the output.")
@click.option(
    "-o", "--filelog-stdout", metavar="PATH", help="File for standard output; default NAME.out."
)
@click.option(
    "-e", "--filelog-stderr", metavar="PATH", help="File for standard error; default NAME.err."
)
@click.option("--mem", metavar="AMOUNT", help="Memory limit, such as 512Mi or 1Gi.")
@click.option("--cpu", metavar="AMOUNT", help="Processor limit, such as 0.5 or 500m.")
@click.option(
    "--retry", type=WholeNumber(0, 5), metavar="N", help="Try again so often if it fails."
)
@click.option(
    "--timeout", type=WholeNumber(), metavar="SECONDS", help="End a scheduled run after this long."
)
@click.option(
    "--emails",
    type=click.Choice(["none", "all", "onfinish", "onfailure"]),
    help="When to send mail about the job.",
)
@click.option(
    "--mount", type=click.Choice(["all", "none"]), help="Whether the job sees the tool's home."
)
@click.option("-p", "--port", metavar="N[/PROTOCOL]", help="Port that a continuous job listens on.")
@click.option(
    "--publish",
    type=click.Choice(["/"]),
    is_flag=False,
    flag_value="/",
    metavar="[/]",
    help="Make the port the tool's web site.",
)
@click.option(
    "--replicas",
    type=WholeNumber(),
    metavar="N",
    help="How many of a continuous job run side by side.",
)
@click.option(
    "--health-check-script", metavar="COMMAND", help="Run this to see whether it is well."
)
@click.option("--health-check-http", metavar="PATH", help="Ask for this to see whether it is well.")
@click.option(
    "--output",
    type=click.Choice(["normal", "json"]),
    default="normal",
    help="Print the new job as JSON.",
)
@pass_session
def run(session: Session, /, **options: Any) -> int:
    """Create a job."""
    _refuse_together(options)
    after = AfterRun(wait=options.pop("wait"), output=options.pop("output"))
    described = new_job.RunOptions(filelog=_filelog(options), **options)
    new_job.check(described)
    session.prints_for_machines = after.output == "json"
    return run_job(JobsClient.open(session), session.console, described, after)


def run_job(
    client: JobsClient, console: Console, options: new_job.RunOptions, after: AfterRun
) -> int:
    """Create the job, wait if asked to, and return the exit code."""
    with told_about_options():
        job = client.create(new_job.payload(options))
    if after.wait is not None:
        return _wait(client, console, job, after)
    if after.output == "json":
        console.data(render.as_json(job))
    console.hint(_next_step(job, client.public_url))
    return errors.DONE


def _wait(client: JobsClient, console: Console, job: Job, after: AfterRun) -> int:
    assert after.wait is not None  # noqa: S101  the caller looked
    silence = "the jobs service does not answer; the job goes on, and so does the waiting"
    try:
        outcome, job = wait_for(
            client,
            job,
            after.wait,
            on_silence=lambda: console.log("WARNING", silence),
            on_answer=lambda: console.log("INFO", "the jobs service answers again"),
        )
    except KeyboardInterrupt:
        console.say(f"The job goes on; `toolforge jobs show {job.name}` says how it is.")
        raise
    return _tell(outcome, job, console, after)


def _tell(outcome: Outcome, job: Job, console: Console, after: AfterRun) -> int:
    if outcome in (Outcome.SUCCEEDED, Outcome.GONE):
        removed = " and is removed already" if outcome is Outcome.GONE else ""
        console.log("INFO", f"job '{job.name}' has finished{removed}")
        code = errors.DONE
    elif outcome is Outcome.FAILED:
        console.log("ERROR", f"job '{job.name}' failed")
        code = errors.CALLERS_SIDE
    else:
        console.log("ERROR", f"job '{job.name}' has not finished after {after.wait} seconds")
        code = errors.OUR_SIDE
    if after.output == "json":
        console.data(render.as_json(job))
    elif code != errors.DONE:
        console.data(render.job_table(job, public_url=""))
    console.hint(_where_output_is(job))
    return code


def _next_step(job: Job, public_url: str) -> str:
    if job.publish:
        return f"It will answer at {public_url}{job.publish}"
    if job.job_type == "scheduled":
        return f"`toolforge jobs restart {job.name}` runs it now, without waiting for its time."
    if job.job_type == "one-off":
        return _where_output_is(job)
    return f"`toolforge jobs show {job.name}` says how it is."


def _where_output_is(job: Job) -> str:
    if job.filelog and job.filelog_stdout:
        files = [_HOME.sub("~/", path) for path in (job.filelog_stdout, job.filelog_stderr) if path]
        return f"Its output is in {' and '.join(files)}"
    return f"`toolforge jobs logs {job.name}` shows its output."


def _refuse_together(options: Mapping[str, Any]) -> None:
    for group in _EXCLUSIVE:
        # Not by `in`: waiting for 0 seconds is asked for, too.
        given = [
            name
            for key, name in group.items()
            if options[key] is not None and options[key] is not False
        ]
        if len(given) > 1:
            raise click.UsageError(f"{given[0]} and {given[1]} exclude each other.")


def _filelog(options: dict[str, Any]) -> bool | None:
    """Return what the two switches say together, and take them out of the options."""
    on, off = options.pop("filelog"), options.pop("no_filelog")
    return True if on else False if off else None
