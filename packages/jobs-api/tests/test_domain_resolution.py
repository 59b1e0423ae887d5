"""What is refused, and which values a job gets for what was left unset."""

import dataclasses
from pathlib import PurePosixPath

import pytest

from toolforge_common.errors import InvalidRequest, Unsupported
from toolforge_common.names import ToolName
from toolforge_jobs_api.domain.images import ImageKind, JobImage
from toolforge_jobs_api.domain.jobs import (
    Emails,
    HealthCheck,
    HealthCheckType,
    Job,
    JobType,
    Mount,
    NewJob,
)
from toolforge_jobs_api.domain.resolution import (
    ContainerLimits,
    accept,
    require_startable,
    resolve,
)
from toolforge_jobs_api.domain.schedule import CronSchedule
from toolforge_runtime.ports import Protocols

DEMO = ToolName("demo")
STANDARD = JobImage("bookworm", "x.org/bookworm:latest")
BUILT = JobImage("tool-x/app:latest", "h.local/tool-x/app:latest", ImageKind.BUILD_SERVICE)
LIMITS = ContainerLimits()
HTTP = HealthCheck(HealthCheckType.HTTP, path="/x")


def new_job(job_type=JobType.ONE_OFF, **fields):
    return NewJob(
        **{"name": "job", "job_type": job_type, "cmd": "x", "imagename": "bookworm", **fields}
    )


def test_everything_unset_has_a_value():
    asked = new_job()

    assert resolve(DEMO, asked, STANDARD) == Job(
        tool=DEMO,
        asked=asked,
        image=STANDARD,
        filelog=True,
        stdout=PurePosixPath("/data/project/demo/job.out"),
        stderr=PurePosixPath("/data/project/demo/job.err"),
        emails=Emails.NONE,
        mount=Mount.ALL,
        memory="0.5Gi",
        cpu="0.1",
        retry=0,
        schedule=None,
        timeout=0,
        replicas=1,
        port=None,
        port_protocol=Protocols.TCP,
        health_check=None,
        publish="",
    )


def test_everything_set_is_kept():
    asked = new_job(
        JobType.CONTINUOUS,
        filelog=True,
        filelog_stdout="logs/o",
        filelog_stderr="/tmp/e",
        emails=Emails.ALL,
        mount=Mount.ALL,
        memory="1.0Gi",
        cpu="0.5",
        retry=3,
        schedule="@daily",
        timeout=7,
        replicas=0,
        port=80,
        port_protocol=Protocols.UDP,
        health_check=HTTP,
        publish="/",
    )

    job = resolve(ToolName("some-tool"), dataclasses.replace(asked, name="some-job"), STANDARD)

    assert dataclasses.replace(job, asked=asked) == Job(
        tool=ToolName("some-tool"),
        asked=asked,
        image=STANDARD,
        filelog=True,
        stdout=PurePosixPath("/data/project/some-tool/logs/o"),
        stderr=PurePosixPath("/tmp/e"),
        emails=Emails.ALL,
        mount=Mount.ALL,
        memory="1.0Gi",
        cpu="0.5",
        retry=3,
        schedule=CronSchedule("@daily", "56 6 * * *"),
        timeout=7,
        replicas=0,
        port=80,
        port_protocol=Protocols.UDP,
        health_check=HTTP,
        publish="/",
    )


@pytest.mark.parametrize(
    ("image", "asked", "mount", "filelog"),
    [
        (STANDARD, {}, Mount.ALL, True),
        (STANDARD, {"filelog": False}, Mount.ALL, False),
        (BUILT, {}, Mount.NONE, False),
        (BUILT, {"filelog": True}, Mount.NONE, True),
        (BUILT, {"mount": Mount.ALL}, Mount.ALL, False),
    ],
)
def test_defaults_depend_on_the_image(image, asked, mount, filelog):
    job = resolve(DEMO, new_job(**asked), image)

    assert (job.mount, job.filelog) == (mount, filelog)
    assert (job.stdout is not None, job.stderr is not None) == (filelog, filelog)


@pytest.mark.parametrize(
    ("image", "asked", "sentence"),
    [
        (
            STANDARD,
            {"mount": Mount.NONE},
            "Mount type none is only supported for build service images",
        ),
        (BUILT, {"filelog": True}, "--mount=all"),
        (BUILT, {"filelog": True, "mount": Mount.NONE}, "--mount=all"),
    ],
)
def test_jobs_that_do_not_hang_together(image, asked, sentence):
    job = resolve(DEMO, new_job(**asked), image)

    with pytest.raises(InvalidRequest, match=sentence) as caught:
        require_startable(job)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("image", "asked"),
    [
        (STANDARD, {}),
        (STANDARD, {"filelog": True}),
        (BUILT, {}),
        (BUILT, {"filelog": True, "mount": Mount.ALL}),
    ],
)
def test_jobs_that_hang_together(image, asked):
    require_startable(resolve(DEMO, new_job(**asked), image))


@pytest.mark.parametrize(
    ("asked", "memory", "cpu"),
    [
        ({}, None, None),
        ({"memory": "1G", "cpu": "500m"}, "0.931Gi", "0.5"),
        ({"memory": "1Gi", "cpu": "1"}, "1.0Gi", "1.0"),
        ({"memory": "100Mi", "cpu": "50m"}, "0.098Gi", "0.05"),
        ({"memory": "6Gi", "cpu": "3"}, "6.0Gi", "3.0"),
    ],
)
def test_quantities_are_kept_in_one_form(asked, memory, cpu):
    job = accept(new_job(**asked), LIMITS)

    assert (job.memory, job.cpu) == (memory, cpu)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (
            {"memory": "99Mi"},
            "requested memory 99Mi is less than minimum required per container (100Mi)",
        ),
        (
            {"memory": "7Gi"},
            "requested memory 7Gi is over maximum allowed per container (6Gi)",
        ),
        ({"cpu": "0"}, "requested cpu 0 is less than minimum required per container (50m)"),
        ({"cpu": "3001m"}, "requested cpu 3001m is over maximum allowed per container (3)"),
        ({"cpu": "much"}, "'much' is not a quantity"),
    ],
)
def test_quantities_that_are_refused(asked, sentence):
    with pytest.raises(InvalidRequest) as caught:
        accept(new_job(**asked), LIMITS)

    assert caught.value.message == sentence


CONTINUOUS = JobType.CONTINUOUS
SCRIPT = HealthCheckType.SCRIPT


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"health_check": HTTP}, "needs a TCP port"),
        ({"health_check": HTTP, "port": 1, "port_protocol": Protocols.UDP}, "needs a TCP port"),
        ({"health_check": HealthCheck(HealthCheckType.HTTP), "port": 1}, "type http has a path"),
        (
            {"health_check": HealthCheck(HealthCheckType.HTTP, "/x", "y"), "port": 1},
            "and no script",
        ),
        ({"health_check": HealthCheck(SCRIPT)}, "type script has a script"),
        ({"health_check": HealthCheck(SCRIPT, path="/x", script="y")}, "and no path"),
        ({"publish": "/"}, "only a job with a TCP port can be published"),
        ({"publish": "/", "port": 1, "port_protocol": Protocols.UDP}, "only a job with a TCP port"),
    ],
)
def test_fields_that_do_not_go_together(asked, sentence):
    with pytest.raises(InvalidRequest, match=sentence):
        accept(new_job(CONTINUOUS, **asked), LIMITS)


@pytest.mark.parametrize(
    "asked",
    [
        {"publish": ""},
        {"publish": "/", "port": 1},
        {"publish": "/", "port": 1, "port_protocol": Protocols.TCP},
        {"port": 1, "port_protocol": Protocols.UDP},
        {"health_check": HTTP, "port": 1},
    ],
)
def test_fields_that_go_together(asked):
    job = new_job(CONTINUOUS, **asked)

    assert accept(job, LIMITS) == job


@pytest.mark.parametrize(
    "job",
    [
        new_job(JobType.WEBSERVICE),
        new_job(CONTINUOUS, health_check=HealthCheck(SCRIPT, script="check.sh")),
    ],
)
def test_what_is_not_offered_yet(job):
    with pytest.raises(Unsupported, match="not offered yet") as caught:
        accept(job, LIMITS)
    assert caught.value.hint


def test_a_job_knows_what_was_said():
    job = new_job(filelog=False, retry=0, filelog_stdout=None)

    assert job.said == {"name", "job_type", "cmd", "imagename", "filelog", "retry"}
