import asyncio
import os
import threading

import pytest

from toolforge_runtime.local import logfiles
from toolforge_runtime.local.crilog import LogWriter
from toolforge_runtime.local.logfiles import KEEP_PODS, LogFolders, PodLog
from toolforge_runtime.local.logs import WorkloadLog, follow
from toolforge_runtime.local.watching import Watcher
from toolforge_runtime.ports import Tool


def raw(second, text, stream="stdout", tag="F", nano=0):
    return f"2026-01-01T00:00:{second:02d}.{nano:09d}Z {stream} {tag} {text}\n"


def write(folder, number, *lines):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{number}.log").open("a") as file:
        file.write("".join(lines))


def messages(lines):
    return [line.message for line in lines]


def test_lines_of_several_pods_are_merged_by_time(tmp_path):
    write(tmp_path / "a", 1, raw(1, "a1"), raw(4, "a4"))
    write(tmp_path / "a", 2, raw(5, "a5"))
    write(tmp_path / "b", 7, raw(2, "b2"), raw(3, "b3"), raw(6, "b6"))

    lines = list(WorkloadLog(tmp_path).so_far())
    assert messages(lines) == ["a1", "b2", "b3", "a4", "a5", "b6"]
    assert [line.pod for line in lines] == ["a", "b", "b", "a", "a", "b"]
    assert lines[0].time.isoformat() == "2026-01-01T00:00:01+00:00"


@pytest.mark.parametrize("last", range(8))
def test_the_newest_lines_are_found_from_the_end(tmp_path, last):
    write(tmp_path / "a", 1, raw(1, "a1"), raw(4, "a4"))
    write(tmp_path / "a", 2, raw(5, "a5"))
    write(tmp_path / "b", 1, raw(2, "b2"), raw(3, "b3"), raw(6, "b6"))
    everything = ["a1", "b2", "b3", "a4", "a5", "b6"]

    found = messages(WorkloadLog(tmp_path, last).so_far())
    assert found == (everything[-last:] if last else [])


@pytest.mark.parametrize("position", range(6))
def test_every_cursor_continues_where_it_was_taken(tmp_path, position):
    write(tmp_path / "a", 1, raw(1, "a1"), raw(4, "a4"), raw(5, "a5"))
    write(tmp_path / "b", 1, raw(2, "b2"), raw(3, "b3"), raw(6, "b6"))
    lines = list(WorkloadLog(tmp_path).so_far())

    rest = WorkloadLog(tmp_path, after=lines[position].cursor).so_far()
    assert messages(rest) == messages(lines[position + 1 :])


def test_a_line_that_arrives_late_is_not_lost_by_a_cursor(tmp_path):
    """Two shims write at the same time; the younger line may be seen first."""
    write(tmp_path / "a", 1, raw(5, "young"))
    (tmp_path / "b").mkdir()
    (line,) = WorkloadLog(tmp_path).so_far()
    write(tmp_path / "b", 1, raw(4, "old"))

    assert messages(WorkloadLog(tmp_path, after=line.cursor).so_far()) == ["old"]


def test_parts_of_a_line_are_joined(tmp_path):
    write(
        tmp_path / "a",
        1,
        raw(1, "begin ", tag="P"),
        raw(2, "other", stream="stderr"),
        raw(3, "middle ", tag="P"),
        raw(4, "end"),
    )

    assert messages(WorkloadLog(tmp_path).so_far()) == ["other", "begin middle end"]
    assert messages(WorkloadLog(tmp_path, 2).so_far()) == ["other", "begin middle end"]


def test_endless_lines_are_given_in_pieces(tmp_path, monkeypatch):
    # A quarter of a megabyte would be slow to write here.
    monkeypatch.setattr(logfiles, "_MAX_MESSAGE", 10)
    write(tmp_path / "a", 1, *(raw(number, "x" * 4, tag="P") for number in range(6)))

    assert messages(WorkloadLog(tmp_path).so_far()) == ["x" * 12, "x" * 12]


def test_what_is_not_a_line_is_left_out(tmp_path):
    write(tmp_path / "a", 1, "\n", "rubbish\n", "a b F c\n", raw(1, "line"))
    with (tmp_path / "a/1.log").open("ab") as file:
        file.write(raw(2, "\xff bytes").encode("latin-1"))
    write(tmp_path / "a", 1, raw(3, "unfinished").rstrip("\n"))
    (tmp_path / "a/notes.txt").touch()

    assert messages(WorkloadLog(tmp_path).so_far()) == ["line", "\N{REPLACEMENT CHARACTER} bytes"]


def test_reading_goes_on_where_it_stopped_over_files(tmp_path):
    log = PodLog(tmp_path / "a")
    assert log.read() == []
    write(tmp_path / "a", 1, raw(1, "one"), raw(2, "half").rstrip("\n"))
    assert messages(log.read()) == ["one"]
    write(tmp_path / "a", 1, "\n", raw(3, "three"))
    write(tmp_path / "a", 2, raw(4, "four"))
    assert messages(log.read()) == ["half", "three"]
    assert messages(log.read()) == ["four"]
    (tmp_path / "a/1.log").unlink()
    (tmp_path / "a/2.log").unlink()
    write(tmp_path / "a", 5, raw(9, "nine"))

    assert messages(log.read()) == ["nine"]
    assert log.read() == []


def test_no_line_is_lost_while_files_rotate(tmp_path):
    writer = LogWriter(str(tmp_path), file_size=4096, files=10_000)

    def write_all():
        for number in range(3000):
            writer.feed("stdout", b"%d\n" % number)

    thread = threading.Thread(target=write_all)
    log, found = PodLog(tmp_path), []
    thread.start()
    while len(found) < 3000:
        found += messages(log.read())
        if not thread.is_alive():
            found += messages(log)
            break
    thread.join()

    assert found == [str(number) for number in range(3000)]


# --- following ----------------------------------------------------------------------------------------


@pytest.fixture
async def watcher():
    watcher = Watcher(asyncio.get_running_loop())
    yield watcher
    watcher.close()


async def take(lines, count):
    async with asyncio.timeout(30):
        found = []
        while len(found) < count:
            line = await anext(lines)
            if line is not None:
                found.append(line.message)
        return found


async def test_following_sees_new_lines_files_pods_and_the_workload_itself(tmp_path, watcher):
    folder = tmp_path / "workload"
    lines = follow(WorkloadLog(folder), watcher, heartbeat=0.05)
    async with asyncio.timeout(30):
        assert await anext(lines) is None
    folder.mkdir()
    writer = LogWriter(str(folder / "a"), file_size=100)
    (folder / "a").mkdir()
    writer.feed("stdout", b"one\ntwo\n")
    assert await take(lines, 2) == ["one", "two"]
    for word in (b"three", b"four", b"five"):
        writer.feed("stdout", word + b"\n")
    assert await take(lines, 3) == ["three", "four", "five"]
    (folder / "b").mkdir()
    LogWriter(str(folder / "b")).feed("stderr", b"other\n")

    assert await take(lines, 1) == ["other"]
    await lines.aclose()
    assert watcher._callbacks == {}


async def test_followers_of_the_same_log_do_not_hinder_each_other(tmp_path, watcher):
    writer = LogWriter(str(tmp_path / "a"))
    (tmp_path / "a").mkdir()
    one, two = (follow(WorkloadLog(tmp_path), watcher, heartbeat=30) for _ in range(2))
    tasks = [asyncio.create_task(take(lines, 1)) for lines in (one, two)]
    writer.feed("stdout", b"first\n")
    assert await asyncio.gather(*tasks) == [["first"], ["first"]]
    await one.aclose()
    writer.feed("stdout", b"second\n")

    assert await take(two, 1) == ["second"]
    await two.aclose()


async def test_a_follower_may_live_on_another_loop(tmp_path, watcher):
    (tmp_path / "a").mkdir()
    found = []

    async def elsewhere():
        lines = follow(WorkloadLog(tmp_path), watcher, heartbeat=30)
        found.extend(await take(lines, 1))
        await lines.aclose()

    task = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
    LogWriter(str(tmp_path / "a")).feed("stdout", b"hello\n")
    await task

    assert found == ["hello"]


# --- folders ------------------------------------------------------------------------------------------

NOW = 1_800_000_000.0
TOOL = Tool("demo", 52000, "/home", None)


def pod(folder, name, age):
    write(folder / name, 1, raw(1, name))
    for path in (folder / name / "1.log", folder / name):
        os.utime(path, (NOW - age, NOW - age))


@pytest.fixture
def folders(tmp_path):
    return LogFolders(tmp_path, clock=lambda: NOW)


def test_logs_of_the_newest_pods_stay(folders, tmp_path):
    folder = folders.of_workload(TOOL, "job")
    for number in range(KEEP_PODS + 5):
        pod(folder, f"p{number}", age=number)
    folders.prune_workload(folder, live={"p24"})

    left = {path.name for path in folder.iterdir()}
    assert left == {f"p{number}" for number in range(KEEP_PODS)} | {"p24"}


def test_logs_of_long_ago_go(folders):
    folder = folders.of_workload(TOOL, "job")
    days = 24 * 3600
    for name, age in (("new", 13 * days), ("old", 15 * days), ("old-but-live", 15 * days)):
        pod(folder, name, age)
    pod(folders.of_workload(TOOL, "past"), "old", 15 * days)
    folders.prune([TOOL], live={"old-but-live"})

    assert {path.name for path in folder.iterdir()} == {"new", "old-but-live"}
    assert not folders.of_workload(TOOL, "past").exists()


def test_logs_of_tools_that_are_gone_go(folders, tmp_path):
    pod(folders.of_workload(TOOL, "job"), "p", 0)
    pod(folders.of_workload(Tool("demo", 51999, "/home", None), "job"), "p", 0)
    folders.prune([TOOL], live=())

    assert [path.name for path in tmp_path.iterdir()] == ["demo.52000"]


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../x", "A", "_", "a\n", "-a"])
def test_names_that_are_no_workloads_have_no_folder(folders, name):
    assert folders.of_workload(TOOL, name) is None
