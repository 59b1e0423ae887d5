"""The commands, with a platform that only pretends."""

import datetime
import io
import json
import subprocess
import sys

import pytest

from toolforge_common import testing
from toolforge_common.errors import Forbidden, InvalidRequest, Unavailable
from toolforge_dev.admin_client import NotRunning
from toolforge_dev.commands import down, status, tool
from toolforge_dev.main import PROGRAM

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


def test_nothing_is_deleted_where_nobody_can_confirm(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    finished = testing.run_command(PROGRAM, ["tool", "delete", "demo"])

    assert finished.exit_code == 1
    assert "Hint: toolforge dev tool delete demo --yes" in finished.stderr


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
