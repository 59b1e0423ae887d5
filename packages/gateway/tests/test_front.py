"""The front carries out what the policy says, and marks, counts and bounds what passes."""

import asyncio

import orjson
import pytest
from structlog.testing import capture_logs

from toolforge_common.errors import NotAuthenticated, Unavailable
from toolforge_common.identity import IDENTITY_HEADER, IdentityVerifier
from toolforge_gateway.front import Backend, Gateway
from toolforge_gateway.policy import Route
from toolforge_gateway.request_log import RequestRecord, log_request

ID = b"0123456789abcdef"
JOBS = b"/jobs/v1/tool/demo/jobs"


class Answer:
    def __init__(self, messages):
        start, *rest = messages
        self.status = start["status"]
        self.headers = start["headers"]
        self.body = b"".join(message.get("body", b"") for message in rest)

    @property
    def json(self):
        return orjson.loads(self.body)

    def header(self, name):
        return [value for key, value in self.headers if key == name]


async def call(
    gateway,
    raw_path,
    *,
    method="GET",
    certificate=None,
    headers=(),
    body=(b"",),
    query=b"",
    never_ends=False,
):
    """Send one request to the gateway; the body arrives in pieces, then the caller leaves, or just waits."""
    tls = {"client_certificate": certificate}
    pieces = [
        {"type": "http.request", "body": piece, "more_body": number < len(body)}
        for number, piece in enumerate(body, start=1)
    ]
    messages = []

    async def receive():
        if never_ends and not pieces:
            await asyncio.Event().wait()
        return pieces.pop(0) if pieces else {"type": "http.disconnect"}

    async def send(message):
        messages.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": "as the server decoded it",
        "raw_path": raw_path,
        "query_string": query,
        "headers": [(b"host", b"127.0.0.1"), *headers],
        "client": ("127.0.0.1", 1234),
        "extensions": {"tls": tls},
        "state": {"of": "the server"},
    }
    await gateway(scope, receive, send)
    return Answer(messages) if messages else None


async def test_the_service_sees_its_own_path_and_who_is_calling(gateway, service, signer, der):
    answer = await call(gateway, JOBS + b"/a%20b", certificate=der(), query=b"x=y")

    scope = service.scopes[0]
    assert answer.json == {"path": "/v1/tool/demo/jobs/a b", "size": 0}
    assert scope["raw_path"] == b"/v1/tool/demo/jobs/a%20b"
    assert scope["root_path"] == ""
    assert scope["query_string"] == b"x=y"
    token = dict(scope["headers"])[IDENTITY_HEADER.encode()].decode()
    identity = IdentityVerifier(signer.public_keys, "jobs").verify(
        token, "GET", "/v1/tool/demo/jobs/a%20b"
    )
    assert (identity.subject, identity.tool, identity.roles) == ("tool:demo", "demo", ("tool",))
    assert identity.request_id.encode() == dict(scope["headers"])[b"x-request-id"]


async def test_the_service_learns_nothing_of_the_connection(gateway, service, der):
    await call(gateway, JOBS, certificate=der())

    assert service.scopes[0]["extensions"] == {}
    assert service.scopes[0]["state"] == {}


async def test_a_token_is_good_for_one_request_only(gateway, service, signer, der):
    await call(gateway, JOBS, method="POST", certificate=der())
    token = dict(service.seen_headers)[IDENTITY_HEADER.encode()].decode()
    verifier = IdentityVerifier(signer.public_keys, "jobs")
    path = "/v1/tool/demo/jobs"

    with pytest.raises(NotAuthenticated, match="another request"):
        verifier.verify(token, "POST", path + "/")
    with pytest.raises(NotAuthenticated, match="another request"):
        verifier.verify(token, "DELETE", path)
    with pytest.raises(NotAuthenticated, match="for this service"):
        IdentityVerifier(signer.public_keys, "builds").verify(token, "POST", path)
    verifier.verify(token, "POST", path)
    with pytest.raises(NotAuthenticated, match="used before"):
        verifier.verify(token, "POST", path)


@pytest.mark.parametrize("raw_path", [JOBS, b"/jobs/v1/healthz"])
async def test_no_identity_header_of_the_caller_reaches_the_service(
    gateway, service, der, raw_path
):
    forged = [
        (b"x-toolforge-identity", b"forged"),
        (b"X-Toolforge-Tool", b"other"),
        (b"x_toolforge_tool", b"other"),
        (b"x-toolforge-tool", b"demo, other"),
        (b"ssl-client-subject-dn", b"CN=other,O=toolforge"),
        (b"x-forwarded-client-cert", b"forged"),
    ]

    await call(gateway, raw_path, certificate=der(), headers=forged)

    seen = [(name, value) for name, value in service.seen_headers if b"toolforge" in name]
    assert [value for name, value in seen if name != b"x-toolforge-identity"] in ([b"demo"], [])
    assert not any(b"forged" in value or b"other" in value for _, value in service.seen_headers)


async def test_an_open_path_gets_no_identity(gateway, service, der):
    await call(gateway, b"/jobs/v1/healthz", certificate=der())

    assert not any(b"toolforge" in name for name, _ in service.seen_headers)


async def test_the_callers_request_id_is_on_the_answer_and_with_the_service(gateway, service, der):
    answer = await call(gateway, JOBS, certificate=der(), headers=[(b"x-request-id", ID)])

    assert answer.header(b"x-request-id") == [ID]
    assert [value for name, value in service.seen_headers if name == b"x-request-id"] == [ID]


async def test_every_answer_has_a_request_id_of_its_own(gateway):
    ids = {(await call(gateway, b"/")).header(b"x-request-id")[0] for _ in range(3)}

    assert len(ids) == 3


async def test_a_refusal_has_code_title_hint_and_request_id(gateway):
    answer = await call(gateway, JOBS, headers=[(b"x-request-id", ID)])

    text = "this needs the client certificate of a tool, and none was shown"
    assert answer.status == 401
    assert answer.header(b"content-type") == [b"application/json"]
    assert answer.header(b"x-request-id") == [ID]
    assert answer.json == {
        "error": [text],
        "code": "unauthenticated",
        "title": "Not authenticated",
        "detail": text,
        "hint": answer.json["hint"],
        "doc": "",
        "request_id": ID.decode(),
    }
    assert "dev shell" in answer.json["hint"]


@pytest.mark.parametrize(
    ("raw_path", "status"),
    [
        (b"/jobs/v1/tool/other/jobs", 403),
        (b"/nosuch/v1", 404),
        (b"/jobs/v1/tool/demo/..", 400),
    ],
)
async def test_refusals_have_the_status_of_their_class(gateway, service, der, raw_path, status):
    answer = await call(gateway, raw_path, certificate=der())

    assert answer.status == status
    assert not service.scopes


async def test_the_root_greets(gateway):
    answer = await call(gateway, b"/")

    assert answer.status == 200
    assert answer.header(b"content-type") == [b"text/plain; charset=utf-8"]
    assert b"Toolforge" in answer.body


async def test_the_merged_document_is_served(gateway):
    answer = await call(gateway, b"/openapi.json")

    assert "/jobs/v1/tool/{toolname}/jobs" in answer.json["paths"]


@pytest.mark.parametrize("raw_path", [b"/", b"/openapi.json"])
async def test_the_gateways_own_pages_are_only_read(gateway, raw_path):
    answer = await call(gateway, raw_path, method="POST")

    assert answer.status == 405
    assert answer.header(b"allow") == [b"GET, HEAD"]


async def test_a_body_announced_too_large_never_reaches_the_service(gateway, service, der):
    answer = await call(
        gateway, JOBS, method="POST", certificate=der(), headers=[(b"content-length", b"1001")]
    )

    assert answer.status == 413
    assert answer.json["hint"]
    assert not service.scopes


async def test_a_body_that_turns_out_too_large_is_cut_off(gateway, der, records):
    answer = await call(gateway, JOBS, method="POST", certificate=der(), body=(b"x" * 600,) * 2)

    assert answer.status == 413
    assert records[0].status == 413


async def test_a_body_of_the_largest_size_passes(gateway, der):
    answer = await call(gateway, JOBS, method="POST", certificate=der(), body=(b"x" * 500,) * 2)

    assert answer.json["size"] == 1000


async def test_a_body_that_does_not_come_is_cut_off(hasty_gateway, service, der):
    seen = []

    async def read_all(scope, receive, send):
        seen.append(await receive())

    service.hold = read_all

    answer = await call(
        hasty_gateway, JOBS, method="POST", certificate=der(), body=(), never_ends=True
    )

    assert answer.status == 408
    assert answer.json["title"] == "Request body too slow"
    assert seen == [{"type": "http.disconnect"}]


async def test_what_a_service_says_after_the_cut_is_dropped(gateway, service, der):
    async def stubborn(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"late"})

    service.hold = stubborn

    answer = await call(gateway, JOBS, method="POST", certificate=der(), body=(b"x" * 600,) * 2)

    assert answer.status == 413
    assert b"late" not in answer.body


async def test_a_defect_of_a_service_is_logged_and_told_without_details(gateway, service, der):
    async def break_down(scope, receive, send):
        raise ValueError("a secret detail")

    service.hold = break_down

    with capture_logs() as logs:
        answer = await call(gateway, JOBS, certificate=der(), headers=[(b"x-request-id", ID)])

    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert b"secret" not in answer.body
    assert ID.decode() in answer.json["hint"]
    assert logs == [
        {
            "event": "request_failed",
            "log_level": "error",
            "request_id": ID.decode(),
            "exc_info": True,
        }
    ]


async def test_a_service_that_says_nothing_is_a_defect(gateway, service, der):
    async def say_nothing(scope, receive, send):
        return

    service.hold = say_nothing

    with capture_logs() as logs:
        assert (await call(gateway, JOBS, certificate=der())).status == 500

    assert logs[0]["event"] == "request_failed"


async def test_a_defect_after_the_answer_began_is_left_to_the_server(
    gateway, service, der, records
):
    async def break_down(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("later")

    service.hold = break_down

    with pytest.raises(ValueError, match="later"):
        await call(gateway, JOBS, certificate=der())

    assert records[0].status == 200


async def test_a_refusal_of_a_service_outside_its_app_is_told(gateway, service, der):
    async def refuse(scope, receive, send):
        raise Unavailable("not now")

    service.hold = refuse

    assert (await call(gateway, JOBS, certificate=der())).status == 503


async def test_a_caller_that_leaves_before_the_answer_is_recorded_as_gone(
    gateway, service, der, records
):
    async def wait_for_the_end(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass

    service.hold = wait_for_the_end

    assert await call(gateway, JOBS, certificate=der()) is None
    assert records[0].status == 0


async def test_a_stream_passes_piece_by_piece(gateway, service, der):
    """What the service has sent is out before the service goes on."""
    out = []

    async def stream(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(3):
            await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
            assert out[-1]["body"] == b"%d" % number
        await send({"type": "http.response.body", "body": b""})

    service.hold = stream

    async def send(message):
        out.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "raw_path": b"/jobs/v1/healthz",
        "headers": [],
        "client": None,
    }
    await gateway(scope, asyncio.Queue().get, send)

    assert [message.get("body") for message in out] == [None, b"0", b"1", b"2", b""]


async def test_each_request_is_recorded_without_its_query(gateway, der, records):
    agent = (b"user-agent", b"curl\x1b[31m" + b"x" * 2000)
    await call(
        gateway, JOBS, certificate=der(), headers=[agent, (b"x-request-id", ID)], query=b"token=s3"
    )

    (record,) = records
    assert (record.request_id, record.method, record.path) == (ID.decode(), "GET", JOBS.decode())
    assert (record.status, record.service) == (200, "jobs")
    assert (record.tool, record.subject, record.client) == ("demo", "tool:demo", "127.0.0.1")
    assert record.user_agent.startswith("curl\\x1b[31mxxx")
    assert len(record.user_agent) < 1100
    assert record.sent > 0
    assert record.duration >= 0
    assert "s3" not in str(record)


async def test_a_refused_request_is_recorded_too(gateway, records):
    await call(gateway, b"/nosuch\xff")

    assert (records[0].status, records[0].path, records[0].tool) == (400, "/nosuch\\xff", "")


def test_a_record_becomes_one_line_of_fields():
    record = RequestRecord("an-id", "GET", "/", 200, 0.01234, 5, user_agent="curl")

    with capture_logs() as logs:
        log_request(record)

    assert logs == [
        {
            "event": "request",
            "log_level": "info",
            "request_id": "an-id",
            "method": "GET",
            "path": "/",
            "status": 200,
            "duration_ms": 12.3,
            "bytes": 5,
            "service": "",
            "tool": "",
            "subject": "",
            "user_agent": "curl",
            "client": "",
        }
    ]


async def _live(gateway, messages):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return messages.pop(0)

    await gateway({"type": "lifespan"}, receive, send)
    return [message["type"] for message in sent], sent


async def test_the_lifespan_reaches_every_service(gateway, service):
    types, _ = await _live(gateway, [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    assert types == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert service.life == ["lifespan.startup", "lifespan.shutdown"]


async def test_a_service_that_cannot_start_fails_the_whole(policy, signer):
    async def app(scope, receive, send):
        raise OSError("no disk")

    document = {"openapi": "3.0.3", "info": {"title": "x", "version": "1"}, "paths": {}}
    gateway = Gateway(policy, signer, [Backend(Route("jobs"), app, document)], lambda record: None)

    types, sent = await _live(gateway, [{"type": "lifespan.startup"}])

    assert types == ["lifespan.startup.failed"]
    assert sent[0]["message"] == "no disk"
