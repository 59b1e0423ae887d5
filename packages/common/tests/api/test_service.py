"""One service over HTTP: what it answers, and what it makes of requests that are not right."""

import asyncio
import dataclasses
import threading

import orjson
import pytest
import yaml

from toolforge_common.api.document import DocumentError
from toolforge_common.api.service import OrjsonJsonifier, create_service, find_handler
from toolforge_common.api.testing.client import DEADLINE
from toolforge_common.errors import Conflict, Unavailable
from toolforge_common.identity import IdentityVerifier

THINGS = "/v1/tool/demo/things"


def test_a_handler_answers(client, things):
    things.on_list = lambda: {"things": [{"name": "a", "size": 1}]}

    answer = client.get(THINGS)

    assert (answer.status, answer.json()) == (200, {"things": [{"name": "a", "size": 1}]})
    assert answer.headers["content-type"] == "application/json"


def test_a_handler_gets_the_body_and_the_caller(client, things):
    answer = client.post(THINGS, json={"name": "a", "radius": 2})

    assert (answer.status, answer.json()) == (201, {"name": "a", "size": 2})
    assert things.callers[0].subject == "tool:demo"


@pytest.mark.parametrize("path", [THINGS, "/v1/metrics", "/openapi.json"])
def test_every_route_works_with_a_slash_at_its_end_and_none_redirects(client, path):
    assert client.get(f"{path}/").status == client.get(path).status == 200


def test_only_one_slash_is_overlooked(client):
    assert client.get(f"{THINGS}//").status == 404
    assert client.get("/", signed=False).status == 401


def test_the_document_is_open(client, document):
    assert client.get("/openapi.json", signed=False).json() == document


def test_numbers_are_open_and_count_by_operation_and_status(client):
    client.get(THINGS)
    client.get(f"{THINGS}/a")
    client.get("/nowhere")
    client.request("BREW", "/nowhere")

    answer = client.get("/v1/metrics", signed=False)

    lines = answer.body.decode().splitlines()
    name = "toolforge_http_requests_total"
    assert answer.headers["content-type"] == "text/plain; version=1.0.0; charset=utf-8"
    assert f'{name}{{method="GET",operation="things.list_things",status="200"}} 1.0' in lines
    assert f'{name}{{method="GET",operation="things.get_thing",status="404"}} 1.0' in lines
    assert f'{name}{{method="GET",operation="none",status="404"}} 1.0' in lines
    assert f'{name}{{method="other",operation="none",status="404"}} 1.0' in lines
    assert (
        'toolforge_http_request_duration_seconds_count{operation="things.get_thing"} 1.0' in lines
    )


def test_two_services_in_one_process_count_apart(make_client):
    one, other = make_client(), make_client()
    one.get(THINGS)

    assert b"list_things" not in other.get("/v1/metrics").body


# --- request ids ----------------------------------------------------------------------------------


def test_the_request_id_is_the_one_the_gateway_vouches_for(client, log):
    answer = client.get(f"{THINGS}/a", headers={"x-request-id": "somebody-elses"})

    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "test-request"
    assert log == [
        {
            "event": "request_refused",
            "code": "not_found",
            "status": 404,
            "request_id": "test-request",
            "tool": "demo",
            "log_level": "info",
        }
    ]


def test_an_open_path_takes_the_id_it_is_given(client):
    answer = client.get("/v1/metrics", headers={"x-request-id": "Abc_1.2-3"})

    assert answer.headers["x-request-id"] == "Abc_1.2-3"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "ä", '"'])
def test_an_id_that_is_no_id_is_replaced(client, given):
    answer = client.get("/v1/metrics", headers={"x-request-id": given})

    assert len(answer.headers["x-request-id"]) == 16


# --- refusals -------------------------------------------------------------------------------------


def test_a_refusal_has_everything(client):
    answer = client.get(f"{THINGS}/a")

    assert answer.status == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "error": ["there is no thing 'a'"],
        "code": "not_found",
        "title": "Not found",
        "detail": "there is no thing 'a'",
        "hint": "make one",
        "doc": "https://x",
        "request_id": "test-request",
    }


def test_errors_of_handlers_get_their_status(client, things):
    def fail():
        raise Unavailable("the runtime sleeps")

    things.on_create = fail

    assert client.post(THINGS, json={"name": "a"}).status == 503


def test_a_surprise_is_logged_and_not_told(client, things, log):
    def fail():
        raise RuntimeError("secret things")

    things.on_list = fail
    answer = client.get(THINGS)

    assert answer.status == 500
    assert (answer.json()["code"], answer.json()["title"]) == ("internal", "Internal error")
    assert "test-request" in answer.json()["hint"]
    assert b"secret things" not in answer.body
    (line,) = log
    assert (line["event"], line["log_level"], line["request_id"]) == (
        "request_failed",
        "error",
        "test-request",
    )
    assert str(line["exc_info"]) == "secret things"


@pytest.mark.parametrize(
    "answer",
    [
        {"things": [{"size": 1}]},
        {"things": "none"},
        ({"things": []}, 202),  # a status that the document does not know
        ({"things": []}, 200, {"Content-Type": "text/html"}),
    ],
)
def test_an_answer_that_breaks_the_document_is_our_failure(client, things, answer, log):
    things.on_list = lambda: answer

    assert client.get(THINGS).status == 500
    assert [line["event"] for line in log] == ["request_failed"]


def test_a_path_that_is_not_there(client):
    answer = client.get("/v1/tool/demo/nothing")

    assert answer.status == 404
    assert answer.json()["error"] == ["there is nothing at /v1/tool/demo/nothing"]
    assert answer.json()["hint"] == "/openapi.json lists what there is"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", THINGS, "GET, HEAD, POST"),
        ("DELETE", f"{THINGS}/a", "GET, HEAD"),
        ("OPTIONS", "/v1/metrics", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_there_is_told_all_that_are(client, method, path, allowed):
    answer = client.request(method, path)

    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert answer.json()["error"] == [f"{method} is not possible at {path}"]
    assert answer.json()["hint"] == f"possible are {allowed}"


def test_head_is_get_without_a_body(client):
    answer = client.request("HEAD", THINGS)

    assert (answer.status, answer.body) == (200, b"")


def test_head_of_what_is_not_there(client):
    assert client.request("HEAD", f"{THINGS}/a").status == 404


_ANY = "the service's /openapi.json says what it takes"


@pytest.mark.parametrize(
    ("query", "sentence", "hint"),
    [
        ("limit=11", "limit must be at most 10, not 11", _ANY),
        (f"limit={'9' * 30}", f"limit must be at most 10, not {'9' * 30}", _ANY),
        (f"limit={'9' * 400}", "limit must be at most 10", _ANY),
        (f"limit={'9' * 5000}", "limit must be a whole number", _ANY),  # Python reads 4300 digits
        ("limit=x", 'limit must be a whole number, not "x"', _ANY),
        ("limit=%00", 'limit must be a whole number, not "\\u0000"', _ANY),
        ("limit=%FF", 'limit must be a whole number, not "\ufffd"', _ANY),
        ("limit=1&foo=2", "there is no parameter 'foo' here", "known are limit"),
    ],
)
def test_a_bad_parameter_is_named(client, query, sentence, hint):
    answer = client.get(f"{THINGS}?{query}")

    assert (answer.status, answer.json()["error"], answer.json()["hint"]) == (400, [sentence], hint)


def test_where_there_are_no_parameters_none_is_known(client):
    answer = client.get(f"{THINGS}/a?x=1")

    assert (answer.status, answer.json()["hint"]) == (400, "there are none at all")


def test_a_query_with_other_bytes_than_text_is_refused(client, document, make_client):
    # A parameter that takes any text, so that the bytes get as far as the bridge to Flask.
    parameters = document["paths"]["/v1/tool/{toolname}/things"]["get"]["parameters"]
    parameters[0]["schema"] = {"type": "string"}

    answer = make_client().get(f"{THINGS}?limit=\xff")

    assert (answer.status, answer.json()["error"]) == (400, ["the request is not readable as text"])


def test_a_missing_parameter_is_named(document, make_client):
    things = document["paths"]["/v1/tool/{toolname}/things"]
    things["get"]["parameters"][0].update(required=True)

    answer = make_client().get(THINGS)

    assert (answer.status, answer.json()["error"]) == (400, ["the parameter limit is required"])


@pytest.mark.parametrize("name", ["ABC", "a%00", "a%20b", "..%2F..", "%ff", "x" * 11])
def test_a_rule_of_the_document_speaks_for_a_bad_name(client, name):
    answer = client.get(f"{THINGS}/{name}")

    if "%2F" in name:  # one more path segment, once it is decoded
        assert answer.status == 404
    else:
        assert (answer.status, answer.json()["doc"]) == (400, "https://example.org/names")
        assert answer.json()["error"] == ["a name has lower-case letters only"]


# --- bodies ---------------------------------------------------------------------------------------


def test_a_body_of_the_wrong_shape_is_told_field_by_field(client):
    answer = client.post(THINGS, json={"name": "a", "radius": 9, "foo": 1})

    assert answer.status == 422
    body = answer.json()
    assert body["error"] == [
        "radius must be at most 5, not 9",
        "foo is not known here; known are colour, name, radius, secret, shape",
    ]
    assert body["detail"] == [
        {"loc": ["body", "radius"], "msg": body["error"][0], "type": "maximum"},
        {"loc": ["body", "foo"], "msg": body["error"][1], "type": "additionalProperties"},
    ]
    assert (body["code"], body["title"]) == ("invalid", "Invalid request")


def test_a_service_may_answer_400_for_it_without_a_list(make_client):
    answer = make_client().post(THINGS, json={"name": "a", "radius": 9})

    assert (answer.status, answer.json()["detail"]) == (400, "radius must be at most 5, not 9")


def test_a_rule_of_the_document_goes_before_everything_else(client):
    answer = client.post(THINGS, json={"name": "ABC", "radius": 9})

    assert (answer.status, answer.json()["doc"]) == (400, "https://example.org/names")
    assert answer.json()["error"] == [
        "a name has lower-case letters only",
        "radius must be at most 5, not 9",
    ]


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b'"x"', b"5"])
def test_a_body_that_is_no_object(client, content):
    assert client.post(THINGS, content=content).status == 422


def test_a_body_that_need_not_be_there(document, make_client, log):
    document["paths"]["/v1/tool/{toolname}/things"]["post"]["requestBody"]["required"] = False

    # The handler gets an empty object, and misses the name in it.
    assert make_client().post(THINGS).status == 500


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"{'name': 'a'}",
        b'{"name": "a"} x',
        b'{"name": NaN}',
        b'{"name": 1e999}',
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        "\ufeff{}".encode(),
        '{"name": "a"}'.encode("utf-16"),
        b"\0",
        b'{"name": "a\x00"}',
        b"[" * 5000,
    ],
)
def test_a_body_that_is_no_json(client, content):
    answer = client.post(THINGS, content=content)

    assert answer.status == 400
    assert answer.json()["detail"].startswith("the body is not JSON")


@pytest.mark.parametrize(
    "content",
    [
        b'{"name": "a\\u0000"}',
        b'{"name": "a", "x": [{"y": "\\u0000"}]}',
        b'{"na\\u0000me": "a"}',
    ],
)
def test_a_text_with_nul_in_it(client, content):
    answer = client.post(THINGS, content=content)

    assert (answer.status, "NUL" in answer.json()["detail"]) == (400, True)


def test_a_text_about_nul_is_fine(client):
    # The escape itself is escaped here.
    answer = client.post(THINGS, content=b'{"name": "a", "secret": "aaaa\\\\u0000", "radius": 1}')

    assert answer.status == 201


def test_a_body_that_is_too_large(client):
    content = orjson.dumps({"name": "a", "secret": "x" * 10_000})
    chunks = [content[:6000], content[6000:]]

    for answer in (client.post(THINGS, content=content), client.post(THINGS, chunks=chunks)):
        assert answer.status == 413
        assert answer.json()["error"] == ["the body has more than 10000 bytes"]


def test_a_body_needs_neither_length_nor_type_and_may_come_in_pieces(client):
    answer = client.post(THINGS, chunks=[b'{"name', b'": "a', b'", "radius": 3}'])

    assert (answer.status, answer.json()) == (201, {"name": "a", "size": 3})


def test_a_stated_length_is_not_believed(client):
    answer = client.post(THINGS, content=b'{"name": "a"}', headers={"content-length": "4"})

    assert answer.status == 201


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("application/json; charset=no-such-thing", 201),  # JSON is always UTF-8
        ("APPLICATION/JSON", 201),
        ("application/json;", 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("json", 415),
        ("a/b/c", 415),
        ("", 415),
    ],
)
def test_types_of_bodies(client, given, status):
    answer = client.post(THINGS, content=b'{"name": "a"}', headers={"content-type": given})

    assert answer.status == status


# --- threads --------------------------------------------------------------------------------------


async def test_as_many_handlers_as_there_are_threads_run_at_once(client, things):
    barrier = threading.Barrier(4)

    def wait():
        barrier.wait(
            DEADLINE
        )  # passes when four are in here, and breaks the test if they never are
        return {"things": []}

    things.on_list = wait
    answers = await asyncio.gather(*[client.send("GET", THINGS) for _ in range(4)])

    assert [answer.status for answer in answers] == [200] * 4


async def test_a_service_is_started_and_stopped_by_its_server(client, log):
    inbox = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        return inbox.pop(0)

    async def send(message):
        sent.append(message["type"])

    await client.app({"type": "lifespan"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    answer = await client.send("GET", THINGS)
    assert answer.status == 500  # its threads are gone


async def test_other_protocols_are_refused(client):
    sent = []

    async def send(message):
        sent.append(message)

    await client.app({"type": "websocket"}, None, send)

    assert sent == [{"type": "websocket.close"}]


# --- building -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "operation", ["things.no_such", "no_such.list_things", "list_things", "things.", ""]
)
def test_an_operation_without_a_handler_stops_the_start(document, make_client, operation):
    document["paths"]["/v1/tool/{toolname}/things"]["get"]["operationId"] = operation

    with pytest.raises(DocumentError, match="there is no handler"):
        make_client()


def test_an_attribute_that_cannot_be_called_is_no_handler(things):
    with pytest.raises(DocumentError, match=r"callers"):
        find_handler({"things": things}, "things.callers")


def test_a_document_that_leaves_something_open_stops_the_start(document, make_client):
    document["paths"]["/v1/tool/{toolname}/things"]["get"]["security"] = []

    with pytest.raises(DocumentError, match="must name"):
        make_client()


def test_a_service_has_limits_without_being_told(document, things, signer, client):
    verifier = IdentityVerifier(signer.public_keys, "things")
    app = create_service(document=document, handlers={"things": things}, verifier=verifier)

    assert dataclasses.replace(client, app=app).get(THINGS).status == 200


def test_the_document_is_not_changed_by_serving_it(document, make_client):
    before = yaml.safe_dump(document)

    make_client().get(THINGS)

    assert yaml.safe_dump(document) == before


def test_json_is_read_and_written_by_one_parser():
    jsonifier = OrjsonJsonifier()

    assert jsonifier.loads(jsonifier.dumps({"a": [1, "ä"]})) == {"a": [1, "ä"]}


def test_a_conflict_and_a_quota_share_a_status_and_keep_their_codes(client, things):
    def fail():
        raise Conflict("there is one")

    things.on_create = fail
    answer = client.post(THINGS, json={"name": "a"})

    assert (answer.status, answer.json()["code"]) == (409, "conflict")
