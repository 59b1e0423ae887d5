"""The two status texts that old clients show, made of the same observations as the status of today."""

from __future__ import annotations

import datetime

from toolforge_jobs_api.domain.status import JobStatus, Short, duration_text
from toolforge_runtime.ports import (
    PodObservation,
    RunObservation,
    Termination,
    WorkloadKind,
    WorkloadObservation,
)

_CRASHING = frozenset({"CrashLoopBackOff", "Error"})
NO_PODS = "No pods were created for this job."


def short_text(observation: WorkloadObservation, status: JobStatus, now: datetime.datetime) -> str:
    """Return the old one-line status."""
    kind = observation.workload.kind
    if kind is WorkloadKind.CONTINUOUS:
        return _continuous(observation, status)
    newest = observation.runs[0] if observation.runs else None
    if kind is WorkloadKind.RUN_TO_COMPLETION:
        return _run(newest, status, now) if newest else "Unknown"
    if newest and newest.finished_at is None:
        return _run(newest, status, now)
    if observation.last_scheduled:
        return f"Last schedule time: {_timestamp(observation.last_scheduled)}"
    return "Waiting for scheduled time"


def long_text(observation: WorkloadObservation) -> str:
    """Return the old status in sentences, about the newest run's first pod."""
    pods = observation.runs[0].pods if observation.runs else observation.pods
    if not pods:
        return NO_PODS
    pod = pods[0]
    sentences = [_start(pod), f"Pod in '{pod.phase}' phase", f"State '{_state(pod)}'"]
    if pod.restarts:
        sentences.append(f"Restarted {pod.restarts} times")
    if pod.reason:
        sentences.append(f"Reason '{pod.reason}'")
    ended = pod.termination or pod.last_termination
    if ended:
        sentences += _end(ended)
    if pod.message:
        sentences.append(pod.message.rstrip("."))
    return ". ".join(text for text in sentences if text) + "."


def _run(run: RunObservation, status: JobStatus, now: datetime.datetime) -> str:
    if status.short is Short.RUNNING:
        since = status.since or run.created_at
        return f"Running for {duration_text(now - since)}"
    if status.short is Short.FAILED:
        unable = [text for text in status.messages if text.startswith("Unable to start")]
        return unable[0] if unable else "Failed"
    return {Short.SUCCEEDED: "Completed", Short.PENDING: "Not running"}.get(status.short, "Unknown")


def _continuous(observation: WorkloadObservation, status: JobStatus) -> str:
    for text in status.messages:
        if text.startswith("Unable to start"):
            return text
    if any(pod.reason in _CRASHING for pod in observation.pods):
        return "Specified command fails to run"
    return "Running" if status.short is Short.RUNNING else "Not running"


def _start(pod: PodObservation) -> str:
    return f"Last run at {_timestamp(pod.started_at)}" if pod.started_at else ""


def _end(ended: Termination) -> list[str]:
    started = f"Started at '{_timestamp(ended.started_at)}'" if ended.started_at else ""
    return [
        started,
        f"Finished at '{_timestamp(ended.finished_at)}'",
        f"Exit code '{ended.exit_code}'",
    ]


def _state(pod: PodObservation) -> str:
    return pod.state or "unknown"


def _timestamp(time: datetime.datetime) -> str:
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
