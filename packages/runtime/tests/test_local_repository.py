"""What is on disk: states of older versions are read, and records of runs are bounded."""

import contextlib
import dataclasses
import datetime
import json
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from toolforge_common.errors import Unavailable
from toolforge_runtime.local.repository import Repository
from toolforge_runtime.local.states import Phase, State
from toolforge_runtime.ports import (
    ConcurrencyPolicy,
    Container,
    Resources,
    RunRecord,
    Workload,
    WorkloadKind,
)

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
A = ("demo", "a")
_OLD = Path(__file__).with_name("states_of_the_first_version.json")


@pytest.fixture
def repository(state):
    with contextlib.closing(Repository(state)) as repository:
        yield repository


def state_of(name="a", tool="demo"):
    container = Container("bookworm", ("/bin/true",), Resources(1, 1, Decimal(1), Decimal(1)))
    return State(Workload(tool, name, WorkloadKind.SCHEDULED, container), NOW, NOW)


def record(number=0, days=0):
    return RunRecord(f"a-{number}", NOW - datetime.timedelta(days=days))


def names(records):
    return [run.run for run in records]


def test_states_of_the_first_version_are_read(state):
    with contextlib.closing(sqlite3.connect(state.db / "runtime.sqlite3")) as database:
        database.execute(
            "CREATE TABLE workloads (tool TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,"
            " PRIMARY KEY (tool, name)) WITHOUT ROWID"
        )
        for document in json.loads(_OLD.read_text()):
            row = ("demo", document["workload"]["name"], json.dumps(document))
            database.execute("INSERT INTO workloads VALUES (?, ?, ?)", row)
        database.commit()
    with contextlib.closing(Repository(state)) as repository:
        states = repository.load()
        assert repository.history(A, NOW, 10) == []

    scheduled, continuous = states[A], states["demo", "b"]
    schedule = scheduled.workload.schedule
    assert (schedule.time_zone, schedule.concurrency) == ("UTC", ConcurrencyPolicy.FORBID)
    assert (scheduled.workload.suspended, continuous.workload.suspended) == (False, False)
    (run,) = scheduled.runs
    assert (run.finished_at, run.scheduled_for) == (None, None)
    assert scheduled.workload_of(run) == scheduled.workload
    assert [pod.phase for pod in continuous.pods] == [Phase.RUNNING]


def test_what_has_not_changed_is_not_written(repository, monkeypatch):
    repository.save(state_of())

    def refuse():
        raise Unavailable("nobody is to write now")

    # That nothing is written cannot be seen otherwise.
    monkeypatch.setattr(repository._database, "transaction", refuse)
    repository.save(state_of())
    with pytest.raises(Unavailable):
        repository.save(dataclasses.replace(state_of(), reason="x"))


def test_records_are_kept_of_a_state_that_has_not_changed(state, repository):
    repository.save(state_of(), [record(1)])
    repository.save(state_of(), [record(2), record(3)])
    repository.save(state_of("b"), [record(4)])
    assert names(repository.history(A, NOW, 10)) == ["a-3", "a-2", "a-1"]
    repository.close()

    with contextlib.closing(Repository(state)) as again:
        assert names(again.history(A, NOW, 2)) == ["a-3", "a-2"]


def test_no_more_than_a_thousand_records_of_a_workload_are_kept(repository):
    repository.save(state_of("b"), [record(7)])
    repository.save(state_of(), [record(number) for number in range(999)])
    for number in range(999, 1002):
        repository.save(state_of(), [record(number)])

    kept = names(repository.history(A, NOW, 5000))
    assert kept == [f"a-{number}" for number in range(1001, 1, -1)]
    assert names(repository.history(("demo", "b"), NOW, 5000)) == ["a-7"]


def test_old_records_are_not_shown_and_removed_in_time(repository, monkeypatch):
    old = [record(number, days=31) for number in range(5)]
    repository.save(state_of(), [*old, record(9, days=29)])
    assert names(repository.history(A, NOW, 10)) == ["a-9"]

    monkeypatch.setattr("toolforge_runtime.local.repository._PRUNED_AT_ONCE", 3)  # 10,000 take long
    assert [repository.prune(NOW), repository.prune(NOW)] == [True, False]
    earlier = NOW - datetime.timedelta(days=10)
    assert names(repository.history(A, earlier, 10)) == ["a-9"]


def test_records_go_with_their_workload(repository):
    repository.save(state_of(), [record(1)])
    repository.save(state_of("b"), [record(2)])
    repository.remove(state_of())

    assert repository.history(A, NOW, 10) == []
    assert names(repository.history(("demo", "b"), NOW, 10)) == ["a-2"]


def test_a_negative_limit_gives_nothing(repository):
    repository.save(state_of(), [record(1)])

    assert repository.history(A, NOW, -1) == []
