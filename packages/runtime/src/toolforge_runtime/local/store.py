"""The record store in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from toolforge_common.errors import Conflict, NotFound
from toolforge_common.names import ToolName
from toolforge_runtime.local.sqlite import Database
from toolforge_runtime.local.state import StateFolder
from toolforge_runtime.ports import Record

# Versions come from one counter, so that a record made anew never has a version of its predecessor.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    tool TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    data TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tool, kind, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (version INTEGER NOT NULL);
INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM counter);
"""


class LocalStore:
    """Implements `Store`. Data are JSON; what JSON cannot hold is a TypeError."""

    def __init__(self, state: StateFolder) -> None:
        self._database = Database(state.db / "records.sqlite3", _SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def get(self, tool: ToolName, kind: str, name: str) -> Record:
        """See `Store.get`."""
        rows = self._database.read(
            "SELECT data, version FROM records WHERE tool = ? AND kind = ? AND name = ?",
            tool,
            kind,
            name,
        )
        if not rows:
            raise _missing(kind, name)
        return _record(tool, kind, name, *rows[0])

    def list(self, tool: ToolName, kind: str) -> Sequence[Record]:
        """See `Store.list`."""
        rows = self._database.read(
            "SELECT name, data, version FROM records WHERE tool = ? AND kind = ? ORDER BY name",
            tool,
            kind,
        )
        return [_record(tool, kind, *row) for row in rows]

    def create(self, tool: ToolName, kind: str, name: str, data: Mapping[str, Any]) -> Record:
        """See `Store.create`."""
        text = json.dumps(data)
        with self._database.transaction() as connection:
            version = _next_version(connection)
            try:
                connection.execute(
                    "INSERT INTO records VALUES (?, ?, ?, ?, ?)", (tool, kind, name, text, version)
                )
            except sqlite3.IntegrityError:
                raise Conflict(f"there is a {kind} named {name!r} already") from None
        return _record(tool, kind, name, text, version)

    def replace(self, record: Record, data: Mapping[str, Any]) -> Record:
        """See `Store.replace`."""
        text = json.dumps(data)
        key = (record.tool, record.kind, record.name)
        with self._database.transaction() as connection:
            version = _next_version(connection)
            changed = connection.execute(
                "UPDATE records SET data = ?, version = ?"
                " WHERE tool = ? AND kind = ? AND name = ? AND version = ?",
                (text, version, *key, record.version),
            ).rowcount
            if not changed:
                self.get(*key)
                raise Conflict(f"the {record.kind} {record.name!r} was changed in the meantime")
        return _record(*key, text, version)

    def delete(self, tool: ToolName, kind: str, name: str) -> None:
        """See `Store.delete`."""
        with self._database.transaction() as connection:
            removed = connection.execute(
                "DELETE FROM records WHERE tool = ? AND kind = ? AND name = ?", (tool, kind, name)
            ).rowcount
            if not removed:
                raise _missing(kind, name)

    # --- besides the port -------------------------------------------------------------------------

    def forget_tool(self, tool: ToolName) -> None:
        """Remove all records of a tool that is going to be deleted, of every kind, if there are any."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM records WHERE tool = ?", (tool,))


def _next_version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute(
        "UPDATE counter SET version = version + 1 RETURNING version"
    ).fetchone()
    return int(version)


def _record(tool: ToolName, kind: str, name: Any, data: Any, version: Any) -> Record:
    return Record(tool, kind, name, json.loads(data), str(version))


def _missing(kind: str, name: str) -> NotFound:
    return NotFound(f"there is no {kind} named {name!r}")
