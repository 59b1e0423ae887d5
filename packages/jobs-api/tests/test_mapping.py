"""A job in, a whole workload out; and what is kept of a job, there and back."""

import dataclasses
import json
from decimal import Decimal
from pathlib import PurePosixPath

import pytest

from toolforge_common.names import ToolName
from toolforge_jobs_api.domain.images import ImageKind, JobImage
from toolforge_jobs_api.domain.jobs import (
    Emails,
    HealthCheck,
    HealthCheckType,
    JobType,
    Mount,
    NewJob,
)
from toolforge_jobs_api.domain.mapping import (
    from_annotation,
    from_record,
    is_job,
    is_same,
    to_record,
    to_workload,
)
from toolforge_jobs_api.domain.resolution import resolve
from toolforge_runtime.ports import (
    Container,
    HttpProbe,
    Port,
    Probe,
    Protocols,
    Resources,
    Schedule,
    TcpProbe,
    Workload,
    WorkloadKind,
)

DEMO = ToolName("demo")
STANDARD = JobImage("bookworm", "x.org/bookworm:latest")
BUILT = dataclasses.replace(STANDARD, kind=ImageKind.BUILD_SERVICE)
HALF_GIBI = 512 * 1024**2


def new_job(job_type=JobType.ONE_OFF, **fields):
    return NewJob(
        **{"name": "job", "job_type": job_type, "cmd": "x", "imagename": "bookworm", **fields}
    )


def workload(asked, image=STANDARD, default_cpu_limit=Decimal(1)):
    return to_workload(resolve(DEMO, asked, image), default_cpu_limit)


def labels(component, **more):
    return {
        "toolforge": "tool",
        "app.kubernetes.io/managed-by": "toolforge-jobs-framework",
        "app.kubernetes.io/created-by": "demo",
        "app.kubernetes.io/version": "2",
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/name": "job",
        "jobs.toolforge.org/emails": "none",
        "toolforge.org/mount-storage": "all",
        **more,
    }


def test_a_one_off_job():
    asked = new_job(retry=2)

    assert workload(asked) == Workload(
        tool=DEMO,
        name="job",
        kind=WorkloadKind.RUN_TO_COMPLETION,
        container=Container(
            image="bookworm",
            command=(
                "/bin/sh",
                "-c",
                "--",
                "exec 1>>/data/project/demo/job.out;exec 2>>/data/project/demo/job.err;x",
            ),
            resources=Resources(HALF_GIBI, HALF_GIBI, Decimal("0.1"), Decimal(1)),
            working_dir=PurePosixPath("/data/project/demo"),
        ),
        labels=labels("jobs", **{"jobs.toolforge.org/filelog": "yes"}),
        annotations={"jobs.toolforge.org/definition": json.dumps(to_record(asked))},
        backoff_limit=2,
        ttl_after_finished=30,
        termination_grace_period=15,
    )


def test_a_scheduled_job():
    asked = new_job(JobType.SCHEDULED, schedule="0 4 * * SUN", timeout=60, filelog=False)

    seen = workload(asked)

    assert seen.kind is WorkloadKind.SCHEDULED
    assert seen.schedule == Schedule("0 4 * * 0", starting_deadline=30)
    assert (seen.active_deadline, seen.backoff_limit) == (60, 0)
    assert seen.labels == labels("cronjobs")
    assert seen.annotations["jobs.toolforge.org/cron-expression"] == "0 4 * * SUN"


def test_a_scheduled_job_without_a_timeout_has_no_deadline():
    asked = new_job(JobType.SCHEDULED, schedule="@daily", timeout=0)

    assert workload(asked).active_deadline is None


def test_a_continuous_job():
    asked = new_job(
        JobType.CONTINUOUS, replicas=2, port=80, publish="/", emails=Emails.ALL, filelog=False
    )
    probe = TcpProbe(80)

    seen = workload(asked)

    assert (seen.kind, seen.replicas, seen.published) == (WorkloadKind.CONTINUOUS, 2, True)
    assert seen.labels == labels("deployments", **{"jobs.toolforge.org/emails": "all"})
    assert seen.container == Container(
        image="bookworm",
        command=("/bin/sh", "-c", "--", "x"),
        resources=Resources(HALF_GIBI, HALF_GIBI, Decimal("0.1"), Decimal(1)),
        env={"PORT": "80"},
        working_dir=PurePosixPath("/data/project/demo"),
        ports=(Port(80, Protocols.TCP),),
        startup_probe=Probe(probe, initial_delay=0, period=1, timeout=5, failure_threshold=120),
        liveness_probe=Probe(probe, initial_delay=0, period=10, timeout=5, failure_threshold=3),
    )


def test_an_image_from_the_build_service():
    seen = workload(new_job(), BUILT)

    assert seen.container.command == ("launcher", "x")
    assert seen.container.working_dir is None
    assert seen.container.mount_storage is False
    assert list(seen.container.env) == ["NO_HOME"]
    assert seen.labels["toolforge.org/mount-storage"] == "none"


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ({}, None),
        ({"port": 80}, TcpProbe(80)),
        ({"port": 80, "port_protocol": Protocols.UDP}, None),
        (
            {"port": 80, "health_check": HealthCheck(HealthCheckType.HTTP, "/x")},
            HttpProbe("/x", 80),
        ),
    ],
)
def test_how_a_continuous_job_is_probed(fields, action):
    container = workload(new_job(JobType.CONTINUOUS, **fields)).container

    probes = (container.startup_probe, container.liveness_probe)
    assert [probe and probe.action for probe in probes] == [action, action]


@pytest.mark.parametrize(
    ("fields", "resources"),
    [
        ({"memory": "0.25Gi"}, (HALF_GIBI // 2, HALF_GIBI // 2, "0.1", "0.7")),
        ({"memory": "0.5Gi"}, (HALF_GIBI, HALF_GIBI, "0.1", "0.7")),
        ({"memory": "1.0Gi"}, (HALF_GIBI, 2 * HALF_GIBI, "0.1", "0.7")),
        ({"memory": "0.098Gi"}, (105226699, 105226699, "0.1", "0.7")),  # bytes are whole
        ({"cpu": "0.5"}, (HALF_GIBI, HALF_GIBI, "0.5", "0.5")),
        ({"cpu": "0.1"}, (HALF_GIBI, HALF_GIBI, "0.1", "0.7")),
        ({"cpu": "2.0"}, (HALF_GIBI, HALF_GIBI, "2.0", "2.0")),
    ],
)
def test_what_a_job_is_guaranteed_and_held_to(fields, resources):
    seen = workload(new_job(**fields), default_cpu_limit=Decimal("0.7")).container.resources

    request, limit, cpu_request, cpu_limit = resources
    assert seen == Resources(request, limit, Decimal(cpu_request), Decimal(cpu_limit))


EVERYTHING = new_job(
    JobType.CONTINUOUS,
    filelog=False,
    filelog_stdout="o",
    filelog_stderr="e",
    emails=Emails.ONFAILURE,
    mount=Mount.NONE,
    memory="1.0Gi",
    cpu="0.5",
    retry=0,
    schedule="@daily",
    timeout=5,
    replicas=3,
    port=80,
    port_protocol=Protocols.UDP,
    health_check=HealthCheck(HealthCheckType.HTTP, "/x"),
    publish="/",
)


@pytest.mark.parametrize("job", [new_job(), EVERYTHING])
def test_what_is_kept_comes_back(job):
    through_json = json.loads(json.dumps(to_record(job)))

    assert from_record(through_json) == job


def test_only_what_was_said_is_kept():
    assert to_record(new_job(retry=0)) == {
        "name": "job",
        "job_type": "one-off",
        "cmd": "x",
        "imagename": "bookworm",
        "retry": 0,
    }


def test_a_workload_remembers_what_it_came_from():
    assert from_annotation(workload(EVERYTHING)) == EVERYTHING


def test_a_workload_of_somebody_else_remembers_nothing():
    seen = dataclasses.replace(workload(new_job()), annotations={})

    assert from_annotation(seen) is None


def test_only_workloads_with_our_label_are_jobs():
    seen = workload(new_job())

    assert is_job(seen)
    assert not is_job(dataclasses.replace(seen, labels={}))


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"labels": {}, "annotations": {}}, True),
        ({"ttl_after_finished": None}, True),
        ({"replicas": 2}, False),
        ({"published": True}, False),
        ({"backoff_limit": 1}, False),
        ({"active_deadline": 5}, False),
        ({"schedule": Schedule("* * * * *")}, False),
        ({"kind": WorkloadKind.SCHEDULED}, False),
    ],
)
def test_workloads_are_the_same_if_they_run_the_same(changes, same):
    seen = workload(new_job())

    assert is_same(seen, dataclasses.replace(seen, **changes)) is same
