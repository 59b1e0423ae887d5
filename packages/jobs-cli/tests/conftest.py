import pytest

from toolforge_common.testing import at_home, make_home, run_command
from toolforge_jobs_cli.main import PROGRAM


@pytest.fixture
def home(tmp_path):
    """Work as the tool `demo`."""
    with at_home(make_home(tmp_path, "demo"), TOOLFORGE_CLI="1"):
        yield tmp_path


@pytest.fixture
def jobs(home):
    """Run `toolforge jobs` as the tool `demo`, with a service in the gateway's place."""

    def run(*arguments, service=None, is_terminal=False):
        return run_command(PROGRAM, arguments, service, is_terminal=is_terminal)

    return run


@pytest.fixture
def wire():
    """Make a job as the service describes it."""

    def make(name="hello", **changes):
        return {
            "name": name,
            "job_type": "one-off",
            "cmd": "./hello.py",
            "image": "python3.11",
            "imagename": "python3.11",
            "image_state": "stable",
            "filelog": False,
            "filelog_stdout": None,
            "filelog_stderr": None,
            "retry": 0,
            "emails": "none",
            "mount": "all",
            "memory": "0.5Gi",
            "cpu": "0.1",
            "status_short": "Running for 5s",
            "status_long": "text",
            "status": {"short": "running", "duration": "5s", "up_to_date": True, "messages": []},
            "new": "a field that came later",
            **changes,
        }

    return make
