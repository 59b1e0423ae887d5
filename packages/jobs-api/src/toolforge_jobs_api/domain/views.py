"""Jobs as their owners see them: what was asked for, what becomes of it, and what to know about it."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence

from toolforge_common.names import ToolName
from toolforge_jobs_api.domain.images import Catalogue
from toolforge_jobs_api.domain.jobs import Emails, Job, JobType, NewJob
from toolforge_jobs_api.domain.legacy import long_text, short_text
from toolforge_jobs_api.domain.mapping import is_same
from toolforge_jobs_api.domain.resolution import resolve
from toolforge_jobs_api.domain.status import Short, derive_status, duration_text
from toolforge_runtime.ports import Workload, WorkloadObservation

# What clients of old show when the runtime does not answer.
RUNTIME_ERROR = ("Toolforge error", "Failed retrieving status")


@dataclasses.dataclass(frozen=True, slots=True)
class StatusView:
    """The status of a job as it is shown. `duration` is for how long, None if nobody knows.

    `up_to_date` says whether the job runs in the form that it was asked for.
    """

    short: Short
    duration: str | None = None
    messages: tuple[str, ...] = ()
    up_to_date: bool = True
    previous_schedule: datetime.datetime | None = None
    next_schedule: datetime.datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class JobView:
    """A job and its status; `status_short` and `status_long` are for clients of old."""

    job: Job
    status: StatusView
    status_short: str
    status_long: str

    @property
    def warnings(self) -> Sequence[str]:
        """What is wrong with it beyond its own status."""
        return () if self.status.up_to_date else (out_of_sync(self.job.name),)


def out_of_sync(name: str) -> str:
    """Return the sentence about a job that runs in another form than it was asked for."""
    return (
        f"The running version of job '{name}' differs from what was configured, "
        "please recreate or redeploy it"
    )


def notes_on(job: Job) -> Sequence[str]:
    """Return what somebody who creates the job should know."""
    notes = [job.image.substitute] if job.image.substitute else []
    if job.emails is not Emails.NONE:
        notes.append("this installation does not send mail about jobs yet; the choice is kept")
    return notes


def view_of(
    job: Job, workload: Workload, seen: WorkloadObservation | None, now: datetime.datetime
) -> JobView:
    """Return the view of a job that should run as `workload` and runs as it was `seen`."""
    if seen is None:
        status = StatusView(Short.UNKNOWN, up_to_date=False)
        return JobView(job, status, "Unknown", out_of_sync(job.name))
    # A one-off job is what the runtime has, so it cannot differ from itself.
    up_to_date = job.job_type is JobType.ONE_OFF or is_same(workload, seen.workload)
    found = derive_status(seen, now)
    substitute = (job.image.substitute,) if job.image.substitute else ()
    status = StatusView(
        short=found.short,
        duration=None if found.since is None else duration_text(now - found.since),
        messages=(*found.messages, *substitute),
        up_to_date=up_to_date,
        previous_schedule=found.previous_schedule,
        next_schedule=found.next_schedule,
    )
    long = long_text(seen) if up_to_date else out_of_sync(job.name)
    return JobView(job, status, short_text(seen, found, now), long)


def unknown_view(tool: ToolName, asked: NewJob) -> JobView:
    """Return the view of a job whose runtime does not answer."""
    job = resolve(tool, asked, Catalogue(()).find(asked.imagename))
    return JobView(job, StatusView(Short.UNKNOWN), *RUNTIME_ERROR)
