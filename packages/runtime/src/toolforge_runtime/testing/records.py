"""A record store in memory."""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from toolforge_common.errors import Conflict, NotFound
from toolforge_common.names import ToolName
from toolforge_runtime.ports import Record

_Key = tuple[ToolName, str, str]


class InMemoryStore:
    """Implements `Store`. What goes in and comes out is copied, as a real store would."""

    def __init__(self) -> None:
        self._records: dict[_Key, Record] = {}
        self._versions = itertools.count(1)
        self._lock = threading.Lock()

    def get(self, tool: ToolName, kind: str, name: str) -> Record:
        """See `Store.get`."""
        with self._lock:
            return copy.deepcopy(self._found((tool, kind, name)))

    def list(self, tool: ToolName, kind: str) -> Sequence[Record]:
        """See `Store.list`."""
        with self._lock:
            keys = sorted(key for key in self._records if key[:2] == (tool, kind))
            return [copy.deepcopy(self._records[key]) for key in keys]

    def create(self, tool: ToolName, kind: str, name: str, data: Mapping[str, Any]) -> Record:
        """See `Store.create`."""
        key = (tool, kind, name)
        with self._lock:
            if key in self._records:
                raise Conflict(f"there is a {kind} named {name!r} already")
            return self._put(key, data)

    def replace(self, record: Record, data: Mapping[str, Any]) -> Record:
        """See `Store.replace`."""
        key = (record.tool, record.kind, record.name)
        with self._lock:
            if self._found(key).version != record.version:
                raise Conflict(f"the {record.kind} {record.name!r} was changed in the meantime")
            return self._put(key, data)

    def delete(self, tool: ToolName, kind: str, name: str) -> None:
        """See `Store.delete`."""
        with self._lock:
            self._found((tool, kind, name))
            del self._records[tool, kind, name]

    def _found(self, key: _Key) -> Record:
        if key not in self._records:
            raise NotFound(f"there is no {key[1]} named {key[2]!r}")
        return self._records[key]

    def _put(self, key: _Key, data: Mapping[str, Any]) -> Record:
        self._records[key] = Record(*key, copy.deepcopy(data), str(next(self._versions)))
        return copy.deepcopy(self._records[key])
