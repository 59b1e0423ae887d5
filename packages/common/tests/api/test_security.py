"""Access: a request without a valid token for its very tool, method and path goes nowhere."""

import dataclasses

import pytest

from toolforge_common.identity import IDENTITY_HEADER, IdentitySigner

THINGS = "/v1/tool/demo/things"


def test_no_token(client):
    answer = client.get(THINGS, signed=False)

    assert answer.status == 401
    assert answer.json()["error"] == ["no identity token came with the request"]
    assert answer.json()["hint"] == "call the platform through its gateway"


@pytest.mark.parametrize(
    "headers",
    [
        {IDENTITY_HEADER: ""},
        {IDENTITY_HEADER: "x.y.z"},
        {IDENTITY_HEADER: "\xff"},
        {"x-toolforge-tool": "demo"},
        {"authorization": "Bearer x"},
    ],
)
def test_what_is_no_token(client, headers):
    assert client.get(THINGS, signed=False, headers=headers).status == 401


def test_two_tokens(client):
    # One would be checked and the other believed, were both let in.
    app, token = client.app, client.token("GET", THINGS).encode()

    async def twice(scope, receive, send):
        headers = [*scope["headers"], (IDENTITY_HEADER.encode(), token)]
        await app({**scope, "headers": headers}, receive, send)

    answer = dataclasses.replace(client, app=twice).get(THINGS)

    assert (answer.status, answer.json()["error"]) == (
        401,
        ["several identity tokens came with the request"],
    )


def test_a_token_of_another_gateway(client):
    answer = dataclasses.replace(client, signer=IdentitySigner.generate()).get(THINGS)

    assert answer.status == 401


def test_a_token_for_another_service(client):
    assert dataclasses.replace(client, audience="jobs").get(THINGS).status == 401


def test_a_token_is_good_once(client):
    headers = {IDENTITY_HEADER: client.token("GET", THINGS)}

    assert client.get(THINGS, signed=False, headers=headers).status == 200
    assert client.get(THINGS, signed=False, headers=headers).status == 401


@pytest.mark.parametrize(
    ("method", "path"), [("POST", THINGS), ("GET", f"{THINGS}/a"), ("GET", f"{THINGS}/")]
)
def test_a_token_for_another_request(client, method, path):
    headers = {IDENTITY_HEADER: client.token("GET", THINGS)}

    answer = client.request(method, path, signed=False, headers=headers, json={"name": "a"})

    assert answer.status == 401


@pytest.mark.parametrize("tool", ["other", "demo2", "Demo", "dem", "%64emo2"])
@pytest.mark.parametrize("path", ["things", "things/a", "things/a/tail"])
def test_another_tool(client, things, tool, path):
    answer = client.get(f"/v1/tool/{tool}/{path}")

    assert (answer.status, answer.json()["code"]) == (403, "forbidden")
    assert answer.json()["hint"]


def test_a_tool_may_be_written_in_any_way_that_means_it(client):
    assert client.get("/v1/tool/%64emo/things").status == 200


def test_a_refused_caller_learns_nothing_about_the_request(client):
    answer = client.post("/v1/tool/other/things", json={"radius": 9})

    assert answer.status == 403


@pytest.mark.parametrize("path", ["/", "/v1", "/nowhere", "/v1/tool/demo", "/v1/tool//things"])
def test_what_the_document_does_not_know_demands_a_token_too(client, path):
    assert client.get(path, signed=False).status == 401
    assert client.get(path).status == 404


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("end", ["%0A", "/%0A", "%0A/", "%0D%0A", "%0Ax"])
@pytest.mark.parametrize("path", [THINGS, f"{THINGS}/a", f"{THINGS}/a/tail"])
def test_a_line_break_leads_around_nothing(client, things, path, end, signed):
    # Connexion's layers overlook such a path, security among them, and Flask alone would serve it.
    things.on_list = lambda: pytest.fail("a handler was reached")

    assert client.get(f"{path}{end}", signed=signed).status in {400, 401, 404}


def test_a_path_without_its_raw_form_is_taken_as_it_is(client):
    app = client.app

    async def without(scope, receive, send):
        del scope["raw_path"]
        await app(scope, receive, send)

    assert dataclasses.replace(client, app=without).get(THINGS).status == 200


def test_a_query_does_not_belong_to_the_path(client):
    app = client.app

    async def with_query(scope, receive, send):
        await app({**scope, "raw_path": scope["raw_path"] + b"?limit=1"}, receive, send)

    assert dataclasses.replace(client, app=with_query).get(f"{THINGS}?limit=1").status == 200
