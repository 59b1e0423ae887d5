import asyncio
import socket

import pytest

from toolforge_common.errors import InvalidRequest, NotFound, Unavailable
from toolforge_runtime.local.routes import serve_routes, tool_of_host


def head(*hosts):
    lines = ["GET / HTTP/1.1", *(f"Host: {host}" for host in hosts), "", ""]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    "host", ["demo.localhost", "demo.local:30000", "DEMO.localhost:80", "demo.localhost."]
)
def test_the_host_names_the_tool(host):
    assert tool_of_host(head(host)) == "demo"


@pytest.mark.parametrize(
    "host", ["localhost", "demo.example.org", "a.b.localhost", "-.local", "", "127.0.0.1:30000"]
)
def test_other_hosts_are_nobodys(host):
    with pytest.raises(NotFound):
        tool_of_host(head(host))


@pytest.mark.parametrize("hosts", [(), ("a.localhost", "b.localhost")])
def test_a_request_has_exactly_one_host(hosts):
    with pytest.raises(InvalidRequest):
        tool_of_host(head(*hosts))


@pytest.fixture
async def echo_pod():
    """A pod that answers each connection with what it was sent, once the sender is done."""

    async def handle(reader, writer):
        writer.write(b"pod got: " + await reader.read())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()
    server.close()
    await server.wait_closed()


async def ask(connect, request):
    server = await serve_routes(connect, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(request)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    server.close()
    await server.wait_closed()
    return answer


async def test_bytes_pass_unchanged_in_both_directions(echo_pod):
    asked = []

    async def connect(tool):
        asked.append(tool)
        pod = socket.create_connection(echo_pod)
        pod.setblocking(False)
        return pod

    request = head("demo.localhost") + b"\x00\xffbody, then a frame of a websocket"

    assert await ask(connect, request) == b"pod got: " + request
    assert asked == ["demo"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("demo publishes nothing"), b"404 Not Found"),
        (Unavailable("no pod of demo is ready"), b"503 Service Unavailable"),
    ],
)
async def test_a_tool_without_a_pod_gets_a_clear_answer(error, status):
    async def connect(tool):
        raise error

    answer = await ask(connect, head("demo.localhost"))

    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.endswith(error.message.encode() + b"\n")


async def test_an_endless_head_is_refused():
    async def connect(tool):
        raise AssertionError("nobody may be asked")

    answer = await ask(connect, b"GET / HTTP/1.1\r\n" + b"x-long: y\r\n" * 3000)

    assert answer.startswith(b"HTTP/1.1 431 ")
