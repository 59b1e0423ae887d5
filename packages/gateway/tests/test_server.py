"""The edge on a real socket: TLS, client certificates, framing, bounds."""

import asyncio
import contextlib
import datetime
import os
import ssl

import orjson
import pytest
from cryptography.hazmat.primitives import serialization

from toolforge_common.errors import Conflict, Unavailable
from toolforge_gateway.protocol import find_flaw
from toolforge_gateway.server import EmbeddedServer, edge_config, listen
from toolforge_gateway.tls import server_context
from toolforge_runtime.local.pki import CertificateAuthority, write_private

JOBS = "/jobs/v1/tool/demo/jobs"
DEADLINE = 10


@pytest.fixture(scope="session")
def pki(tmp_path_factory, authority):
    """Write the files of a server and return their folder."""
    folder = tmp_path_factory.mktemp("server")
    gateway_authority = CertificateAuthority.open(folder / "gateway", "Gateway CA")
    pair = gateway_authority.issue_server(["localhost", "127.0.0.1", "::1"])
    (folder / "ca.crt").write_bytes(gateway_authority.certificate)
    (folder / "server.crt").write_bytes(pair.certificate)
    write_private(folder / "server.key", pair.key)
    (folder / "tools.crt").write_bytes(authority.certificate)
    return folder


class Edge:
    """A running server and how to talk to it."""

    def __init__(self, port, pki):
        self.port = port
        self._pki = pki

    def context(self, crafted=None):
        context = ssl.create_default_context(cafile=self._pki / "ca.crt")
        if crafted is not None:
            certificate, key = crafted
            files = [self._pki / f"{os.urandom(8).hex()}.{kind}" for kind in ("crt", "key")]
            files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
            files[1].write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
            context.load_cert_chain(*files)
        return context

    @contextlib.asynccontextmanager
    async def connect(self, crafted=None, context=None):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context or self.context(crafted)
        )
        try:
            yield Connection(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class Connection:
    """Raw bytes out, answers in."""

    def __init__(self, reader, writer):
        self._reader = reader
        self.writer = writer

    async def send(self, text):
        self.writer.write(text if isinstance(text, bytes) else text.encode())
        await self.writer.drain()

    async def get(self, path):
        await self.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return await self.answer()

    async def answer(self):
        """Return status line, headers and body of the next answer."""
        async with asyncio.timeout(DEADLINE):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
            headers = dict(line.lower().split(": ", 1) for line in head[1:])
            if headers.get("transfer-encoding") == "chunked":
                body = b""
                while size := int(await self._reader.readline(), 16):
                    body += (await self._reader.readexactly(size + 2))[:-2]
                await self._reader.readline()
            else:
                body = await self._reader.readexactly(int(headers["content-length"]))
        return head[0], headers, body

    async def rest(self):
        """Return what comes until the server closes the connection."""
        async with asyncio.timeout(DEADLINE):
            try:
                return await self._reader.read()
            except OSError:
                return b""


@pytest.fixture
async def edge(gateway, records, pki):
    async with serving(gateway, records, pki) as edge:
        yield edge


@contextlib.asynccontextmanager
async def serving(gateway, records, pki, **settings):
    context = server_context(pki / "server.crt", pki / "server.key", pki / "tools.crt")
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    config = edge_config(gateway, records.append, context, **settings)
    async with EmbeddedServer(config, listener):
        yield Edge(port, pki)


# --- who is calling -------------------------------------------------------------------------------


async def test_a_tools_certificate_opens_its_own_paths(edge, craft):
    async with edge.connect(craft()) as connection:
        status, headers, body = await connection.get(JOBS)

    assert status == "HTTP/1.1 200 OK"
    assert orjson.loads(body)["path"] == "/v1/tool/demo/jobs"
    assert headers["x-request-id"]
    assert "server" not in headers


async def test_another_tools_paths_are_forbidden_in_words_that_scripts_match(edge, craft):
    async with edge.connect(craft()) as connection:
        status, _, body = await connection.get("/jobs/v1/tool/other/jobs")

    assert status == "HTTP/1.1 403 Forbidden"
    assert orjson.loads(body)["code"] == "forbidden"


async def test_without_a_certificate_open_paths_answer_and_others_do_not(edge):
    async with edge.connect() as connection:
        opened = [(await connection.get(path))[0] for path in ("/", "/jobs/v1/healthz")]
        closed = await connection.get(JOBS)

    assert opened == ["HTTP/1.1 200 OK"] * 2
    assert closed[0] == "HTTP/1.1 401 Unauthorized"
    assert "dev shell" in orjson.loads(closed[2])["hint"]


async def test_a_certificate_with_a_wrong_subject_is_refused(edge, craft):
    async with edge.connect(craft([("O", "admins"), ("CN", "demo")])) as connection:
        status, _, _ = await connection.get(JOBS)

    assert status == "HTTP/1.1 401 Unauthorized"


@pytest.fixture
def stranger(tmp_path):
    return CertificateAuthority.open(tmp_path / "stranger", "Tool CA")


@pytest.mark.parametrize("flaw", ["wrong authority", "expired", "not yet valid", "for servers"])
async def test_what_tls_can_refuse_never_becomes_a_request(edge, craft, stranger, flaw, records):
    now = datetime.datetime.now(datetime.UTC)
    hour = datetime.timedelta(hours=1)
    from cryptography.x509.oid import ExtendedKeyUsageOID

    crafted = {
        "wrong authority": {"signer": stranger},
        "expired": {"not_before": now - 2 * hour, "not_after": now - hour},
        "not yet valid": {"not_before": now + hour, "not_after": now + 2 * hour},
        "for servers": {"usages": (ExtendedKeyUsageOID.SERVER_AUTH,)},
    }[flaw]

    # With TLS 1.3 a client learns of the refusal when it reads.
    with pytest.raises((OSError, asyncio.IncompleteReadError)):
        async with edge.connect(craft(**crafted)) as connection:
            await connection.get(JOBS)

    assert records == []


async def test_two_certificates_on_two_living_connections_do_not_mix(edge, craft, service):
    demo, other = craft(), craft([("O", "toolforge"), ("CN", "other")])

    async with edge.connect(demo) as first, edge.connect(other) as second:
        for _ in range(3):
            assert (await first.get(JOBS))[0].endswith("200 OK")
            assert (await second.get(JOBS))[0].endswith("403 Forbidden")
            assert (await second.get("/jobs/v1/tool/other/jobs"))[0].endswith("200 OK")
            assert (await first.get("/jobs/v1/tool/other/jobs"))[0].endswith("403 Forbidden")

    tools = [dict(scope["headers"])[b"x-toolforge-tool"] for scope in service.scopes]
    assert tools == [b"demo", b"other"] * 3


async def test_a_tool_that_is_disabled_is_refused_on_its_living_connection(edge, craft, tools):
    async with edge.connect(craft()) as connection:
        assert (await connection.get(JOBS))[0].endswith("200 OK")
        tools.change("demo", enabled=False)
        assert (await connection.get(JOBS))[0].endswith("403 Forbidden")


async def test_old_tls_is_not_spoken(edge):
    context = edge.context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with edge.connect(context=context) as connection:
        assert (await connection.get("/"))[0].endswith("200 OK")

    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        async with edge.connect(context=context):
            pass


# --- framing --------------------------------------------------------------------------------------

HEAD = f"POST {JOBS} HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = HEAD + "Transfer-Encoding: chunked\r\n"
# Were any of these taken for the end of a request, this would be answered as the next one.
SMUGGLED = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "request_text",
    [
        HEAD + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        HEAD + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
        HEAD + "Content-Length: 0, 0\r\n\r\n",
        HEAD + "Content-Length: +0\r\n\r\n",
        HEAD + "Content-Length: -1\r\n\r\n",
        CHUNKED + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        HEAD + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        HEAD + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        HEAD + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        HEAD.replace("1.1", "1.0") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD.replace("\r\n", "\n") + "\n",
        HEAD + "A: b\n\r\n",
        HEAD + "A: b\rX-Toolforge-Tool: other\r\n\r\n",
        HEAD + "A: b\r\n folded\r\n\r\n",
        HEAD + "A: b\x00c\r\n\r\n",
        HEAD + ": b\r\n\r\n",
        HEAD + "Host: localhost\r\n\r\n",
        f"GET {JOBS} HTTP/1.1\r\n\r\n",
        f"GET {JOBS}\r\n\r\n",
        f"GET {JOBS} HTTP/1.2\r\nHost: localhost\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        f"GET {JOBS} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        f"GET {JOBS} x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        f"GET {JOBS}\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        # Without what is behind the sign this deletes all jobs.
        f"DELETE {JOBS}/#one HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
async def test_a_request_that_could_be_framed_otherwise_is_refused_and_the_connection_closed(
    edge, craft, service, records, request_text
):
    async with edge.connect(craft()) as connection:
        await connection.send((request_text + SMUGGLED).encode("latin-1"))
        status, headers, body = await connection.answer()

        assert await connection.rest() == b""
    assert status == "HTTP/1.1 400 Bad Request"
    assert headers["connection"] == "close"
    refusal = orjson.loads(body)
    assert refusal["code"] == "invalid"
    assert refusal["hint"]
    assert refusal["request_id"] == headers["x-request-id"]
    assert not service.scopes
    assert [record.status for record in records] == [400]


@pytest.mark.parametrize(
    "body",
    [
        "3\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "ffffffffffffffffff\r\n",
        "3\r\nabc\r\n0\r\nX-Toolforge-Tool: other\r\n\r\n",  # a trailer
    ],
)
async def test_a_body_that_could_be_framed_otherwise_closes_the_connection(
    edge, craft, service, body
):
    """The app may have been called already, but gets no body and cannot answer any more."""
    async with edge.connect(craft()) as connection:
        await connection.send(CHUNKED + "\r\n" + body + SMUGGLED)
        status, _, _ = await connection.answer()

        assert await connection.rest() == b""
    assert status == "HTTP/1.1 400 Bad Request"
    assert not any(b"other" in value for scope in service.scopes for _, value in scope["headers"])


async def test_a_flaw_behind_an_answer_that_has_begun_just_closes(edge, craft, service):
    async def begin(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    service.hold = begin

    async with edge.connect(craft()) as connection:
        await connection.send(f"GET {JOBS} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await connection._reader.readuntil(b"begun")
        await connection.send("nonsense\r\n\r\n")

        assert b"HTTP/1.1" not in await connection.rest()


async def test_requests_in_a_row_are_answered_in_their_order(edge, craft):
    async with edge.connect(craft()) as connection:
        await connection.send(
            CHUNKED
            + "\r\n3\r\nabc\r\n0\r\n\r\n"
            + HEAD
            + "Content-Length: 2\r\n\r\nde"
            + f"GET {JOBS}/last HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        answers = [orjson.loads((await connection.answer())[2]) for _ in range(3)]

    assert [answer["size"] for answer in answers] == [3, 2, 0]
    assert answers[2]["path"].endswith("/last")


async def test_the_request_target_may_name_the_server(edge):
    """Everybody has to accept that form; only the path of it counts."""
    async with edge.connect() as connection:
        await connection.send("GET http://elsewhere/ HTTP/1.1\r\nHost: localhost\r\n\r\n")

        assert (await connection.answer())[0].endswith("200 OK")


@pytest.mark.parametrize(
    ("version", "headers", "is_fine"),
    [
        ("1.1", [(b"host", b"a")], True),
        ("1.0", [], True),
        ("1.1", [(b"host", b"a"), (b"transfer-encoding", b" Chunked ")], True),
        ("1.1", [(b"host", b"a"), (b"transfer-encoding", b"")], False),
        ("1.0", [(b"transfer-encoding", b"chunked")], False),
        ("0.9", [(b"host", b"a")], False),
    ],
)
def test_flaws_of_a_head(version, headers, is_fine):
    assert (find_flaw(version, headers) == "") is is_fine


# --- bounds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces",
    [
        [f"GET {JOBS} HTTP/1.1\r\nHost: localhost\r\nA: {'x' * 40_000}\r\n\r\n"],
        [f"GET /{'x' * 40_000} HTTP/1.1\r\nHost: localhost\r\n\r\n"],
        [
            f"GET {JOBS} HTTP/1.1\r\nHost: localhost\r\n",
            *(f"A{n}: {'x' * 900}\r\n" for n in range(40)),
        ],
        [f"GET {JOBS} HTTP/1.1\r\nHost: localhost\r\nA: ", *["x" * 8_000] * 6],  # never ends
    ],
)
async def test_a_head_beyond_the_bound_is_refused(edge, craft, service, pieces):
    async with edge.connect(craft()) as connection:
        for piece in pieces:
            with contextlib.suppress(ConnectionError):  # refused while we still talk
                await connection.send(piece)
        status, _, body = await connection.answer()

        assert await connection.rest() == b""
    assert status == "HTTP/1.1 431 Request Header Fields Too Large"
    assert orjson.loads(body)["hint"]
    assert not service.scopes


async def test_a_head_within_the_bound_passes_in_pieces(edge, craft):
    async with edge.connect(craft()) as connection:
        for _ in range(2):
            await connection.send(f"GET {JOBS} HTTP/1.1\r\nHost: localhost\r\n")
            for number in range(30):
                await connection.send(f"A{number}: {'x' * 900}\r\n")
            await connection.send("\r\n")

            assert (await connection.answer())[0].endswith("200 OK")


async def test_a_body_too_large_is_told_and_the_connection_goes_on(edge, craft):
    async with edge.connect(craft()) as connection:
        await connection.send(HEAD + "Content-Length: 2000\r\n\r\n" + "x" * 2000)
        assert (await connection.answer())[0].startswith("HTTP/1.1 413 ")

        assert (await connection.get(JOBS))[0].endswith("200 OK")


@pytest.mark.parametrize("begun", ["", "GET / HT", "\r\n"])
async def test_a_connection_that_never_asks_is_closed(gateway, records, pki, begun):
    async with (
        serving(gateway, records, pki, head_timeout=0.05) as edge,
        edge.connect() as connection,
    ):
        await connection.send(begun)

        assert await connection.rest() == b""


async def test_a_slow_answer_is_no_silence(gateway, records, pki, craft, service):
    """The bound is on heads: it does not end a connection that waits for its answer."""
    asked = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(scope, receive, send):
        asked.set()
        await go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"late"})

    service.hold = slow
    timeout = 0.05

    async with (
        serving(gateway, records, pki, head_timeout=timeout) as edge,
        edge.connect(craft()) as connection,
    ):
        await connection.send(f"GET {JOBS} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asked.wait()
        asyncio.get_running_loop().call_later(2 * timeout, go_on.set)

        assert b"late" in await connection._reader.readuntil(b"late")


# --- life of the server ---------------------------------------------------------------------------


async def test_a_taken_port_is_said_in_a_sentence():
    taken = listen("127.0.0.1", 0)
    port = taken.getsockname()[1]

    with pytest.raises(Conflict, match=f"port {port} on 127.0.0.1 is taken"):
        listen("127.0.0.1", port)
    taken.close()


def test_an_address_that_is_not_ours_is_said_in_a_sentence():
    with pytest.raises(Unavailable, match=r"cannot listen on 192\.0\.2\.1:0"):
        listen("192.0.2.1", 0)


async def test_a_server_that_cannot_start_says_why(gateway, records):
    listener = listen("127.0.0.1", 0)
    listener.close()
    server = EmbeddedServer(edge_config(gateway, records.append, None), listener)

    with pytest.raises((OSError, ValueError)):
        await server.__aenter__()


async def test_leaving_ends_streams_that_never_end(gateway, records, pki, craft, service):
    async def endless(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await asyncio.Event().wait()

    service.hold = endless

    async with asyncio.timeout(DEADLINE):
        async with serving(gateway, records, pki, grace=0) as edge:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", edge.port, ssl=edge.context(craft())
            )
            writer.write(f"GET {JOBS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            await reader.readuntil(b"begun")
        writer.close()

    assert [record.status for record in records] == [200]


async def test_leaving_ends_a_stream_that_nobody_reads(gateway, records, pki, craft, service):
    async def flood(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})

    service.hold = flood
    context = server_context(pki / "server.crt", pki / "server.key", pki / "tools.crt")
    listener = listen("127.0.0.1", 0)
    edge = Edge(listener.getsockname()[1], pki)
    server = EmbeddedServer(edge_config(gateway, records.append, context, grace=0), listener)
    connections = server._server.server_state.connections

    async with asyncio.timeout(DEADLINE):
        async with server:
            _, writer = await asyncio.open_connection(
                "127.0.0.1", edge.port, ssl=edge.context(craft())
            )
            writer.write(f"GET {JOBS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            while not any(one.flow.write_paused for one in connections):  # noqa: ASYNC110  a flag of uvicorn's
                await asyncio.sleep(0.01)

        assert not connections
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
