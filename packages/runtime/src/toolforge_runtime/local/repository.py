"""Where the engine's states are kept: a row of JSON per workload, in a database of their own."""

from __future__ import annotations

import json

from toolforge_common.names import ToolName
from toolforge_runtime.local.codec import decode, encode
from toolforge_runtime.local.sqlite import Database
from toolforge_runtime.local.state import StateFolder
from toolforge_runtime.local.states import State

_SCHEMA = """
CREATE TABLE IF NOT EXISTS workloads (
    tool TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (tool, name)
) WITHOUT ROWID;
"""


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

    def save(self, state: State) -> None:
        """Write the state. Raises Unavailable if the database refuses."""
        key = (state.workload.tool, state.workload.name)
        text = json.dumps(encode(state))
        if self._written.get(key) == text:
            return
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO workloads VALUES (?, ?, ?)", (*key, text))
        self._written[key] = text

    def remove(self, state: State) -> None:
        """Remove the state."""
        key = (state.workload.tool, state.workload.name)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM workloads WHERE tool = ? AND name = ?", key)
        self._written.pop(key, None)
