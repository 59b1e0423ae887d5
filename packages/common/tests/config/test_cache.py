"""The cache of the configuration: quick when nothing changed, and never wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolforge_common.config import cache
from toolforge_common.config.account import load_account
from toolforge_common.testing import at_home, make_home


@pytest.fixture
def home(tmp_path, monkeypatch):
    # Files of a test are always new; otherwise nothing would be cached.
    monkeypatch.setattr(cache, "_SETTLING_NANOSECONDS", -1)
    with at_home(tmp_path):
        yield tmp_path


@pytest.fixture
def source(home):
    file = home / "source"
    file.write_text("one")
    return file


@pytest.fixture
def entry(home):
    return home / ".cache" / "toolforge" / "test.json"


class Reader:
    """Reads a file through the cache and counts how often it was really read."""

    def __init__(self, *files):
        self.files = [str(file) for file in files]
        self.reads = 0

    def read(self):
        self.reads += 1
        found = [Path(file) for file in self.files]
        return {"text": [file.read_text() for file in found if file.exists()]}

    def __call__(self, build=lambda document: document["text"]):
        return cache.cached("test", self.files, self.read, build)


def test_what_did_not_change_is_read_once(source):
    reader = Reader(source)

    assert [reader(), reader(), reader()] == [["one"]] * 3
    assert reader.reads == 1


def test_a_file_that_changes_is_read_again(source):
    reader = Reader(source)
    reader()
    source.write_text("two!")

    assert reader() == ["two!"]


def test_a_file_that_keeps_size_and_time_but_changes_is_read_again(source):
    reader = Reader(source)
    reader()
    before = source.stat()
    source.write_text("two")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert reader() == ["two"]


def test_a_file_that_is_replaced_is_read_again(source, home):
    reader = Reader(source)
    reader()
    (home / "new").write_text("new")
    (home / "new").rename(source)

    assert reader() == ["new"]


def test_files_that_appear_and_vanish_count(source, home):
    late = home / "late"
    reader = Reader(source, late)

    without = reader()
    late.write_text("late")
    both = reader()
    source.unlink()
    late_alone = reader()

    assert (without, both, late_alone) == (["one"], ["one", "late"], ["late"])


def test_another_set_of_files_is_another_answer(source, home):
    (home / "other").write_text("other")

    assert (Reader(source)(), Reader(home / "other")()) == (["one"], ["other"])


def test_a_file_just_written_is_not_cached(source, entry, monkeypatch):
    monkeypatch.setattr(cache, "_SETTLING_NANOSECONDS", 3600 * 10**9)

    Reader(source)()

    assert not entry.exists()


def test_an_entry_is_its_owners_alone(source, entry):
    Reader(source)()

    assert entry.stat().st_mode & 0o777 == 0o600
    assert entry.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in entry.parent.iterdir()] == ["test.json"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: entry.write_text(""),
        lambda entry: entry.write_text("{"),
        lambda entry: entry.write_bytes(b"\xff\xfe"),
        lambda entry: entry.write_text("[]"),
        lambda entry: entry.write_text('{"version": 1}'),
        lambda entry: entry.chmod(0o644),
        lambda entry: (entry.unlink(), entry.mkdir()),
        lambda entry: (entry.rename(entry.with_name("moved")), entry.symlink_to("moved")),
    ],
    ids=["empty", "cut", "binary", "list", "thin", "open to all", "folder", "link"],
)
def test_a_damaged_entry_is_not_believed(source, entry, damage):
    reader = Reader(source)
    reader()
    damage(entry)

    assert reader() == ["one"]
    assert reader.reads == 2


@pytest.mark.parametrize("document", [{}, [], None, "x", {"other": 1}])
def test_an_entry_that_makes_no_sense_is_not_believed(source, entry, document):
    reader = Reader(source)
    reader()
    entry.write_text(json.dumps({**json.loads(entry.read_text()), "document": document}))

    assert reader() == ["one"]
    assert reader.reads == 2


def test_an_entry_of_another_version_is_not_believed(source, entry):
    reader = Reader(source)
    reader()
    entry.write_text(json.dumps({**json.loads(entry.read_text()), "version": "0.0.1"}))

    reader()

    assert reader.reads == 2


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_a_place_that_cannot_be_written_costs_time_only(source, home, variable):
    blocked = home / "file"
    blocked.write_text("not a folder")
    reader = Reader(source)

    with at_home(home, **{variable: str(blocked)}):
        assert [reader(), reader()] == [["one"]] * 2

    assert reader.reads == 2


def test_the_place_may_be_elsewhere(source, home):
    with at_home(home, XDG_CACHE_HOME=str(home / "xdg")):
        Reader(source)()

    assert (home / "xdg" / "toolforge" / "test.json").exists()


@pytest.mark.parametrize("place", [".cache", ".cache/toolforge"])
def test_a_link_is_never_followed(source, home, place):
    target = home / "target"
    target.mkdir()
    link = home / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(target)

    Reader(source)()

    assert list(target.iterdir()) == []


def test_nothing_is_left_in_a_folder_of_somebody_else(source, home, monkeypatch):
    # Giving folders away needs root; pretending to be somebody else does not.
    monkeypatch.setattr(os, "geteuid", lambda: 4242)

    Reader(source)()

    assert not (home / ".cache").exists()


def test_errors_of_reading_pass_through_and_are_not_remembered(source, entry):
    def fail():
        raise KeyError("broken")

    with pytest.raises(KeyError):
        cache.cached("test", [str(source)], fail, dict)

    assert not entry.exists()


@pytest.mark.parametrize(
    "user",
    [
        {"token": "SECRET"},
        {
            "client-certificate-data": "-----BEGIN SECRET",
            "client-key-data": "-----BEGIN SECRET KEY",
        },
    ],
)
def test_secrets_are_read_from_their_file_each_time(home, user):
    make_home(home)
    kubeconfig = home / ".kube" / "config"
    content = json.loads(kubeconfig.read_text())
    content["users"][0]["user"] = user
    kubeconfig.write_text(json.dumps(content))

    first, second = load_account(), load_account()

    assert first == second
    kept = (home / ".cache" / "toolforge" / "account.json").read_text()
    assert "tool-demo" in kept
    assert "SECRET" not in kept


def test_a_warm_cache_needs_no_parser(home):
    make_home(home)
    load_account()
    code = (
        "import sys\n"
        "from toolforge_common.config.account import load_account\n"
        "print(load_account().tool, 'yaml' in sys.modules)"
    )

    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )

    assert finished.stdout == "demo False\n"
