"""Waiting for a one-off job to finish, as `run --wait` does."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Iterator

from toolforge_common.errors import NotFound, Unavailable
from toolforge_jobs_cli.client import Job, JobsClient

DEFAULT_SECONDS = 600

# Most jobs that people wait for are over in no time, the others are worth some patience.
_FIRST_PAUSE = 0.2
_LAST_PAUSE = 5.0
_GROWTH = 1.5


class Outcome(enum.Enum):
    """How the waiting ended. A job that is GONE has finished and was removed before we looked."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    GONE = "gone"
    TIMED_OUT = "timed out"


def wait_for(
    client: JobsClient,
    job: Job,
    seconds: float,
    *,
    on_silence: Callable[[], None] = lambda: None,
    on_answer: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Outcome, Job]:
    """Look at the job until it has finished or the seconds are over; return how it went, and the job.

    A platform that cannot answer for a while is asked again, because the job goes on without it;
    `on_silence` is called when it falls silent, `on_answer` when it answers again.
    """
    deadline = clock() + seconds
    is_silent = False
    for pause in _pauses():
        left = deadline - clock()
        if left <= 0:
            break
        sleep(min(pause, left))
        try:
            job = client.get(job.name)
        except NotFound:
            return Outcome.GONE, job
        except Unavailable:
            if not is_silent:
                on_silence()
            is_silent = True
            continue
        if is_silent:
            on_answer()
        is_silent = False
        if job.status.short in ("succeeded", "failed"):
            return Outcome(job.status.short), job
    return Outcome.TIMED_OUT, job


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * _GROWTH, _LAST_PAUSE)
