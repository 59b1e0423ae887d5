"""SQLite as we use it: durable writes, one connection behind a lock, errors that are ours."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from toolforge_common.errors import Unavailable

# Only this process writes; a backup or a curious person with a shell may hold the file for a moment.
BUSY_TIMEOUT = 5.0


class Database:
    """A database file of one process, for all of its threads."""

    def __init__(self, path: Path, schema: str) -> None:
        self._lock = threading.RLock()
        with _translated():
            self._connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            # What was acknowledged survives a power cut.
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.executescript(schema)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to one thread; what it did is durable when the block ends, or not at all."""
        with self._lock, _translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def read(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Return the rows of one SELECT."""
        with self._lock, _translated():
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        # A full disk, a file that is locked for too long, an I/O error.
        raise Unavailable(f"the database cannot be used now: {error}") from error
