"""Starting a platform and waiting for its word, with small programs in its place."""

import json
import os
import signal
import sys

import pytest

from toolforge_common.errors import Conflict, InvalidRequest, Unavailable
from toolforge_dev import launch
from toolforge_dev.settings import Settings


@pytest.fixture
def started(monkeypatch):
    """Return the processes that were started; waits for their end."""
    processes = []
    spawn = launch._spawn

    def remember(*arguments):
        processes.append(spawn(*arguments))
        return processes[-1]

    monkeypatch.setattr(launch, "_spawn", remember)
    yield processes
    for process in processes:
        process.wait()


@pytest.fixture
def program(monkeypatch, state, started):
    """Return a function that starts this Python code as if it were the platform."""

    def start(code, **options):
        def command(settings):
            return [sys.executable, "-c", code, settings.to_argument()]

        monkeypatch.setattr(launch, "command", command)
        return launch.start(Settings(state), **options)

    return start


READY = """
import json, os, sys
settings = json.loads(sys.argv[1])
os.write(settings["ready"], json.dumps({"ready": {"session": os.getsid(0), "pid": os.getpid()}}).encode() + b"\\n")
"""
REFUSING = """
import os, json, sys
message = {"code": "conflict", "message": "port 1 is taken", "hint": "choose another"}
os.write(json.loads(sys.argv[1])["ready"], json.dumps(message).encode() + b"\\n")
"""


def test_a_platform_that_is_ready_describes_itself(program):
    described = program(READY)

    assert described["session"] == described["pid"]
    assert described["session"] != os.getsid(0)


def test_what_kept_it_from_starting_is_raised_here(program):
    with pytest.raises(Conflict, match="port 1 is taken"):
        program(REFUSING)


def test_a_platform_that_dies_leaves_its_last_words(program, state):
    with pytest.raises(Unavailable, match="exit code 3: no, thanks") as raised:
        program("import sys; print('no, thanks', file=sys.stderr); sys.exit(3)")

    assert str(state / "logs" / "platform.err") in raised.value.hint


def test_a_platform_that_dies_silently_is_told_as_well(program):
    with pytest.raises(Unavailable, match=r"with exit code 0$"):
        program("")


def test_a_platform_that_says_nothing_is_stopped(program, started):
    with pytest.raises(Unavailable, match="did not answer in time"):
        program("import signal; signal.pause()", timeout=0)

    assert started[0].returncode == -signal.SIGKILL


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(InvalidRequest, match="cannot be used: Not a directory") as raised:
        launch.start(Settings(tmp_path / "file" / "state"))

    assert "TOOLFORGE_STATE" in raised.value.hint


def test_the_command_is_this_python_with_the_settings(state):
    argv = launch.command(Settings(state, 1, 2, 3))

    assert argv[:3] == [sys.executable, "-m", "toolforge_dev.platform"]
    assert json.loads(argv[3]) == {"state": str(state), "port": 1, "routes_port": 2, "ready": 3}
