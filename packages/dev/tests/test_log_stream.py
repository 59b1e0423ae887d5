"""A log that makes nobody wait and stays within its bound."""

import json
import threading

import pytest

from toolforge_dev.log_stream import LogStream


@pytest.fixture
def path(tmp_path):
    return tmp_path / "platform.log"


def lines(path):
    return path.read_text().splitlines()


def test_lines_are_appended_to_what_is_there(path):
    path.write_text("before\n")

    with LogStream(path) as stream:
        stream.write("one\n")
        stream.write("two\n")

    assert lines(path) == ["before", "one", "two"]


def test_only_the_owner_reads_the_log(path):
    LogStream(path).close()

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_log_is_put_aside_and_the_oldest_is_forgotten(path):
    with LogStream(path, max_size=20, kept=2) as stream:
        for number in range(8):
            stream.write(f"line {number}\n" * 2)

    assert lines(path) == ["line 7"] * 2
    assert lines(path.with_name("platform.log.1")) == ["line 6"] * 2
    assert lines(path.with_name("platform.log.2")) == ["line 5"] * 2
    assert not path.with_name("platform.log.3").exists()


def test_a_log_that_was_full_before_is_put_aside(path):
    path.write_text("x" * 100 + "\n")

    with LogStream(path, max_size=50) as stream:
        stream.write("new\n")

    assert lines(path) == ["new"]


class _Stuck(LogStream):
    """A log whose disk does not answer for a while."""

    def __init__(self, *arguments, **options):
        self.go_on = threading.Event()
        self.is_stuck = threading.Event()
        super().__init__(*arguments, **options)

    def _store(self, data):
        self.is_stuck.set()
        self.go_on.wait()
        super()._store(data)


def test_what_a_stuck_disk_cannot_take_is_dropped_and_counted(path):
    stream = _Stuck(path, waiting=2)
    stream.write("taken\n")
    stream.is_stuck.wait()
    for number in range(5):
        stream.write(f"line {number}\n")
    stream.go_on.set()
    stream.close()

    first, note, *rest = lines(path)
    assert first == "taken"
    assert json.loads(note) == {"event": "log_lines_dropped", "level": "warning", "count": 3}
    assert rest == ["line 0", "line 1"]


class _Full(LogStream):
    """A log whose disk is full for the first writes."""

    def __init__(self, *arguments, refusals):
        self._refusals = refusals
        super().__init__(*arguments)

    def _store(self, data):
        if self._refusals:
            self._refusals -= 1
            raise OSError(28, "No space left on device")
        super()._store(data)


def test_what_a_full_disk_refuses_is_counted_once_it_takes_lines_again(path):
    with _Full(path, refusals=2) as stream:
        for number in range(3):
            stream.write(f"line {number}\n")

    note, last = lines(path)
    assert json.loads(note)["count"] == 2
    assert last == "line 2"


def test_a_log_is_closed_once(path):
    stream = LogStream(path)
    assert stream.writable()

    stream.close()
    stream.close()

    assert stream.closed
