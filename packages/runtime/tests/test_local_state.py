import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolforge_common.errors import InvalidRequest, Unavailable
from toolforge_runtime.local import sqlite
from toolforge_runtime.local.sqlite import Database
from toolforge_runtime.local.state import MAX_ROOT, StateFolder
from toolforge_runtime.local.store import LocalStore


def modes(root):
    return {
        str(path.relative_to(root)): f"{path.stat().st_mode & 0o7777:o}"
        for path in (root, *root.iterdir())
        if path.is_dir()
    }


PASSAGE = "711" if os.geteuid() == 0 else "700"
EXPECTED = {
    ".": PASSAGE,
    "db": "700",
    "secrets": "700",
    "pki": "700",
    "run": "700",
    "pods": "700",
    "logs": "700",
    "pki-public": "755",
    "tools": PASSAGE,
}


def test_folders_are_as_closed_as_they_can_be(state):
    assert modes(state.root) == EXPECTED


def test_folders_that_were_opened_are_closed_again(state):
    state.close()
    state.db.chmod(0o777)
    state.root.chmod(0o755)
    StateFolder(state.root).close()

    assert modes(state.root) == EXPECTED


def test_a_second_platform_is_refused_and_told_whose_it_is(state):
    with pytest.raises(Unavailable) as caught:
        StateFolder(state.root)

    assert caught.value.message == (
        f"the state folder {state.root} is in use by the platform with process id {os.getpid()}"
    )


def test_a_closed_folder_can_be_opened_again(state):
    state.close()
    state.close()
    again = StateFolder(state.root)

    with pytest.raises(Unavailable):
        StateFolder(state.root)
    again.close()


def test_a_killed_platform_leaves_the_folder_to_the_next(short):
    code = (
        "import os, sys, pathlib\n"
        "from toolforge_runtime.local.state import StateFolder\n"
        "folder = StateFolder(pathlib.Path(sys.argv[1]))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, short / "state"], check=False, timeout=30)

    StateFolder(short / "state").close()


def test_a_folder_of_a_newer_version_is_refused(state):
    state.close()
    (state.root / "version").write_text("2\n")

    with pytest.raises(InvalidRequest, match=r"has schema version '2', .* up to 1"):
        StateFolder(state.root)
    (state.root / "version").write_text("1\n")
    StateFolder(state.root).close()


def test_a_path_that_is_too_long_for_sockets_is_refused(short):
    too_long = short / ("x" * (MAX_ROOT - len(str(short))))

    with pytest.raises(InvalidRequest, match="too long"):
        StateFolder(too_long)
    assert not too_long.exists()


def test_a_folder_that_cannot_be_made_is_unavailable():
    with pytest.raises(Unavailable, match="cannot be used"):
        StateFolder(Path("/proc/toolforge"))


def test_what_is_something_else_stays_as_it_is(short):
    file, folder = short / "file", short / "folder"
    file.write_text("precious")
    file.chmod(0o644)
    folder.mkdir(mode=0o755)
    (folder / "precious").touch()

    for path in (file, folder):
        before = path.stat().st_mode
        with pytest.raises(InvalidRequest, match="is not a state folder"):
            StateFolder(path)
        assert path.stat().st_mode == before
    assert [path.name for path in folder.iterdir()] == ["precious"]


def test_an_empty_folder_and_a_start_that_was_cut_short_may_become_one(short):
    (short / "half" / "logs").mkdir(parents=True)

    StateFolder(short / "half").close()

    assert (short / "half" / "version").exists()


def test_records_survive(state):
    store = LocalStore(state)
    record = store.create("demo", "job", "a", {"number": 1})
    store.close()
    store = LocalStore(state)

    assert store.get("demo", "job", "a") == record
    store.close()


def test_a_tools_records_are_forgotten_together(state):
    store = LocalStore(state)
    for tool, kind in (("demo", "job"), ("demo", "note"), ("other", "job")):
        store.create(tool, kind, "a", {})
    store.forget_tool("demo")

    assert (store.list("demo", "job"), store.list("demo", "note")) == ([], [])
    assert len(store.list("other", "job")) == 1
    store.close()


def test_what_was_acknowledged_is_on_disk(state):
    database = Database(state.db / "x.sqlite3", "CREATE TABLE x (y)")

    assert database.read("PRAGMA journal_mode") == [("wal",)]
    assert database.read("PRAGMA synchronous") == [(2,)]
    database.close()


def test_a_failed_transaction_leaves_nothing(state):
    database = Database(state.db / "x.sqlite3", "CREATE TABLE x (y)")

    def fail():
        with database.transaction() as connection:
            connection.execute("INSERT INTO x VALUES (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert database.read("SELECT * FROM x") == []
    database.close()


def test_a_database_that_somebody_holds_is_unavailable(state, monkeypatch):
    # Nobody would wait five seconds for this test.
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.01)
    path = state.db / "x.sqlite3"
    ours, theirs = (Database(path, "CREATE TABLE IF NOT EXISTS x (y)") for _ in range(2))
    with (
        theirs.transaction(),
        pytest.raises(Unavailable, match="locked"),
        ours.transaction(),
    ):
        pass

    ours.close()
    theirs.close()
