"""The scripts of tools/ as modules, and copies of this repository that a test may break."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def _load(name):
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their own module up by name.
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def root():
    """The folder of this repository."""
    return ROOT


@pytest.fixture(scope="session")
def build_wheels():
    """tools/build_wheels.py."""
    return _load("build_wheels")


@pytest.fixture(scope="session")
def check_layout():
    """tools/check_layout.py."""
    return _load("check_layout")


@pytest.fixture(scope="session")
def check_openapi():
    """tools/check_openapi.py."""
    return _load("check_openapi")


@pytest.fixture(scope="session")
def lock():
    """tools/lock.py."""
    return _load("lock")


@pytest.fixture
def repository(tmp_path):
    """A copy of what git keeps or would keep of this repository, in a repository of its own."""
    copy = tmp_path / "repository"
    subprocess.run(["git", "init", "--quiet", str(copy)], check=True)
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy
