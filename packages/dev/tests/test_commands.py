"""The commands, with a platform that only pretends."""

import datetime
import functools
import io
import json
import subprocess
import sys
import time

import pytest

from toolforge_common import testing
from toolforge_common.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unavailable
from toolforge_dev import launch, presence
from toolforge_dev.commands import doctor, down, status, tool, up
from toolforge_dev.main import PROGRAM
from toolforge_dev.presence import NotAnswering, NotRunning
from toolforge_dev.settings import Settings
from toolforge_runtime.local.state import StateFolder

NOT_RUNNING = NotRunning("no platform is running in /s", hint="start it")


@pytest.fixture(autouse=True)
def own_state(monkeypatch, state):
    monkeypatch.setenv("TOOLFORGE_STATE", str(state))
    return state


def test_every_command_of_the_table_is_there_with_its_help():
    for name, (_, line) in PROGRAM.commands.items():
        finished = testing.run_command(PROGRAM, [name, "--help"])

        assert finished.exit_code == 0
        assert finished.stdout.startswith(f"Usage: toolforge dev {name}")
        assert (
            line.rstrip(".").split(",")[0] in finished.stdout.replace("\n  ", " ") or name == "up"
        )


def test_no_command_imports_what_only_the_platform_needs():
    script = (
        "import sys, toolforge_dev.main as m\n"
        "code = m.main(['status'], 'toolforge dev')\n"
        "heavy = {'connexion', 'flask', 'cryptography', 'uvicorn', 'structlog', 'asyncio'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or code)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert finished.stderr == ""
    assert finished.returncode == status.NOT_RUNNING


def test_the_status_of_no_platform_is_told_by_the_exit_code_too(platform, screen):
    platform.error = NOT_RUNNING

    assert status.show(platform, screen.console, "table") == 3
    assert screen.data == "No platform is running in /s.\n"
    assert screen.said == "Hint: start it\n"


def test_programs_learn_that_no_platform_is_running(platform, pipe):
    platform.error = NOT_RUNNING

    assert status.show(platform, pipe.console, "json") == 3
    assert json.loads(pipe.data) == {"running": False}


def test_the_status_is_printed_for_people_and_for_programs(platform, pipe, screen):
    assert status.show(platform, screen.console, "table") == 0
    assert status.show(platform, pipe.console, "json") == 0

    assert screen.data.startswith("State:         running\n")
    assert json.loads(pipe.data) == {"running": True, **platform.description}


def test_a_platform_of_somebody_else_is_an_error(platform, pipe):
    platform.error = Forbidden("the platform belongs to another user")

    with pytest.raises(Forbidden):
        status.show(platform, pipe.console, "json")


def test_a_new_tool_comes_with_what_to_type_next(platform, screen):
    tool.create_tool(platform, screen.console, "demo")

    assert screen.data == "The tool demo is there; its home is /state/tools/demo.\n"
    assert "toolforge dev shell demo" in screen.said


def test_a_name_that_no_tool_can_have_never_reaches_the_platform(platform, pipe):
    with pytest.raises(InvalidRequest):
        tool.create_tool(platform, pipe.console, "Demo/..")

    assert platform.by_name == {}


def test_tools_are_listed(platform, pipe, screen):
    for name in ("demo", "other"):
        platform.create_tool(name)

    tool.print_tools(platform, screen.console, "table")
    tool.print_tools(platform, pipe.console, "json")

    assert [line.split()[0] for line in screen.data.splitlines()[2:]] == ["demo", "other"]
    assert [listed["name"] for listed in json.loads(pipe.data)] == ["demo", "other"]


def test_no_tools_are_said_beside_the_data(platform, pipe):
    tool.print_tools(platform, pipe.console, "table")

    assert pipe.data == ""
    assert "toolforge dev tool create" in pipe.said


def test_nothing_is_deleted_where_nobody_can_confirm(monkeypatch, platform, pipe):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    platform.create_tool("demo")

    with pytest.raises(InvalidRequest, match="nobody is here to confirm") as raised:
        tool.delete_tool(platform, pipe.console, "demo", yes=False)

    assert raised.value.hint == "toolforge dev tool delete demo --yes"
    assert platform.deleted == []


def test_nobody_is_asked_to_confirm_the_end_of_what_is_not_there(monkeypatch, platform, pipe):
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    with pytest.raises(NotFound, match="there is no tool named 'nosuch'"):
        tool.delete_tool(platform, pipe.console, "nosuch", yes=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["tool", "list"],
        ["tool", "create", "demo"],
        ["tool", "delete", "demo", "--yes"],
        ["shell", "demo"],
        ["shell", "demo", "--", "true"],
    ],
)
def test_what_needs_a_platform_says_how_to_start_it(arguments, state):
    finished = testing.run_command(PROGRAM, arguments)

    assert finished.exit_code == 1
    assert finished.stderr == (
        f"Error: no platform is running in {state}\nHint: start it with `toolforge dev up`\n"
    )


def test_stopping_what_does_not_run_is_no_error(platform, pipe):
    platform.error = NOT_RUNNING

    down.stop(platform, pipe.console, keep_pods=False)

    assert pipe.data == "No platform is running.\n"


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.stdin.close()
    process.wait()


@pytest.mark.parametrize("keep_pods", [True, False])
def test_stopping_waits_for_the_process(platform, pipe, sleeper, keep_pods):
    platform.description["pid"] = sleeper.pid

    def stop(*, keep_pods):
        platform.stopped.append(keep_pods)
        sleeper.stdin.close()

    platform.stop = stop

    down.stop(platform, pipe.console, keep_pods=keep_pods, timeout=30)

    assert platform.stopped == [keep_pods]
    assert pipe.data == "The platform has stopped.\n"
    assert sleeper.wait() is not None


def test_a_platform_that_does_not_end_is_told(platform, pipe, sleeper):
    platform.description["pid"] = sleeper.pid

    with pytest.raises(Unavailable, match=f"process {sleeper.pid}, has not ended"):
        down.stop(platform, pipe.console, keep_pods=False, timeout=0)


def test_the_clock_of_the_status_is_aware(platform, pipe):
    platform.description["started_at"] = datetime.datetime.now(datetime.UTC).isoformat()

    status.show(platform, pipe.console, "table")

    assert "Up for:        0s" in pipe.data or "Up for:        1s" in pipe.data


# --- a platform that comes or goes ----------------------------------------------------------------

SILENT = NotAnswering("the platform in /s, process 4711, is starting or stopping", hint="wait")


class Changing:
    """Answers a status from a list, one after the other; the last one again and again."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.stopped = []

    def status(self):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self, *, keep_pods):
        self.stopped.append(keep_pods)


def test_a_platform_that_stops_is_shown_as_such(platform, pipe, screen):
    description = {"phase": "stopping"} | {
        name: platform.description[name]
        for name in ("pid", "version", "gateway_url", "routes_url", "started_at", "state")
    }

    assert status.show(Changing(description), screen.console, "table") == 4
    assert status.show(Changing(description), pipe.console, "json") == 4

    assert screen.data.startswith("State:         stopping\n")
    assert json.loads(pipe.data) == {"running": False, **description}


def test_a_platform_that_does_not_answer_is_not_denied(pipe, screen):
    assert status.show(Changing(SILENT), screen.console, "table") == 4
    assert status.show(Changing(SILENT), pipe.console, "json") == 4

    assert screen.data == "The platform in /s, process 4711, is starting or stopping.\n"
    assert json.loads(pipe.data) == {"running": False, "phase": "starting or stopping"}


def test_stopping_again_waits_for_the_end_and_orders_nothing(pipe, sleeper):
    client = Changing({"pid": sleeper.pid, "phase": "stopping"})

    with pytest.raises(Unavailable, match="has not ended"):
        down.stop(client, pipe.console, keep_pods=False, timeout=0)
    sleeper.stdin.close()
    down.stop(client, pipe.console, keep_pods=False, timeout=30)

    assert client.stopped == []
    assert pipe.data == "The platform has stopped.\n"


def test_stopping_waits_for_a_platform_that_does_not_answer(pipe, sleeper):
    client = Changing(SILENT, {"pid": sleeper.pid, "phase": "running"})
    sleeper.stdin.close()

    down.stop(client, pipe.console, keep_pods=True, timeout=30)

    assert client.stopped == [True]
    with pytest.raises(NotAnswering):
        down.stop(Changing(SILENT), pipe.console, keep_pods=True, timeout=0)


@pytest.mark.parametrize("in_between", [SILENT, {"pid": 1, "phase": "stopping"}])
def test_a_start_waits_until_the_other_platform_is_settled(in_between):
    waits = []
    on_wait = functools.partial(waits.append, "waiting")
    running = {"pid": 2, "phase": "running"}
    later = time.monotonic() + 30

    assert presence.await_settled(Changing(in_between, running), later, on_wait) == running
    assert presence.await_settled(Changing(in_between, NOT_RUNNING), later, on_wait) is None
    assert waits == ["waiting", "waiting"]
    with pytest.raises(Conflict, match="stopping"):
        presence.await_settled(Changing(in_between), 0, on_wait)


def test_who_loses_a_race_of_starts_finds_the_winner(monkeypatch, state, pipe):
    """The winner has the folder when the loser's start fails, and answers later."""
    folder = StateFolder(state)
    client = Changing(NOT_RUNNING, SILENT, {"phase": "running", "gateway_url": "https://winner"})
    monkeypatch.setattr(up, "AdminClient", lambda _places: client)

    def lose(_settings):
        raise Unavailable("in use")

    monkeypatch.setattr(launch, "start", lose)

    up.start(Settings(state, 0, 0), pipe.console, foreground=False)

    assert pipe.data == "The platform is running already: https://winner\n"
    folder.close()
    client.answers = [NOT_RUNNING]
    with pytest.raises(Unavailable, match="in use"):
        up.start(Settings(state, 0, 0), pipe.console, foreground=False)


def test_two_listeners_cannot_have_one_port():
    finished = testing.run_command(PROGRAM, ["up", "--port", "31003", "--routes-port", "31003"])

    assert finished.exit_code == 1
    assert finished.stderr.startswith(
        "Error: the gateway and the web traffic cannot both have port 31003\nHint: "
    )


@pytest.mark.parametrize("folder", ["/proc/nope", "/etc/passwd"])
def test_a_state_folder_that_cannot_be_is_said_in_a_sentence(monkeypatch, folder):
    monkeypatch.setenv("TOOLFORGE_STATE", folder)

    finished = testing.run_command(PROGRAM, ["up", "--port", "0", "--routes-port", "0"])

    assert finished.exit_code == 1
    assert finished.stderr.startswith(f"Error: the state folder {folder} cannot be used: ")
    assert "TOOLFORGE_STATE" in finished.stderr
    assert "report" not in finished.stderr


def test_the_doctor_tells_of_a_platform_that_does_not_answer(state):
    folder = StateFolder(state)

    found = doctor.diagnose(state)

    folder.close()
    assert (found[0].name, found[0].level) == ("platform", "warn")
    assert "is starting or stopping" in found[0].text
    assert "runtime" not in [check.name for check in found]
