"""Ending what is left of a pod that nobody keeps."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from toolforge_runtime.local import podprocess


@pytest.fixture
def left_over(tmp_path):
    """A process that bears the name of the pod's bubblewrap."""
    command = [podprocess.name_of(str(tmp_path)), "60"]
    with subprocess.Popen(command, executable="/bin/sleep") as process:
        # The kernel lets the parent go on a moment before the new command line can be read.
        deadline = time.monotonic() + 30
        while not Path(f"/proc/{process.pid}/cmdline").read_bytes():
            assert time.monotonic() < deadline
        yield process
        process.kill()


def test_what_is_left_has_ended_when_it_returns(tmp_path, left_over):
    podprocess.kill_leftovers(str(tmp_path))

    # Without waiting: it is there to be reaped by now.
    assert os.waitid(os.P_PID, left_over.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def test_others_are_left_alone(tmp_path, left_over):
    podprocess.kill_leftovers(str(tmp_path / "another"))

    assert left_over.poll() is None


def test_nothing_left_is_fine(tmp_path):
    podprocess.kill_leftovers(str(tmp_path))
