"""The command line of a container."""

import dataclasses

import pytest

from toolforge_common.errors import InvalidRequest
from toolforge_common.names import ToolName
from toolforge_jobs_api.domain.commands import container_command
from toolforge_jobs_api.domain.images import ImageKind, JobImage
from toolforge_jobs_api.domain.jobs import JobType, Mount, NewJob
from toolforge_jobs_api.domain.resolution import resolve

STANDARD = JobImage("bookworm", "x.org/bookworm:latest")
BUILT = dataclasses.replace(STANDARD, kind=ImageKind.BUILD_SERVICE)
SHELL = ("/bin/sh", "-c", "--")


def command(image, cmd, **fields):
    asked = NewJob(
        name="job",
        job_type=JobType.ONE_OFF,
        cmd=cmd,
        imagename=image.name,
        mount=Mount.ALL,
        **fields,
    )
    return container_command(resolve(ToolName("demo"), asked, image))


@pytest.mark.parametrize(
    ("image", "cmd", "fields", "line"),
    [
        (STANDARD, "echo 'a b'", {"filelog": False}, (*SHELL, "echo 'a b'")),
        (
            STANDARD,
            "./x.sh; ./y.sh",
            {},
            (
                *SHELL,
                "exec 1>>/data/project/demo/job.out;exec 2>>/data/project/demo/job.err;./x.sh; ./y.sh",
            ),
        ),
        (
            STANDARD,
            "x",
            {"filelog_stdout": "my logs/o;rm", "filelog_stderr": "/tmp/e"},
            (*SHELL, "exec 1>>'/data/project/demo/my logs/o;rm';exec 2>>/tmp/e;x"),
        ),
        (BUILT, "run 'a b' c", {}, ("launcher", "run", "a b", "c")),
        (BUILT, "launcher run", {}, ("launcher", "run")),
        (
            BUILT,
            "run",
            {"filelog": True},
            (
                *SHELL,
                "exec 1>>/data/project/demo/job.out;exec 2>>/data/project/demo/job.err;launcher run",
            ),
        ),
    ],
)
def test_a_command_line(image, cmd, fields, line):
    assert command(image, cmd, **fields) == line


def test_an_open_quotation_mark_is_refused():
    with pytest.raises(InvalidRequest, match="cannot be split into words") as caught:
        command(BUILT, "run 'a")

    assert caught.value.hint
