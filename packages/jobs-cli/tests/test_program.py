"""The table of commands: it tells the truth, and asking for it costs nothing."""

import http.server
import json
import os
import subprocess
import sys
import threading

import click
import pytest

from toolforge_common.cli import static_help
from toolforge_common.cli.group import build_group
from toolforge_common.testing import FakeService, at_home
from toolforge_jobs_cli import __version__
from toolforge_jobs_cli.main import PROGRAM

# Each of them takes longer to import than the rest of the program.
HEAVY = (
    "requests",
    "urllib3",
    "yaml",
    "importlib.metadata",
    "kubernetes",
    "connexion",
    "cryptography",
    "http.client",
    "email",
    "tabulate",
)


@pytest.mark.parametrize("name", PROGRAM.commands)
def test_every_command_is_there_and_its_line_is_its_own(name):
    group = build_group(PROGRAM)
    context = click.Context(group, info_name="toolforge jobs")

    command = group.get_command(context, name)

    line = PROGRAM.commands[name][1]
    assert command.name == name
    assert command.short_help == line
    assert command.help.splitlines()[0] == line
    assert f"  toolforge jobs {name}" in command.help.partition("Example")[2]


@pytest.mark.parametrize("name", PROGRAM.commands)
def test_every_command_has_help(jobs, name):
    finished = jobs(name, "--help")

    assert finished.exit_code == 0
    assert finished.stdout.startswith(f"Usage: toolforge jobs {name} [OPTIONS]")
    assert max(map(len, finished.stdout.splitlines())) <= 80


def test_static_help_is_what_click_prints(monkeypatch, home):
    monkeypatch.setenv("COLUMNS", "80")
    group = build_group(PROGRAM)
    commands = {name: group.get_command(click.Context(group), name) for name in PROGRAM.commands}
    # A group as everybody makes them: with its commands, and with Click's own ideas about help.
    plain = click.Group(
        "jobs",
        commands,
        params=group.params,
        help=PROGRAM.help,
        context_settings=group.context_settings,
    )
    plain.list_commands = lambda _: list(commands)

    with click.Context(plain, info_name="toolforge jobs", **plain.context_settings) as context:
        expected = plain.get_help(context)

    assert static_help.render(PROGRAM, "toolforge jobs") == expected + "\n"


def test_the_version_is_the_packages(jobs):
    assert jobs("--version").stdout == f"toolforge jobs, version {__version__}\n"


# Files as new as a test's would not be cached otherwise.
SETTLE = "import toolforge_common.config.cache as cache; cache._SETTLING_NANOSECONDS = -1\n"


def imported(arguments, prepare="", **variables) -> set[str]:
    """Return the modules that a run of the program imports, in a process of its own."""
    code = (
        f"import sys\n{prepare}"
        "from toolforge_jobs_cli.main import PROGRAM\n"
        f"assert PROGRAM.run({arguments!r}, 'toolforge jobs') == 0\n"
        "print('imported:', *sys.modules)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={**os.environ, **variables},
    )
    return set(finished.stdout.rpartition("imported: ")[2].split())


def test_asking_for_help_does_not_even_import_click(home):
    modules = imported(["--help"])

    assert modules.isdisjoint({*HEAVY, "click", "json", "ssl", "typing"})


@pytest.fixture
def gateway(wire):
    """A gateway with one job, without TLS."""
    body = json.dumps({"jobs": [wire()], "messages": {}}).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_listing_jobs_imports_nothing_heavy(home, gateway):
    with at_home(home, TOOL_TOOLFORGE_API_URL=gateway):
        cold = imported(["list"], prepare=SETTLE)
        warm = imported(["list"], prepare=SETTLE)

    assert "yaml" in cold
    assert warm.isdisjoint({*HEAVY, "click"})


def test_other_listings_import_nothing_heavy_but_click(home, gateway):
    with at_home(home, TOOL_TOOLFORGE_API_URL=gateway):
        imported(["list", "-o", "json"], prepare=SETTLE)
        warm = imported(["list", "-o", "json"], prepare=SETTLE)

    assert "click" in warm
    assert warm.isdisjoint(HEAVY)


@pytest.mark.parametrize("words", PROGRAM.hot, ids=" ".join)
@pytest.mark.parametrize("names", [["a", "b"], []])
def test_a_hot_line_does_what_the_command_does(jobs, wire, monkeypatch, words, names):
    def finished():
        messages = {"info": ["hello"], "warning": ["careful"]}
        found = [wire(name) for name in names]
        service = FakeService((200, {"jobs": found, "messages": messages}))
        return jobs(*words, service=service, is_terminal=True), service.requests

    hot = finished()
    monkeypatch.setattr(PROGRAM, "hot", {})
    cold = finished()

    assert hot == cold
    assert hot[0].exit_code == 0


@pytest.mark.parametrize("words", PROGRAM.hot, ids=" ".join)
def test_a_hot_line_fails_as_the_command_does(jobs, monkeypatch, words):
    refusal = (403, {"error": ["no"], "code": "forbidden", "hint": "ask"})

    hot = jobs(*words, service=FakeService(refusal))
    monkeypatch.setattr(PROGRAM, "hot", {})

    assert hot == jobs(*words, service=FakeService(refusal))
    assert hot.exit_code == 1
