"""One method per operation: what is asked, what is understood."""

import pytest

from toolforge_common.cli.api_client import ApiClient
from toolforge_common.errors import InvalidRequest
from toolforge_common.testing import FakeService, answer, at_home, make_home
from toolforge_jobs_cli.client import Image, Job, JobsClient, LogEntry, Status
from toolforge_jobs_cli.settings import JobsSettings

PREFIX = "/jobs/v1/tool/demo"


def client_of(service) -> JobsClient:
    api = ApiClient(service, service="jobs", user_agent="tests")
    return JobsClient(api, PREFIX, "https://demo.toolforge.org")


def test_every_operation_has_its_request(wire):
    job = answer(job=wire())
    service = FakeService(
        answer(jobs=[wire("a"), wire("b")]),
        job,
        job,
        answer(),
        answer(),
        answer(),
        answer(images=[{"shortname": "s", "image": "i", "state": "stable"}]),
    )
    client = client_of(service)

    assert [found.name for found in client.list()] == ["a", "b"]
    assert client.create({"name": "hello"}).name == "hello"
    assert client.get("hello").name == "hello"
    client.delete("hello")
    client.flush()
    client.restart("hello")
    assert client.images() == [Image("s", "i")]
    assert service.asked == [
        ("GET", f"{PREFIX}/jobs/", None),
        ("POST", f"{PREFIX}/jobs/", {"name": "hello"}),
        ("GET", f"{PREFIX}/jobs/hello", None),
        ("DELETE", f"{PREFIX}/jobs/hello", None),
        ("DELETE", f"{PREFIX}/jobs/", None),
        ("POST", f"{PREFIX}/jobs/hello/restart", None),
        ("GET", f"{PREFIX}/images/", None),
    ]


@pytest.mark.parametrize("operation", ["get", "delete", "restart", "logs"])
@pytest.mark.parametrize(
    "name", ["", ".", "..", "../other", "a/b", "a%2fb", "\udcff", "A", "a" * 53]
)
def test_a_name_that_no_job_can_have_is_never_asked_for(operation, name):
    service = FakeService()

    with pytest.raises(InvalidRequest, match="the name of a job has 1 to 52 characters") as refusal:
        list(getattr(client_of(service), operation)(name))

    assert refusal.value.doc == "https://w.wiki/6YL8"
    assert service.asked == []


def test_a_job_is_understood_and_what_came_later_ignored(wire):
    status = {
        "short": "pending",
        "duration": None,
        "up_to_date": False,
        "messages": ["scheduling"],
        "previous_schedule": None,
        "next_schedule": "2026-01-01T00:00:00Z",
        "later": 1,
    }
    service = FakeService(answer(job=wire(schedule="@daily", status=status)))

    assert client_of(service).get("hello") == Job(
        name="hello",
        job_type="one-off",
        cmd="./hello.py",
        imagename="python3.11",
        schedule="@daily",
        retry=0,
        filelog=False,
        memory="0.5Gi",
        cpu="0.1",
        status=Status("pending", None, False, ("scheduling",), None, "2026-01-01T00:00:00Z"),
    )


def test_a_job_may_come_without_a_status(wire):
    bare = {"name": "x", "job_type": "one-off", "cmd": "c", "imagename": "i"}

    assert client_of(FakeService(answer(job=bare))).get("x").status == Status("unknown")


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ({}, ""),
        ({"last": 5}, "?lines=5"),
        ({"follow": True}, "?follow=true"),
        ({"last": 5, "follow": True}, "?lines=5&follow=true"),
    ],
)
def test_logs_are_asked_for_as_wanted(options, query):
    line = b'{"datetime": "t", "pod": "p", "container": "job", "message": "m", "cursor": "c"}\n'
    service = FakeService((200, line + b"\n" + line))

    assert list(client_of(service).logs("hello", **options)) == [LogEntry("t", "p", "job", "m")] * 2
    assert service.asked == [("GET", f"{PREFIX}/jobs/hello/logs{query}", None)]


def test_the_web_address_is_as_configured(tmp_path):
    with at_home(make_home(tmp_path)):
        assert JobsSettings().public_url("demo") == "https://demo.toolforge.org"
        configured = JobsSettings(publish_url_template="http://{tool_name}.local:30000/")
        assert configured.public_url("demo") == "http://demo.local:30000"
    with at_home(tmp_path, TOOLFORGE_PUBLISH_URL_TEMPLATE="http://{tool_name}.localhost"):
        assert configured.public_url("demo") == "http://demo.localhost"
