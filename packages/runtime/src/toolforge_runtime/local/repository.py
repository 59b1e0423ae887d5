"""Where the engine's states are kept: a row of JSON per workload and per run, in a database of their own."""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections.abc import Sequence

from toolforge_common.names import ToolName
from toolforge_runtime.local.codec import decode, encode
from toolforge_runtime.local.sqlite import Database
from toolforge_runtime.local.state import StateFolder
from toolforge_runtime.local.states import State
from toolforge_runtime.ports import HISTORY_DAYS, HISTORY_RUNS, RunRecord

_SCHEMA = """
CREATE TABLE IF NOT EXISTS workloads (
    tool TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (tool, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tool TEXT NOT NULL,
    name TEXT NOT NULL,
    finished REAL NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS runs_of_workload ON runs (tool, name, number);
CREATE INDEX IF NOT EXISTS runs_by_time ON runs (finished);
"""

_TRIM = """
DELETE FROM runs WHERE tool = :tool AND name = :name AND number <= (
    SELECT number FROM runs WHERE tool = :tool AND name = :name
    ORDER BY number DESC LIMIT 1 OFFSET :kept
)
"""
# No more at once, so that nothing else waits for long.
_PRUNED_AT_ONCE = 10_000
_PRUNE = """
DELETE FROM runs WHERE number IN (SELECT number FROM runs WHERE finished < ? LIMIT ?)
"""
_HISTORY = """
SELECT record FROM runs WHERE tool = ? AND name = ? AND finished >= ?
ORDER BY number DESC LIMIT ?
"""
_KEPT = datetime.timedelta(days=HISTORY_DAYS).total_seconds()


class Repository:
    """Keeps states. What is written is durable on return; what has not changed is not written."""

    def __init__(self, state: StateFolder) -> None:
        self._database = Database(state.db / "runtime.sqlite3", _SCHEMA)
        self._written: dict[tuple[ToolName, str], str] = {}

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def load(self) -> dict[tuple[ToolName, str], State]:
        """Return all states by tool and name."""
        states = {}
        for tool, name, text in self._database.read("SELECT tool, name, state FROM workloads"):
            key = (ToolName(str(tool)), str(name))
            self._written[key] = str(text)
            states[key] = decode(State, json.loads(str(text)))
        return states

    def save(self, state: State, records: Sequence[RunRecord] = ()) -> None:
        """Write the state, and the records once, or nothing. Raises Unavailable if the database refuses."""
        key = (state.workload.tool, state.workload.name)
        text = json.dumps(encode(state))
        if self._written.get(key) == text and not records:
            return
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO workloads VALUES (?, ?, ?)", (*key, text))
            _add_records(connection, key, records)
        self._written[key] = text

    def remove(self, state: State) -> None:
        """Remove the state."""
        key = (state.workload.tool, state.workload.name)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM workloads WHERE tool = ? AND name = ?", key)
            connection.execute("DELETE FROM runs WHERE tool = ? AND name = ?", key)
        self._written.pop(key, None)

    def history(
        self, key: tuple[ToolName, str], now: datetime.datetime, limit: int
    ) -> Sequence[RunRecord]:
        """Return the records of the workload that are not too old, the newest first."""
        rows = self._database.read(_HISTORY, *key, now.timestamp() - _KEPT, max(limit, 0))
        return [decode(RunRecord, json.loads(str(text))) for (text,) in rows]

    def prune(self, now: datetime.datetime) -> bool:
        """Remove records that are too old, many but not all at once; say whether there may be more."""
        with self._database.transaction() as connection:
            oldest = now.timestamp() - _KEPT
            gone = connection.execute(_PRUNE, (oldest, _PRUNED_AT_ONCE)).rowcount
        return gone == _PRUNED_AT_ONCE


def _add_records(
    connection: sqlite3.Connection, key: tuple[ToolName, str], records: Sequence[RunRecord]
) -> None:
    tool, name = key
    for record in records:
        connection.execute(
            "INSERT INTO runs (tool, name, finished, record) VALUES (?, ?, ?, ?)",
            (tool, name, record.finished_at.timestamp(), json.dumps(encode(record))),
        )
    if records:
        connection.execute(_TRIM, {"tool": tool, "name": name, "kept": HISTORY_RUNS})
