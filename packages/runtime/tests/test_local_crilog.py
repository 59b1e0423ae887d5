import errno
import os
import re
import time

import pytest

from toolforge_runtime.local import crilog
from toolforge_runtime.local.crilog import LINE_SIZE, LogWriter

LINE = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) (.*)")


@pytest.fixture
def writer(tmp_path):
    return LogWriter(str(tmp_path))


def parts(folder):
    """Return the lines of all files in order, without their times."""
    numbers = sorted(crilog.file_numbers(str(folder)))
    raw = b"".join((folder / f"{number}.log").read_bytes() for number in numbers)
    return [LINE.fullmatch(line).groups()[1:] for line in raw.splitlines()]


def times(folder):
    numbers = sorted(crilog.file_numbers(str(folder)))
    raw = b"".join((folder / f"{number}.log").read_bytes() for number in numbers)
    return [LINE.fullmatch(line)[1] for line in raw.splitlines()]


def test_a_line_has_time_stream_and_text(writer, tmp_path):
    before = time.strftime("%Y-%m-%dT%H:%M", time.gmtime()).encode()
    writer.feed("stdout", b"hello world\n")
    writer.feed("stderr", b"\n")
    after = time.strftime("%Y-%m-%dT%H:%M", time.gmtime()).encode()

    assert parts(tmp_path) == [(b"stdout", b"F", b"hello world"), (b"stderr", b"F", b"")]
    assert all(before <= text[:16] <= after for text in times(tmp_path))


def test_unfinished_lines_of_both_streams_wait_for_their_end(writer, tmp_path):
    writer.feed("stdout", b"one ")
    writer.feed("stderr", b"two ")
    writer.feed("stdout", b"more\nthree")
    writer.finish()

    assert parts(tmp_path) == [
        (b"stdout", b"F", b"one more"),
        (b"stdout", b"F", b"three"),
        (b"stderr", b"F", b"two "),
    ]


def test_long_lines_are_split(writer, tmp_path):
    writer.feed("stdout", b"x" * (LINE_SIZE * 2))
    writer.feed("stdout", b"yz\n")
    writer.feed("stdout", b"a" * (LINE_SIZE + 1) + b"\n")

    assert parts(tmp_path) == [
        (b"stdout", b"P", b"x" * LINE_SIZE),
        (b"stdout", b"P", b"x" * LINE_SIZE),
        (b"stdout", b"F", b"yz"),
        (b"stdout", b"P", b"a" * LINE_SIZE),
        (b"stdout", b"F", b"a"),
    ]


def test_files_are_bounded_in_size_and_number(tmp_path):
    writer = LogWriter(str(tmp_path), file_size=1000, files=3)
    for number in range(200):
        writer.feed("stdout", b"line %03d\n" % number)

    numbers = sorted(crilog.file_numbers(str(tmp_path)))
    assert len(numbers) == 3
    assert numbers[-1] > 3
    assert all((tmp_path / f"{number}.log").stat().st_size <= 1000 for number in numbers)
    assert [text for _, _, text in parts(tmp_path)][-1] == b"line 199"


def test_times_increase_even_if_the_clock_does_not(writer, tmp_path, monkeypatch):
    # The clock of a machine may be set back.
    clock = iter([5_000_000_000, 5_000_000_000, 4_000_000_000])
    monkeypatch.setattr(crilog.time, "time_ns", lambda: next(clock))
    writer.feed("stdout", b"a\nb\nc\n")

    assert times(tmp_path) == [
        b"1970-01-01T00:00:05.000000000Z",
        b"1970-01-01T00:00:05.000000001Z",
        b"1970-01-01T00:00:05.000000002Z",
    ]


def test_a_later_writer_continues_the_newest_file(writer, tmp_path):
    writer.feed("stdout", b"first\n")
    writer.finish()
    LogWriter(str(tmp_path)).feed("stdout", b"second\n")

    assert crilog.file_numbers(str(tmp_path)) == [1]
    assert [text for _, _, text in parts(tmp_path)] == [b"first", b"second"]
    assert times(tmp_path) == sorted(times(tmp_path))


def test_half_a_line_of_a_killed_writer_does_not_spoil_the_next(writer, tmp_path):
    (tmp_path / "1.log").write_bytes(b"2026-01-01T00:00:00.000000000Z stdout F hal")
    writer.feed("stdout", b"whole\n")

    assert (tmp_path / "1.log").read_bytes().splitlines()[0].endswith(b" hal")
    assert [text for _, _, text in parts(tmp_path)] == [b"hal", b"whole"]


def test_a_full_disk_loses_lines_and_says_so(writer, tmp_path, monkeypatch):
    write = os.write

    def full(descriptor, data):
        if not data.startswith(b"half"):
            # Disks fill up in the middle of a line.
            write(descriptor, data[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    writer.feed("stdout", b"before\n")
    # There is no other way to fill the disk up for one process and one moment.
    monkeypatch.setattr(crilog.os, "write", full)
    writer.feed("stdout", b"lost 1\nlost 2\n")
    writer.feed("stderr", b"lost 3\n")
    monkeypatch.undo()
    writer.feed("stdout", b"after\n")

    assert parts(tmp_path) == [
        (b"stdout", b"F", b"before"),
        (b"stderr", b"F", b"3 lines were lost, because the disk was full"),
        (b"stdout", b"F", b"after"),
    ]
    assert writer.lost == 3


def test_a_folder_that_is_not_there_loses_lines_and_nothing_else(tmp_path):
    writer = LogWriter(str(tmp_path / "gone"))
    writer.feed("stdout", b"lost\n")
    (tmp_path / "gone").mkdir()
    writer.finish()

    assert writer.lost == 1
    assert [text for _, _, text in parts(tmp_path / "gone")] == [
        b"1 lines were lost, because the disk was full"
    ]
