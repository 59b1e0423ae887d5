import socket

import pytest

from toolforge_common import __version__
from toolforge_common.cli.console import Messages
from toolforge_common.cli.program import Program
from toolforge_common.cli.runner import new_session
from toolforge_common.cli.session import open_gateway
from toolforge_common.config.account import CertificateFiles
from toolforge_common.config.client import Config, GatewaySettings
from toolforge_common.errors import NotAuthenticated
from toolforge_common.testing import FakeService, Terminal, at_home, captured, make_home

PROGRAM = Program(name="things", version="1", help="Help.", commands={})


@pytest.fixture
def home(tmp_path):
    with at_home(make_home(tmp_path, "demo")):
        yield tmp_path


def api_of(session):
    return session.api(session.config("things", GatewaySettings), "things", timeout=5)


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
    with at_home(tmp_path):
        session = new_session(PROGRAM)

        with pytest.raises(NotAuthenticated, match="there is no kubeconfig at"):
            _ = session.account


def test_a_client_introduces_itself_and_its_tool(home):
    service = FakeService((200, {}))
    session = new_session(PROGRAM, lambda *_: service)

    api_of(session).get("/x")

    assert service.requests[0].headers["User-Agent"] == (
        f"tool-demo@{socket.gethostname()}:things-cli toolforge-common/{__version__}"
    )
    assert service.requests[0].timeout == 5


def test_the_transport_is_opened_as_configured(home):
    opened = []
    session = new_session(PROGRAM, lambda *found: opened.append(found))

    with at_home(home, TOOL_TOOLFORGE_API_URL="https://127.0.0.1:1"):
        api_of(session)

    [(gateway, account, service)] = opened
    assert gateway == GatewaySettings(url="https://127.0.0.1:1", ca_file="")
    assert (account.tool, service) == ("demo", "things")
    assert open_gateway(*opened[0]) is not None


def written(transport, **switches) -> tuple[str, str]:
    """Return what a request makes a session write."""
    with captured(Terminal(), Terminal()) as (stdout, stderr):
        session = new_session(PROGRAM, lambda *_: transport)
        session.switch_on(**{"verbose": False, "debug": False, **switches})
        api_of(session).get("/x")
    return stdout.getvalue(), stderr.getvalue()


def test_messages_are_shown_to_people(home):
    service = FakeService((200, {"messages": {"info": ["hi"]}}))

    assert written(service) == ("\x1b[34mhi\x1b[0m\n", "")


@pytest.mark.parametrize(
    ("messages", "text"),
    [(Messages(info=("hi",)), ""), (Messages(info=("hi",), come_with_refusal=True), "hi\n")],
)
def test_nothing_but_a_refusal_gets_between_a_machine_and_its_data(home, messages, text):
    with captured(Terminal(), Terminal()) as (stdout, _), at_home(home, NO_COLOR="1"):
        session = new_session(PROGRAM)
        session.prints_for_machines = True
        session._show(messages)

    assert stdout.getvalue() == text


@pytest.mark.parametrize(
    ("switches", "is_traced"),
    [
        ({}, False),
        ({"verbose": True}, True),
        ({"debug": True}, True),
    ],
)
def test_requests_are_traced_if_asked_for(home, switches, is_traced):
    _, stderr = written(FakeService((200, {})), **switches)

    assert stderr.startswith("DEBUG: GET /x: 200 in ") is is_traced


def test_the_dispatcher_switches_tracing_on_by_variables(home):
    with at_home(home, TOOLFORGE_VERBOSE="1"):
        session = new_session(PROGRAM)

    assert (session.verbose, session.debug) == (True, False)


def test_the_configuration_has_the_section_of_the_program(home):
    (home / ".toolforge.yaml").write_text("things: {url: https://things}\n")

    config = new_session(PROGRAM).config("things", GatewaySettings)

    assert isinstance(config, Config)
    assert new_session(PROGRAM).account.credentials == CertificateFiles(
        str(home / "client.crt"), str(home / "client.key")
    )
