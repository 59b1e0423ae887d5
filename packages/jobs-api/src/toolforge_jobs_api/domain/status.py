"""From what a runtime observes to what a user is told about a job; pure, and the same above every runtime.

A pod falls into a bucket by its phase and its container's state; of several pods the first of the
best bucket speaks. What kind of job it is decides what else counts. What does not live here: whether
the running form is what was configured, which needs the record (`service`), and the older texts (`legacy`).
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Sequence

from toolforge_runtime.ports import (
    ContainerState,
    PodObservation,
    PodPhase,
    RunObservation,
    WorkloadKind,
    WorkloadObservation,
)
from toolforge_runtime.timing import first_time

# How long a continuous job may take to become available before it counts as failed; also the progress
# deadline that Kubernetes gives a deployment by default.
PROGRESS_DEADLINE = datetime.timedelta(seconds=600)
# Reasons that say no more than the exit code does.
_PLAIN_REASONS = frozenset({"", "Completed", "Error"})


class Short(enum.StrEnum):
    """The state of a job in one word."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True, slots=True)
class JobStatus:
    """What is told about a job. `since` is when the state began, None if nobody knows."""

    short: Short
    messages: tuple[str, ...] = ()
    since: datetime.datetime | None = None
    previous_schedule: datetime.datetime | None = None
    next_schedule: datetime.datetime | None = None


class _Bucket(enum.IntEnum):
    """What a pod can be at; the lowest number speaks for all."""

    FAILED = 0
    SCHEDULING = 1
    INITIALIZING = 2
    RUNNING = 3
    RESTARTED = 4
    SUCCEEDED = 5
    UNKNOWN = 6


_SHORT = {
    _Bucket.FAILED: Short.FAILED,
    _Bucket.SCHEDULING: Short.PENDING,
    _Bucket.INITIALIZING: Short.PENDING,
    _Bucket.RUNNING: Short.RUNNING,
    _Bucket.RESTARTED: Short.PENDING,
    _Bucket.SUCCEEDED: Short.SUCCEEDED,
    _Bucket.UNKNOWN: Short.UNKNOWN,
}


def derive_status(observation: WorkloadObservation, now: datetime.datetime) -> JobStatus:
    """Return what to tell about the workload at that time."""
    kind = observation.workload.kind
    if kind is WorkloadKind.SCHEDULED:
        return _scheduled(observation, now)
    if kind is WorkloadKind.CONTINUOUS:
        return _continuous(observation, now)
    # A run to completion has exactly one run from the moment it exists.
    return _run(observation.runs[0]) if observation.runs else JobStatus(Short.UNKNOWN)


def _run(run: RunObservation) -> JobStatus:
    status = _of_pods(_telling_pods(run))
    if status.short is not Short.UNKNOWN:
        return _with_reason(status, run)
    if run.succeeded is not None:
        short = Short.SUCCEEDED if run.succeeded else Short.FAILED
        return _with_reason(JobStatus(short, since=run.finished_at), run)
    if run.reason == "FailedCreate":
        return JobStatus(Short.FAILED, (unable_to_start(run.message),), run.created_at)
    failures = sum(_has_ended(pod) for pod in run.pods)
    messages = (f"failed {failures} time(s), is tried again",) if failures else ()
    return JobStatus(Short.PENDING, messages, run.created_at)


def _with_reason(status: JobStatus, run: RunObservation) -> JobStatus:
    if run.succeeded is not False or not run.reason:
        return status
    told = " ".join((*status.messages, "BackoffLimitExceeded"))
    more = tuple(text for text in (run.reason, run.message) if text and text not in told)
    return dataclasses.replace(status, messages=(*status.messages, *more))


def _telling_pods(run: RunObservation) -> Sequence[PodObservation]:
    """Return the pods that tell how the run is.

    What failed before is history while the run goes on, is about to be tried again, or has succeeded;
    of a run that has failed the last try tells.
    """
    if run.succeeded is False:
        return sorted(run.pods, key=lambda pod: pod.created_at)[-1:]
    return [pod for pod in run.pods if not _has_ended(pod)]


def _scheduled(observation: WorkloadObservation, now: datetime.datetime) -> JobStatus:
    workload = observation.workload
    upcoming = None if workload.suspended else first_time(workload, now)
    if not observation.runs:
        times = (observation.last_successful, observation.last_scheduled, observation.created_at)
        since = max(time for time in times if time)
        return JobStatus(
            Short.PENDING,
            since=since,
            previous_schedule=observation.last_scheduled,
            next_schedule=upcoming,
        )
    newest = observation.runs[0]
    return dataclasses.replace(
        _run(newest), previous_schedule=newest.created_at, next_schedule=upcoming
    )


def _continuous(observation: WorkloadObservation, now: datetime.datetime) -> JobStatus:
    wanted = observation.workload.replicas
    running = [pod for pod in observation.pods if _bucket(pod) is _Bucket.RUNNING]
    if running:
        return _of_pods(running)
    if observation.reason == "FailedCreate":
        text = unable_to_start(observation.message)
        return JobStatus(Short.FAILED, (text,), observation.last_changed)
    status = _of_pods(observation.pods)
    is_unavailable = observation.available < wanted
    if is_unavailable and now - observation.last_changed > PROGRESS_DEADLINE:
        return dataclasses.replace(status, short=Short.FAILED)
    if status.short is not Short.UNKNOWN:
        return status
    if is_unavailable:
        return JobStatus(Short.PENDING, since=observation.last_changed)
    # Nothing is wanted and nothing is there.
    return JobStatus(Short.RUNNING, since=observation.last_changed)


def _of_pods(pods: Sequence[PodObservation]) -> JobStatus:
    """Return the state of the pod that speaks for all; unknown if there is none."""
    if not pods:
        return JobStatus(Short.UNKNOWN)
    speaker = min(pods, key=_bucket)
    bucket = _bucket(speaker)
    return JobStatus(_SHORT[bucket], _messages(speaker, bucket), _since(speaker, bucket))


def _has_ended(pod: PodObservation) -> bool:
    return pod.phase in (PodPhase.FAILED, PodPhase.LOST)


def _bucket(pod: PodObservation) -> _Bucket:
    if pod.phase is PodPhase.LOST:
        return _Bucket.FAILED
    if pod.phase is PodPhase.RUNNING and pod.state is ContainerState.RUNNING and not pod.ready:
        # Its startup probe has not passed: nobody can use it yet.
        return _Bucket.INITIALIZING
    return _BUCKETS.get((pod.phase, pod.state), _Bucket.UNKNOWN)


_BUCKETS = {
    (PodPhase.PENDING, None): _Bucket.SCHEDULING,
    (PodPhase.PENDING, ContainerState.WAITING): _Bucket.INITIALIZING,
    (PodPhase.RUNNING, ContainerState.RUNNING): _Bucket.RUNNING,
    (PodPhase.RUNNING, ContainerState.TERMINATED): _Bucket.RESTARTED,
    (PodPhase.RUNNING, ContainerState.WAITING): _Bucket.RESTARTED,
    (PodPhase.SUCCEEDED, ContainerState.TERMINATED): _Bucket.SUCCEEDED,
    (PodPhase.FAILED, ContainerState.TERMINATED): _Bucket.FAILED,
}


def _messages(pod: PodObservation, bucket: _Bucket) -> tuple[str, ...]:
    ended = pod.termination or pod.last_termination
    exit_code = [f"exitcode {ended.exit_code}"] if ended else []
    if ended and ended.reason not in _PLAIN_REASONS:
        exit_code.append(f"{ended.reason}: {ended.message}" if ended.message else ended.reason)
    texts = {
        _Bucket.SCHEDULING: ["scheduling", pod.message],
        _Bucket.INITIALIZING: ["initializing", pod.message],
        _Bucket.RESTARTED: [f"restarted ({pod.restarts})", *exit_code],
        _Bucket.FAILED: exit_code or [pod.reason or pod.phase, pod.message],
    }
    return tuple(text for text in texts.get(bucket, []) if text)


def _since(pod: PodObservation, bucket: _Bucket) -> datetime.datetime | None:
    if bucket is _Bucket.RUNNING:
        return pod.started_at
    if bucket in (_Bucket.SUCCEEDED, _Bucket.FAILED) and pod.termination:
        return pod.termination.finished_at
    return pod.last_change


def unable_to_start(message: str) -> str:
    """Return why no pod could be made, in the words that users know."""
    words = quota_words(message)
    return f"Unable to start, out of quota for {', '.join(words)}" if words else "Unable to start"


def quota_words(message: str) -> list[str]:
    """Return what ran out, read from Kubernetes' text about an exceeded quota; nothing if it is not one."""
    if "exceeded quota" not in message:
        return []
    _, _, limited = message.rpartition("limited: ")
    names = (item.partition("=")[0].strip() for item in limited.split(","))
    return sorted({name.removeprefix("requests.").removeprefix("limits.") for name in names})


def duration_text(length: datetime.timedelta) -> str:
    """Write a duration as `1d2h3m4s`, without zero parts; seconds are left out once there are days."""
    seconds = max(int(length.total_seconds()), 0)
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (0 if days else rest, "s")]
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
