"""A state folder with a short path, and a console that can be read."""

import io
import tempfile
from pathlib import Path

import pytest

from toolforge_common.cli.console import Console
from toolforge_common.errors import NotFound


@pytest.fixture
def state():
    """Return a state folder that does not exist yet; sockets in it need a short path."""
    with tempfile.TemporaryDirectory(prefix="tf") as folder:
        yield Path(folder, "state")


class Screen:
    """A console and what was written to it."""

    def __init__(self, kind):
        self.stdout = kind()
        self.stderr = kind()
        self.console = Console(self.stdout, self.stderr, {"NO_COLOR": "1"})

    @property
    def data(self):
        return self.stdout.getvalue()

    @property
    def said(self):
        return self.stderr.getvalue()


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def screen():
    return Screen(_Terminal)


@pytest.fixture
def pipe():
    return Screen(io.StringIO)


class FakePlatform:
    """Answers as an admin client does."""

    def __init__(self):
        self.by_name = {}
        self.stopped = []
        self.deleted = []
        self.description = {
            "pid": 4711,
            "phase": "running",
            "version": "0.1.0",
            "gateway_url": "https://127.0.0.1:30003",
            "routes_url": "http://127.0.0.1:30000",
            "started_at": "2026-11-23T12:00:00+00:00",
            "state": "/var/lib/toolforge",
            "runtime": "local",
            "isolation": "sandbox",
            "notes": ["pods have no network"],
            "tools": 2,
            "pods": 3,
        }
        self.error = None

    def status(self):
        if self.error:
            raise self.error
        return self.description

    def tools(self):
        return sorted(self.by_name.values(), key=lambda tool: tool["name"])

    def tool(self, name):
        if name not in self.by_name:
            raise NotFound(f"there is no tool named {name!r}")
        return self.by_name[name]

    def create_tool(self, name):
        self.by_name[name] = {
            "name": name,
            "uid": 52000 + len(self.by_name),
            "home": f"/state/tools/{name}",
            "enabled": True,
            "created_at": "2026-11-23T12:00:00+00:00",
        }
        return self.by_name[name]

    def delete_tool(self, name):
        self.deleted.append(name)

    def stop(self, *, keep_pods):
        self.stopped.append(keep_pods)


@pytest.fixture
def platform():
    return FakePlatform()
