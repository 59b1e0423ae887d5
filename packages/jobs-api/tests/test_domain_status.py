import dataclasses
import datetime
from decimal import Decimal

import pytest

from toolforge_jobs_api.domain.legacy import NO_PODS, long_text, short_text
from toolforge_jobs_api.domain.status import (
    JobStatus,
    Short,
    derive_status,
    duration_text,
    quota_words,
)
from toolforge_runtime.ports import (
    Container,
    ContainerState,
    PodObservation,
    PodPhase,
    Resources,
    RunObservation,
    Schedule,
    Termination,
    Workload,
    WorkloadKind,
    WorkloadObservation,
)

NOW = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
OVER_QUOTA = (
    'pods "web-1" is forbidden: exceeded quota: tool-demo, requested: limits.cpu=1, '
    "used: limits.cpu=4, limited: limits.cpu=4,requests.memory=8Gi"
)


def ago(**length):
    return NOW - datetime.timedelta(**length)


def ended(code, reason="", message=""):
    return Termination(
        exit_code=code,
        reason=reason or ("Error" if code else "Completed"),
        started_at=ago(minutes=2),
        finished_at=ago(minutes=1),
        message=message,
    )


def pod(phase, state=None, **facts):
    known = {"created_at": ago(minutes=3), "last_change": ago(minutes=2), "ready": True}
    return PodObservation(name="p", phase=phase, state=state, **{**known, **facts})


RUNNING = pod(PodPhase.RUNNING, ContainerState.RUNNING, started_at=ago(minutes=2))
STARTING = pod(PodPhase.RUNNING, ContainerState.RUNNING, started_at=ago(minutes=2), ready=False)
SCHEDULING = pod(PodPhase.PENDING, message="no room")
WAITING = pod(PodPhase.PENDING, ContainerState.WAITING, message="pulling")
CRASHING = pod(
    PodPhase.RUNNING,
    ContainerState.WAITING,
    restarts=4,
    reason="CrashLoopBackOff",
    last_termination=ended(3),
)
RESTARTING = pod(PodPhase.RUNNING, ContainerState.TERMINATED, restarts=1, termination=ended(1))
SUCCEEDED = pod(PodPhase.SUCCEEDED, ContainerState.TERMINATED, termination=ended(0))
FAILED = pod(PodPhase.FAILED, ContainerState.TERMINATED, termination=ended(3))
KILLED = pod(
    PodPhase.FAILED,
    ContainerState.TERMINATED,
    termination=ended(137, "OOMKilled", "took more than 512Mi"),
)
KILLED_FIRST = dataclasses.replace(KILLED, created_at=ago(minutes=9))
LATE = pod(
    PodPhase.FAILED,
    ContainerState.TERMINATED,
    termination=ended(143, "DeadlineExceeded", "too slow"),
)
LOST = pod(PodPhase.LOST, message="the machine went down")


def observed(kind, **facts):
    resources = Resources(1, 1, Decimal(1), Decimal(1))
    workload = Workload(
        tool="demo",
        name="job",
        kind=kind,
        container=Container(image="python3.11", command=("true",), resources=resources),
        schedule=Schedule("0 13 * * *") if kind is WorkloadKind.SCHEDULED else None,
    )
    return WorkloadObservation(
        workload=workload, **{"created_at": ago(hours=1), "last_changed": ago(minutes=5), **facts}
    )


def run_of(*pods, **facts):
    return RunObservation(name="r", pods=pods, **{"created_at": ago(minutes=4), **facts})


def one_off(*pods, **facts):
    return observed(WorkloadKind.RUN_TO_COMPLETION, runs=(run_of(*pods, **facts),))


def continuous(*pods, **facts):
    available = sum(pod is RUNNING for pod in pods)
    return observed(WorkloadKind.CONTINUOUS, pods=pods, **{"available": available, **facts})


FINISHED = {"finished_at": ago(minutes=1)}


@pytest.mark.parametrize(
    ("observation", "status"),
    [
        (one_off(SCHEDULING), JobStatus(Short.PENDING, ("scheduling", "no room"), ago(minutes=2))),
        (one_off(WAITING), JobStatus(Short.PENDING, ("initializing", "pulling"), ago(minutes=2))),
        (one_off(RUNNING), JobStatus(Short.RUNNING, (), ago(minutes=2))),
        (
            one_off(SUCCEEDED, succeeded=True, **FINISHED),
            JobStatus(Short.SUCCEEDED, (), ago(minutes=1)),
        ),
        (
            one_off(FAILED, succeeded=False, reason="BackoffLimitExceeded", **FINISHED),
            JobStatus(Short.FAILED, ("exitcode 3",), ago(minutes=1)),
        ),
        (
            one_off(KILLED, succeeded=False, **FINISHED),
            JobStatus(
                Short.FAILED, ("exitcode 137", "OOMKilled: took more than 512Mi"), ago(minutes=1)
            ),
        ),
        (
            one_off(FAILED, succeeded=False, reason="DeadlineExceeded", **FINISHED),
            JobStatus(Short.FAILED, ("exitcode 3", "DeadlineExceeded"), ago(minutes=1)),
        ),
        # What the pod's end says already is not said again.
        (
            one_off(
                LATE, succeeded=False, reason="DeadlineExceeded", message="too slow", **FINISHED
            ),
            JobStatus(Short.FAILED, ("exitcode 143", "DeadlineExceeded: too slow"), ago(minutes=1)),
        ),
        # The last try tells how and when the run failed.
        (
            one_off(
                KILLED_FIRST,
                FAILED,
                succeeded=False,
                message="its 2 pods failed",
                reason="BackoffLimitExceeded",
                **FINISHED,
            ),
            JobStatus(Short.FAILED, ("exitcode 3", "its 2 pods failed"), ago(minutes=1)),
        ),
        (
            one_off(LOST, succeeded=False, **FINISHED),
            JobStatus(Short.FAILED, ("Lost", "the machine went down"), ago(minutes=2)),
        ),
        (
            one_off(FAILED, SUCCEEDED, succeeded=True, **FINISHED),
            JobStatus(Short.SUCCEEDED, (), ago(minutes=1)),
        ),
        # The pods are gone, the run remembers.
        (one_off(succeeded=True, **FINISHED), JobStatus(Short.SUCCEEDED, (), ago(minutes=1))),
        (one_off(succeeded=False, **FINISHED), JobStatus(Short.FAILED, (), ago(minutes=1))),
        # A failed pod of a run that is tried again says nothing about the run.
        (one_off(FAILED, RUNNING), JobStatus(Short.RUNNING, (), ago(minutes=2))),
        (
            one_off(FAILED),
            JobStatus(Short.PENDING, ("failed 1 time(s), is tried again",), ago(minutes=4)),
        ),
        (one_off(), JobStatus(Short.PENDING, (), ago(minutes=4))),
        (
            one_off(reason="FailedCreate", message=OVER_QUOTA),
            JobStatus(
                Short.FAILED, ("Unable to start, out of quota for cpu, memory",), ago(minutes=4)
            ),
        ),
        (
            one_off(reason="FailedCreate", message="no such image"),
            JobStatus(Short.FAILED, ("Unable to start",), ago(minutes=4)),
        ),
        (one_off(pod(PodPhase.SUCCEEDED)), JobStatus(Short.PENDING, (), ago(minutes=4))),
        (observed(WorkloadKind.RUN_TO_COMPLETION), JobStatus(Short.UNKNOWN)),
    ],
)
def test_a_run_to_completion(observation, status):
    assert derive_status(observation, NOW) == status


@pytest.mark.parametrize(
    ("observation", "status"),
    [
        (continuous(CRASHING, RUNNING), JobStatus(Short.RUNNING, (), ago(minutes=2))),
        (continuous(STARTING), JobStatus(Short.PENDING, ("initializing",), ago(minutes=2))),
        (
            continuous(CRASHING),
            JobStatus(Short.PENDING, ("restarted (4)", "exitcode 3"), ago(minutes=2)),
        ),
        (
            continuous(RESTARTING),
            JobStatus(Short.PENDING, ("restarted (1)", "exitcode 1"), ago(minutes=2)),
        ),
        (
            continuous(CRASHING, last_changed=ago(minutes=11)),
            JobStatus(Short.FAILED, ("restarted (4)", "exitcode 3"), ago(minutes=2)),
        ),
        (
            continuous(reason="FailedCreate", message=OVER_QUOTA),
            JobStatus(
                Short.FAILED, ("Unable to start, out of quota for cpu, memory",), ago(minutes=5)
            ),
        ),
        (continuous(), JobStatus(Short.PENDING, (), ago(minutes=5))),
        (
            dataclasses.replace(
                continuous(), workload=dataclasses.replace(continuous().workload, replicas=0)
            ),
            JobStatus(Short.RUNNING, (), ago(minutes=5)),
        ),
    ],
)
def test_a_continuous_workload(observation, status):
    assert derive_status(observation, NOW) == status


AT_ONE = datetime.datetime(2026, 1, 1, 13, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, JobStatus(Short.PENDING, (), ago(hours=1), None, AT_ONE)),
        (
            {"last_scheduled": ago(minutes=30)},
            JobStatus(Short.PENDING, (), ago(minutes=30), ago(minutes=30), AT_ONE),
        ),
        (
            {"runs": (run_of(RUNNING), run_of(FAILED, succeeded=False))},
            JobStatus(Short.RUNNING, (), ago(minutes=2), ago(minutes=4), AT_ONE),
        ),
    ],
)
def test_a_scheduled_workload(facts, status):
    assert derive_status(observed(WorkloadKind.SCHEDULED, **facts), NOW) == status


def test_a_schedule_that_never_comes_has_no_next_time():
    observation = observed(WorkloadKind.SCHEDULED)
    workload = dataclasses.replace(observation.workload, schedule=Schedule("0 0 31 2 *"))

    status = derive_status(dataclasses.replace(observation, workload=workload), NOW)

    assert status.next_schedule is None


def test_a_schedule_counts_in_its_own_time_zone():
    observation = observed(WorkloadKind.SCHEDULED)
    tokyo = Schedule("0 23 * * *", time_zone="Asia/Tokyo")
    workload = dataclasses.replace(observation.workload, schedule=tokyo)

    status = derive_status(dataclasses.replace(observation, workload=workload), NOW)

    assert status.next_schedule == NOW + datetime.timedelta(hours=2)


def test_a_suspended_schedule_has_no_next_time():
    observation = observed(WorkloadKind.SCHEDULED)
    workload = dataclasses.replace(observation.workload, suspended=True)

    status = derive_status(dataclasses.replace(observation, workload=workload), NOW)

    assert status.next_schedule is None


@pytest.mark.parametrize(
    ("observation", "text"),
    [
        (one_off(RUNNING), "Running for 2m"),
        (one_off(SUCCEEDED, succeeded=True, **FINISHED), "Completed"),
        (one_off(FAILED, succeeded=False, **FINISHED), "Failed"),
        (one_off(), "Not running"),
        (
            one_off(reason="FailedCreate", message=OVER_QUOTA),
            "Unable to start, out of quota for cpu, memory",
        ),
        (observed(WorkloadKind.RUN_TO_COMPLETION), "Unknown"),
        (continuous(RUNNING), "Running"),
        (continuous(STARTING), "Not running"),
        (continuous(CRASHING), "Specified command fails to run"),
        (continuous(reason="FailedCreate"), "Unable to start"),
        (observed(WorkloadKind.SCHEDULED), "Waiting for scheduled time"),
        (
            observed(WorkloadKind.SCHEDULED, last_scheduled=NOW),
            "Last schedule time: 2026-01-01T12:00:00Z",
        ),
        (observed(WorkloadKind.SCHEDULED, runs=(run_of(RUNNING),)), "Running for 2m"),
        (
            observed(
                WorkloadKind.SCHEDULED,
                last_scheduled=NOW,
                runs=(run_of(SUCCEEDED, succeeded=True, **FINISHED),),
            ),
            "Last schedule time: 2026-01-01T12:00:00Z",
        ),
    ],
)
def test_the_old_short_text(observation, text):
    assert short_text(observation, derive_status(observation, NOW), NOW) == text


@pytest.mark.parametrize(
    ("observation", "text"),
    [
        (one_off(), NO_PODS),
        (
            continuous(CRASHING),
            (
                "Pod in 'Running' phase. State 'waiting'. Restarted 4 times. "
                "Reason 'CrashLoopBackOff'. Started at '2026-01-01T11:58:00Z'. "
                "Finished at '2026-01-01T11:59:00Z'. Exit code '3'."
            ),
        ),
        (
            one_off(SCHEDULING),
            "Pod in 'Pending' phase. State 'unknown'. no room.",
        ),
        (
            one_off(RUNNING),
            "Last run at 2026-01-01T11:58:00Z. Pod in 'Running' phase. State 'running'.",
        ),
    ],
)
def test_the_old_long_text(observation, text):
    assert long_text(observation) == text


def test_an_end_without_a_known_start_is_told_too():
    unknown = dataclasses.replace(ended(1), started_at=None)
    observation = continuous(dataclasses.replace(RESTARTING, termination=unknown))

    assert "Started at" not in long_text(observation)
    assert "Exit code '1'" in long_text(observation)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        ({"seconds": 0}, "0s"),
        ({"seconds": -5}, "0s"),
        ({"seconds": 59.9}, "59s"),
        ({"minutes": 2}, "2m"),
        ({"hours": 1, "seconds": 1}, "1h1s"),
        ({"days": 1, "hours": 2, "minutes": 3, "seconds": 4}, "1d2h3m"),
    ],
)
def test_durations(length, text):
    assert duration_text(datetime.timedelta(**length)) == text


def test_a_message_about_something_else_names_no_quota():
    assert quota_words("image not found, limited: cpu=1") == []
