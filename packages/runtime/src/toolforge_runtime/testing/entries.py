"""What the runtime in memory remembers, and how it changes: pure functions of entries and times."""

from __future__ import annotations

import dataclasses
import datetime
from collections import deque
from collections.abc import Iterator

from toolforge_runtime.ports import (
    HISTORY_RUNS,
    ContainerState,
    Endpoint,
    PodObservation,
    PodPhase,
    RunObservation,
    RunRecord,
    Termination,
    Workload,
    WorkloadKind,
)
from toolforge_runtime.timing import crash_delay


@dataclasses.dataclass(slots=True)
class Run:
    """A run of a workload as it was then; `seen` is what is observed of it, but for its pods."""

    seen: RunObservation
    pods: list[PodObservation]
    workload: Workload
    scheduled_for: datetime.datetime | None = None
    failures: int = 0
    retry_at: datetime.datetime | None = None


@dataclasses.dataclass(slots=True)
class Entry:
    """A workload and what became of it."""

    workload: Workload
    created_at: datetime.datetime
    last_changed: datetime.datetime
    pods: list[PodObservation] = dataclasses.field(default_factory=list)
    runs: list[Run] = dataclasses.field(default_factory=list)
    history: deque[RunRecord] = dataclasses.field(
        default_factory=lambda: deque(maxlen=HISTORY_RUNS)
    )
    next_due: datetime.datetime | None = None
    last_scheduled: datetime.datetime | None = None
    last_successful: datetime.datetime | None = None
    last_run: int = 0
    reason: str = ""
    message: str = ""


def record_of(run: Run, now: datetime.datetime) -> RunRecord:
    """Return what remains of a run that has just ended."""
    endings = [pod.termination for pod in run.pods if pod.termination is not None]
    return RunRecord(
        run=run.seen.name,
        finished_at=now,
        manual=run.seen.manual,
        scheduled_for=run.scheduled_for,
        started_at=run.seen.created_at,
        exit_code=endings[-1].exit_code if endings else None,
        reason=run.seen.reason,
        message=run.seen.message,
    )


def miss(entry: Entry, due: datetime.datetime) -> None:
    """Take note that the workload's run was missed, when it was due."""
    entry.reason = "MissedSchedule"
    entry.message = f"the run of {due:%Y-%m-%d %H:%M} UTC was missed"
    record = RunRecord(
        "", due, scheduled_for=due, reason=entry.reason, message=entry.message, missed=True
    )
    entry.history.appendleft(record)


def seconds_of(number: float) -> datetime.timedelta:
    """Return the number of seconds as a span of time."""
    return datetime.timedelta(seconds=number)


def ended(
    pod: PodObservation, exit_code: int, message: str, now: datetime.datetime, reason: str = ""
) -> PodObservation:
    """Return the pod after its end."""
    return dataclasses.replace(
        pod,
        phase=PodPhase.FAILED if exit_code else PodPhase.SUCCEEDED,
        state=ContainerState.TERMINATED,
        ready=False,
        last_change=now,
        termination=Termination(
            exit_code,
            reason or ("Error" if exit_code else "Completed"),
            finished_at=now,
            started_at=pod.started_at,
            message=message,
        ),
    )


def crashed(
    pod: PodObservation, exit_code: int, message: str, now: datetime.datetime
) -> PodObservation:
    """Return the pod of a continuous workload after its container has ended."""
    return dataclasses.replace(
        pod,
        state=ContainerState.WAITING,
        reason="CrashLoopBackOff",
        message="waiting to be started again",
        restarts=pod.restarts + 1,
        ready=False,
        started_at=None,
        last_change=now,
        last_termination=ended(pod, exit_code, message, now).termination,
    )


def restart_at(pod: PodObservation) -> datetime.datetime | None:
    """Return when a pod that crashed is running again, None if it did not."""
    if pod.reason != "CrashLoopBackOff" or pod.last_change is None:
        return None
    # A start at once would hide the end from the test that asked for it.
    return pod.last_change + seconds_of(max(crash_delay(pod.restarts), 1))


def deadline_of(run: Run) -> datetime.datetime | None:
    """Return when the run has taken too long, None if it never does."""
    limit = run.workload.active_deadline
    if limit is None or run.seen.finished_at is not None:
        return None
    return run.seen.created_at + seconds_of(limit)


def gone_at(entry: Entry) -> datetime.datetime | None:
    """Return when a finished run to completion is forgotten, None if it is not."""
    ttl, kind = entry.workload.ttl_after_finished, entry.workload.kind
    if kind is not WorkloadKind.RUN_TO_COMPLETION or ttl is None:
        return None
    finished = entry.runs[0].seen.finished_at
    return None if finished is None else finished + seconds_of(ttl)


def is_due(entry: Entry, now: datetime.datetime) -> bool:
    """Say whether the time of a scheduled run has come."""
    due = None if entry.workload.suspended else entry.next_due
    return due is not None and due <= now


def due_times(entry: Entry) -> Iterator[datetime.datetime]:
    """Give every time at which something happens to the workload by itself."""
    times = [None if entry.workload.suspended else entry.next_due, gone_at(entry)]
    times += [run.retry_at for run in entry.runs]
    times += [deadline_of(run) for run in entry.runs]
    times += [restart_at(pod) for pod in entry.pods]
    return (time for time in times if time is not None)


def endpoints_of(workload: Workload) -> tuple[Endpoint, ...]:
    """Return the addresses of the workload."""
    if not workload.published:
        return ()
    return tuple(
        Endpoint(f"http://{workload.tool}.localhost", port) for port in workload.container.ports
    )
