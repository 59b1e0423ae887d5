"""The admin socket: both ends, over a real socket, with a platform that only pretends."""

import asyncio
import contextlib
import json
import os
import socket

import pytest
from structlog.testing import capture_logs

from toolforge_common.cli.transport import Request
from toolforge_common.errors import Conflict, Forbidden, NotFound, Unavailable
from toolforge_dev.admin import AdminApp
from toolforge_dev.admin_client import AdminClient, UnixTransport
from toolforge_dev.presence import NotAnswering, NotRunning
from toolforge_dev.settings import Places
from toolforge_gateway.server import EmbeddedServer, edge_config
from toolforge_runtime.local.state import StateFolder


class Control:
    """Remembers what it was told."""

    def __init__(self):
        self.told = []

    def status(self):
        return {"pid": 4711}

    def tools(self):
        return [{"name": "demo"}]

    def tool(self, name):
        if name != "demo":
            raise NotFound(f"there is no tool named {name!r}", hint="toolforge dev tool list")
        return {"name": name}

    def create_tool(self, name):
        if name == "demo":
            raise Conflict("there is a tool named 'demo' already")
        return {"name": name}

    def delete_tool(self, name):
        self.told.append(("delete", name))

    def stop(self, *, keep_pods):
        self.told.append(("stop", keep_pods))


@pytest.fixture
def control():
    return Control()


@pytest.fixture
def places(state):
    (state / "run").mkdir(parents=True)
    return Places(state)


@pytest.fixture
async def client(control, places):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(places.admin_socket))
    config = edge_config(AdminApp(control), lambda record: None, tls=None)
    async with EmbeddedServer(config, listener):
        yield AdminClient(places)


async def test_the_client_asks_what_the_platform_answers(client, control):
    def talk():
        assert client.status() == {"pid": 4711, "phase": "running"}
        assert client.tools() == [{"name": "demo"}]
        assert client.tool("demo") == {"name": "demo"}
        assert client.create_tool("other") == {"name": "other"}
        client.delete_tool("demo")
        client.stop(keep_pods=True)
        client.stop(keep_pods=False)

    await asyncio.to_thread(talk)

    assert control.told == [("delete", "demo"), ("stop", True), ("stop", False)]


@pytest.mark.parametrize(
    ("method", "name", "error"), [("tool", "gone", NotFound), ("create_tool", "demo", Conflict)]
)
async def test_errors_arrive_as_they_were_raised(client, method, name, error):
    with pytest.raises(error, match=name) as raised:
        await asyncio.to_thread(getattr(client, method), name)

    assert raised.value.hint


@pytest.mark.parametrize(
    ("order", "body", "status"),
    [
        ("GET /nosuch", None, 404),
        ("DELETE /status", None, 404),
        ("GET /tools/a/b", None, 404),
        ("POST /tools", b"{", 400),
        ("POST /tools", b"[]", 400),
        ("POST /tools", b"{}", 400),
        ("POST /tools", b'{"name": 1}', 400),
        ("POST /tools", b"x" * 70_000, 400),
    ],
)
async def test_what_the_platform_does_not_understand_is_refused(
    client, control, order, body, status
):
    transport = client._api._transport

    response = await asyncio.to_thread(transport, Request(*order.split(), {}, body))

    assert response.status == status
    assert json.loads(response.read())["title"]
    assert control.told == []


async def test_a_defect_is_logged_and_told_without_details(client, control):
    def break_down():
        raise ValueError("a secret detail")

    control.status = break_down

    with capture_logs() as logs, pytest.raises(Unavailable, match="went wrong") as raised:
        await asyncio.to_thread(client.status)

    assert "secret" not in str(raised.value)
    assert [(entry["event"], entry["path"]) for entry in logs] == [("order_failed", "/status")]


def test_without_a_platform_there_is_nobody_to_ask(places):
    with pytest.raises(NotRunning, match="no platform is running in") as raised:
        AdminClient(places).status()

    assert raised.value.hint == "start it with `toolforge dev up`"


def test_a_socket_that_was_left_behind_is_nobody_either(places):
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(places.admin_socket))

    with pytest.raises(NotRunning):
        AdminClient(places).status()


def test_a_platform_that_has_the_folder_but_does_not_listen_is_not_denied(state):
    folder = StateFolder(state)

    with pytest.raises(NotAnswering, match=f"process {os.getpid()}, is starting or stopping"):
        AdminClient(Places(state)).status()
    folder.close()
    with pytest.raises(NotRunning):
        AdminClient(Places(state)).status()


def test_a_platform_of_another_user_is_said_to_be_one(places, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    # Tests may run as root, whom no folder keeps out.
    monkeypatch.setattr(socket.socket, "connect", refuse)

    with pytest.raises(Forbidden, match="belongs to another user"):
        AdminClient(places).status()


@contextlib.contextmanager
def answering(places, answer):
    """Serve one connection with these bytes."""
    import threading

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(places.admin_socket))
        listener.listen()
        listener.settimeout(10)

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            thread.join()


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", b"nonsense\r\n\r\n"]
)
def test_an_answer_that_breaks_off_is_told(places, answer):
    with answering(places, answer), pytest.raises(Unavailable, match="in the middle of its answer"):
        UnixTransport(places.admin_socket)(Request("POST", "/stop", {}))
