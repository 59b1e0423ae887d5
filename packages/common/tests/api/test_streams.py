"""Streams: lines as they come, refusals before the first, a bounded number, and a clean end."""

import asyncio
import dataclasses

import pytest

from toolforge_common.api.testing.client import DEADLINE

THINGS = "/v1/tool/demo/things"


def test_lines_come_with_heartbeats_between_them(client):
    answer = client.get(f"{THINGS}/a/tail?first=4")

    assert (answer.status, answer.body) == (200, b'{"line":4}\n\n{"line":5}\n')
    assert answer.headers["content-type"] == "text/plain; charset=utf8"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["x-request-id"] == "test-request"


def test_head_is_the_head_alone_and_ends(client, things):
    answer = client.request("HEAD", f"{THINGS}/endless/tail")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["x-accel-buffering"] == "no"


def test_parameters_have_their_defaults(client):
    assert client.get(f"{THINGS}/a/tail").body.startswith(b'{"line":1}\n')


def test_lines_need_not_be_a_generator(client):
    assert client.get(f"{THINGS}/plain/tail").body == b'{"line":1}\n'


@pytest.mark.parametrize(
    ("path", "status"), [("nothing/tail", 404), ("a/tail?first=x", 400), ("A/tail", 400)]
)
def test_what_is_refused_before_the_first_line_is_a_refusal(client, path, status):
    answer = client.get(f"{THINGS}/{path}")

    assert (answer.status, answer.headers["content-type"]) == (status, "application/json")


async def test_a_line_is_there_before_the_next_one_is(client, things):
    async with client.open("GET", f"{THINGS}/endless/tail") as stream:
        assert await anext(stream) == b'{"line":1}\n'
        assert await anext(stream) == b"\n"

        # Nothing more will come, and it has not ended.
        assert not things.closed.is_set()


async def test_a_reader_that_leaves_ends_it(client, things):
    async with client.open("GET", f"{THINGS}/endless/tail") as stream:
        await anext(stream)

    async with asyncio.timeout(DEADLINE):
        await things.closed.wait()


async def test_a_server_that_gives_up_ends_it(client, things):
    scopes, lines = [], asyncio.Queue()

    async def capture(scope, _receive, send):
        scopes.append(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})

    await dataclasses.replace(client, app=capture).send("GET", f"{THINGS}/endless/tail")
    serving = asyncio.create_task(client.app(scopes[0], asyncio.Event().wait, lines.put))
    async with asyncio.timeout(DEADLINE):
        while (await lines.get()).get("body") != b"\n":
            pass
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    assert things.closed.is_set()


def test_what_breaks_in_the_middle_is_logged_and_the_answer_is_left_unfinished(client, log):
    answer = client.get(f"{THINGS}/broken/tail")

    assert (answer.status, answer.body) == (200, b'{"line":1}\n\n')
    assert [line["event"] for line in log] == ["answer_broke_off"]


async def test_only_so_many_per_tool(client):
    path = f"{THINGS}/endless/tail"
    async with client.open("GET", path), client.open("GET", path):
        answer = await client.send("GET", path)

        assert (answer.status, answer.json()["code"]) == (429, "too_many_requests")
        assert answer.json()["hint"]
    assert (await client.send("GET", f"{THINGS}/a/tail")).status == 200


async def test_only_so_many_in_total(client):
    other = dataclasses.replace(client, tool="other")
    third = dataclasses.replace(client, tool="third")
    path = "/v1/tool/{}/things/endless/tail"
    async with (
        client.open("GET", path.format("demo")),
        client.open("GET", path.format("demo")),
        other.open("GET", path.format("other")),
    ):
        assert (await third.send("GET", path.format("third"))).status == 429


async def test_followers_leave_every_thread_to_others(make_client, things):
    client = make_client()
    path = f"{THINGS}/endless/tail"
    async with client.open("GET", path), client.open("GET", path):
        assert (await client.send("GET", THINGS)).status == 200
        numbers = (await client.send("GET", "/v1/metrics")).body.decode()

        assert "toolforge_http_open_streams 2.0" in numbers
    assert (
        "toolforge_http_open_streams 0.0" in (await client.send("GET", "/v1/metrics")).body.decode()
    )
