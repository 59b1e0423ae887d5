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


@pytest.fixture(scope="session")
def copy_repository():
    """Copy what git keeps or would keep of this repository, into a repository of its own."""

    def copy(target):
        subprocess.run(["git", "init", "--quiet", str(target)], check=True)
        # The checkout may be somebody else's.
        git = ["git", "-c", "safe.directory=*", "-C", str(ROOT)]
        command = [*git, "ls-files", "-z", "-co", "--exclude-standard"]
        listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        for name in filter(None, listing.split("\0")):
            if (ROOT / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target / name)
        return target

    return copy


@pytest.fixture
def repository(tmp_path, copy_repository):
    """A copy of this repository."""
    return copy_repository(tmp_path / "repository")
