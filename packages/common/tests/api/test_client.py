"""The client of the tests itself: what it makes of apps that do not answer, and of other protocols."""

import asyncio
import dataclasses

import pytest

from toolforge_common.api.testing.client import DEADLINE, ServiceClient, SigningApp


@pytest.fixture
def make(signer):
    def make(app):
        return ServiceClient(app, signer, "things")

    return make


def test_an_app_that_raises_raises_in_the_test(make):
    async def app(_scope, _receive, _send):
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        make(app).get("/")


def test_an_app_that_says_nothing_fails_the_test(make):
    async def app(_scope, _receive, _send):
        pass

    with pytest.raises(AssertionError, match="ended without an answer"):
        make(app).get("/")


async def test_other_protocols_pass_through_the_signing_app(make):
    seen = []

    async def app(scope, _receive, _send):
        seen.append(scope)

    await SigningApp(make(app))({"type": "lifespan"}, None, None)

    assert seen == [{"type": "lifespan"}]


async def test_a_driver_that_reads_to_the_end_reads_one_line_of_an_endless_stream(client):
    driver = dataclasses.replace(client, app=SigningApp(client))

    async with asyncio.timeout(DEADLINE):
        answer = await driver.send("GET", "/v1/tool/demo/things/endless/tail", signed=False)

    assert (answer.status, answer.body.splitlines()[0]) == (200, b'{"line":1}')
