"""A service believes the gateway's signature and nothing else: the real service, called around the gateway."""

import pytest
import structlog

from toolforge_common.identity import Identity, IdentitySigner, IdentityVerifier
from toolforge_jobs_api.app import AUDIENCE, create_app
from toolforge_jobs_api.settings import Settings
from toolforge_runtime.ports import Ports
from toolforge_runtime.testing import InMemoryRuntime, InMemoryStore, InMemoryTenancy

PATH = "/v1/tool/demo/jobs"
DEMO = Identity("tool:demo", "demo", ("tool",), "0123456789abcdef")


@pytest.fixture(scope="module")
def signer():
    return IdentitySigner.generate()


@pytest.fixture(scope="module")
def service(signer):
    ports = Ports(InMemoryRuntime(), InMemoryStore(), InMemoryTenancy())
    return create_app(Settings(), ports, IdentityVerifier(signer.public_keys, AUDIENCE))


@pytest.fixture(autouse=True)
def _quiet():
    with structlog.testing.capture_logs():
        yield


async def call(service, headers, *, method="GET", path=PATH):
    """Return the status and body of the service's answer."""
    import orjson

    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "https",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "extensions": {},
        "state": {},
    }
    await service(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], orjson.loads(body)


def bearing(token):
    return [(b"x-toolforge-identity", token.encode()), (b"x-toolforge-tool", b"demo")]


async def test_a_signed_identity_opens_what_it_was_signed_for(service, signer):
    token = signer.sign(DEMO, AUDIENCE, "GET", PATH)

    status, body = await call(service, bearing(token))

    assert (status, body["jobs"]) == (200, [])


async def test_one_that_was_used_is_refused(service, signer):
    token = signer.sign(DEMO, AUDIENCE, "GET", PATH)
    await call(service, bearing(token))

    status, body = await call(service, bearing(token))

    assert (status, body["code"]) == (401, "unauthenticated")


def forged(**changes):
    """Return a token as the gateway would never sign it for this request."""
    words = {"audience": AUDIENCE, "method": "GET", "path": PATH, **changes}
    return lambda signer: signer.sign(DEMO, words["audience"], words["method"], words["path"])


def with_another_signature(token):
    signed, _, signature = token.rpartition(".")
    # Not at its end, where some bits of a letter mean nothing.
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


@pytest.mark.parametrize(
    "sign",
    [
        lambda _: IdentitySigner.generate().sign(DEMO, AUDIENCE, "GET", PATH),
        forged(audience="builds"),
        forged(method="DELETE"),
        forged(path=f"{PATH}/x"),
        forged(path="/v1/tool/other/jobs"),
        lambda signer: with_another_signature(signer.sign(DEMO, AUDIENCE, "GET", PATH)),
        lambda _: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0b29sOmRlbW8ifQ.",  # algorithm "none"
        lambda _: "demo",
    ],
)
async def test_a_forged_identity_is_refused(service, signer, sign):
    status, body = await call(service, bearing(sign(signer)))

    assert (status, body["code"]) == (401, "unauthenticated")
    assert body["hint"]
    assert body["request_id"]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"x-toolforge-tool", b"demo")],
        [(b"x-toolforge-tool", b"demo"), (b"ssl-client-subject-dn", b"CN=demo,O=toolforge")],
        [(b"x-toolforge-identity", b"")],
    ],
)
@pytest.mark.parametrize("path", [PATH, "/v1/tool/demo/images", "/nosuch"])
async def test_no_other_header_says_who_is_calling(service, headers, path):
    status, body = await call(service, headers, path=path)

    assert (status, body["code"]) == (401, "unauthenticated")


async def test_the_plain_header_decides_nothing(service, signer):
    """It is there for logs and for old code; the signed tool counts."""
    token = signer.sign(DEMO, AUDIENCE, "GET", PATH)
    headers = [(b"x-toolforge-identity", token.encode()), (b"x-toolforge-tool", b"other")]

    status, _ = await call(service, headers)

    assert status == 200


async def test_an_identity_is_good_for_its_own_tool_only(service, signer):
    """The gateway refuses this before; the service does not rely on it."""
    path = "/v1/tool/other/jobs"
    token = signer.sign(DEMO, AUDIENCE, "GET", path)

    status, body = await call(service, bearing(token), path=path)

    assert (status, body["code"]) == (403, "forbidden")
