"""Copies of this repository that a test may break."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def root():
    """The folder of this repository."""
    return ROOT


@pytest.fixture
def repository(tmp_path):
    """A copy of what git keeps or would keep of this repository, in a repository of its own."""
    copy = tmp_path / "repository"
    subprocess.run(["git", "init", "--quiet", str(copy)], check=True)
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "-C",
        str(ROOT),
        "ls-files",
        "-z",
        "-co",
        "--exclude-standard",
    ]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy
