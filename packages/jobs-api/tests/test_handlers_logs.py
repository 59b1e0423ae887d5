"""HTTP in, HTTP out: logs, line by line."""

import asyncio

import orjson
import pytest

from toolforge_common.api.testing.client import DEADLINE
from toolforge_common.names import ToolName
from toolforge_jobs_api.handlers.logs import LogHandlers
from toolforge_runtime.ports import LogLine
from toolforge_runtime.testing.workloads import START

DEMO = ToolName("demo")
LOGS = "/v1/tool/demo/jobs/job/logs"


@pytest.fixture
def write(client, runtime):
    body = {"name": "job", "cmd": "x", "imagename": "bookworm", "filelog": False}
    assert client.post("/v1/tool/demo/jobs", json=body).status == 201

    def write(*texts):
        for text in texts:
            runtime.write(DEMO, "job", text)

    return write


def lines(answer):
    return [orjson.loads(line) for line in answer.body.splitlines()]


def test_a_line(client, write):
    write("hello")

    answer = client.get(LOGS)

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf8"
    assert answer.headers["x-accel-buffering"] == "no"
    assert lines(answer) == [
        {
            "pod": "job-00001",
            "container": "job",
            "datetime": "2026-01-01T00:00:00+00:00",
            "message": "hello",
            "cursor": lines(answer)[0]["cursor"],
        }
    ]


def test_only_the_newest_lines(client, write):
    write(*"abc")

    assert [line["message"] for line in lines(client.get(f"{LOGS}?lines=2"))] == ["b", "c"]


def test_lines_of_any_text(client, write):
    texts = ["", "ä", "\n", '"', "\x00", "\x1b[1m", "x" * 20000]
    write(*texts)

    assert [line["message"] for line in lines(client.get(LOGS))] == texts


@pytest.mark.parametrize(
    "query", ["lines=0", "lines=5001", "lines=many", "follow=1", "after=", "x=1"]
)
def test_parameters_that_are_refused(client, write, query):
    write("hello")

    assert client.get(f"{LOGS}?{query}").status == 400


def test_a_cursor_without_following_is_refused(client, write):
    write("hello")

    answer = client.get(f"{LOGS}?after=1")

    assert (answer.status, "follow=true" in answer.json()["error"][0]) == (400, True)


@pytest.mark.parametrize("query", ["", "?follow=true"])
def test_no_logs(client, query):
    answer = client.get(f"{LOGS}{query}")

    assert (answer.status, answer.json()["error"]) == (
        404,
        ["Job 'job' does not have any logs available"],
    )


def test_a_job_that_logs_to_files(client):
    body = {"name": "job", "cmd": "x", "imagename": "bookworm"}
    client.post("/v1/tool/demo/jobs", json=body)

    answer = client.get(LOGS)

    assert (answer.status, "'job' has file logging enabled" in answer.json()["error"][0]) == (
        404,
        True,
    )


async def test_following_goes_on_as_lines_are_written(client, write, runtime):
    write("old")
    async with client.open("GET", f"{LOGS}?follow=true") as stream:
        first = orjson.loads(await anext(stream))
        runtime.write(DEMO, "job", "new")
        second = orjson.loads(await anext(stream))

    assert [first["message"], second["message"]] == ["old", "new"]
    async with client.open("GET", f"{LOGS}?follow=true&after={first['cursor']}") as stream:
        assert orjson.loads(await anext(stream)) == second


async def test_a_bad_cursor_is_refused(client, write):
    answer = await client.send("GET", f"{LOGS}?follow=true&after=x")

    assert answer.status == 400


async def test_nobody_follows_any_more_when_the_reader_has_left(client, write, runtime):
    write("old")
    async with client.open("GET", f"{LOGS}?follow=true") as stream:
        await anext(stream)
        assert len(runtime._followers) == 1

    assert runtime._followers == set()


class Reader:
    """Gives a line and a sign of life, as an iterator that cannot be closed."""

    async def follow(self, tool, name, lines, after):
        self.left = [LogLine(START, "p", "job", "hello", "1"), None]
        return self

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop(0)


async def test_signs_of_life_are_passed_on():
    followed = await LogHandlers(Reader()).read_logs("demo", "job", lines=1, follow=True)

    async with asyncio.timeout(DEADLINE):
        given = [line async for line in followed]
    assert [line and line["message"] for line in given] == ["hello", None]
