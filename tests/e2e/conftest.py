"""A real platform, started by the installed commands, and people who work as tools on it.

Tests say what a person would type. What they leave behind goes with their tool.
"""

import contextlib
import itertools

import pytest
from trial_platform import ToolUser, trial_platform

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def platform():
    """A platform for tests that leave it running."""
    with trial_platform() as started:
        started.up()
        yield started


@pytest.fixture
def own_platform():
    """A platform for one test, which may end it."""
    with trial_platform() as started:
        started.up()
        yield started


@contextlib.contextmanager
def _somebody(platform):
    name = f"trial-{next(_numbers)}"
    platform.dev("tool", "create", name)
    try:
        yield ToolUser(name, platform)
    finally:
        platform.dev("tool", "delete", name, "--yes")


@pytest.fixture
def alice(platform):
    """Somebody who works as a tool of her own."""
    with _somebody(platform) as user:
        yield user


@pytest.fixture
def bob(platform):
    """Somebody who works as another tool."""
    with _somebody(platform) as user:
        yield user


@pytest.fixture
def carol(own_platform):
    """Somebody who works on the platform that the test ends."""
    own_platform.dev("tool", "create", "carol")
    return ToolUser("carol", own_platform)
