import pytest

from toolforge_common.testing import at_home, make_home, run_command
from toolforge_sample_cli.main import PROGRAM


@pytest.fixture
def home(tmp_path):
    """Work as the tool `demo`."""
    with at_home(make_home(tmp_path, "demo"), TOOLFORGE_CLI="1"):
        yield tmp_path


@pytest.fixture
def sample(home):
    """Run `toolforge sample` as the tool `demo`, with a service in the gateway's place."""

    def run(*arguments, service=None, is_terminal=False):
        return run_command(PROGRAM, arguments, service, is_terminal=is_terminal)

    return run


@pytest.fixture
def wire():
    """Make an item as the service describes it."""

    def make(name="first", **changes):
        return {"name": name, "value": "1", "new": "a field that came later", **changes}

    return make
