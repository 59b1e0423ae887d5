"""The way of a tool to our commands."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from toolforge_dev import reach


@pytest.fixture
def open_folder():
    """Return a folder that everybody may pass, as pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="tf") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def make(folder, mode):
    folder.mkdir(parents=True)
    folder.chmod(mode)
    return folder


def test_the_environment_and_its_python_are_needed():
    needed = reach.needed_folders()

    assert {Path(sys.prefix), Path(sys.base_prefix)} <= set(needed)
    assert all(path.is_absolute() for path in needed)
    assert any(Path(reach.__file__).is_relative_to(path) for path in needed)


def test_nothing_is_closed_where_everybody_may_pass(open_folder):
    assert reach.closed_folders([make(open_folder / "a", 0o755)]) == []


def test_the_outermost_closed_folder_counts_once(open_folder):
    closed = make(open_folder / "closed", 0o700)
    make(closed / "inner", 0o700)
    paths = [make(closed / "inner" / name, 0o755) for name in "ab"]

    assert reach.closed_folders([*paths, open_folder]) == [closed]


def test_a_folder_that_others_may_not_use_is_found(open_folder):
    readable = make(open_folder / "readable", 0o755)
    closed = make(open_folder / "closed", 0o750)

    assert reach.unreadable_folders([readable, closed]) == [closed]


_SCRIPT = """
import json, os, sys
from pathlib import Path
from toolforge_dev import reach

home, shown, hidden = map(Path, sys.argv[1:])
reach.open_way([shown], [home])
os.setgid(52000)
os.setuid(52000)
(home / "written").write_text("by the tool")
found = {"shown": (shown / "file").read_text(), "hidden": hidden.exists(), "above": home.parent.exists()}
try:
    (shown / "new").write_text("")
except OSError as error:
    found["error"] = error.strerror
print(json.dumps(found))
"""


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has tools with numbers of their own")
def test_a_way_shows_what_is_needed_and_nothing_else(open_folder):
    closed = make(open_folder / "closed", 0o700)
    home, shown, hidden = (make(closed / name, 0o755) for name in ("home", "shown", "hidden"))
    os.chown(home, 52000, 52000)
    (shown / "file").write_text("a program")

    finished = subprocess.run(
        [sys.executable, "-c", _SCRIPT, home, shown, hidden],
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.stderr == ""
    assert json.loads(finished.stdout) == {
        "shown": "a program",
        "hidden": False,
        "above": True,
        "error": "Read-only file system",
    }
    assert (home / "written").stat().st_uid == 52000
    # Everybody else sees what they saw before.
    assert hidden.exists()


def test_a_way_that_is_open_is_left_alone(open_folder, monkeypatch):
    monkeypatch.setattr(reach, "_call", None)  # would fail if the kernel were asked

    reach.open_way([open_folder], [])
