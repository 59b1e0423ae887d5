"""Tools in memory: numbers and states, without folders or credentials."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import threading
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from toolforge_common.errors import Conflict, NotFound
from toolforge_common.names import ToolName, parse_tool_name
from toolforge_runtime.ports import Tool


class InMemoryTenancy:
    """Implements `Tenancy`. Homes are names only; nothing is made on disk."""

    def __init__(
        self,
        clock: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        self._clock = clock
        self._tools: dict[ToolName, Tool] = {}
        self._freed: dict[ToolName, datetime.datetime] = {}
        self._uids = itertools.count(52000)
        self._lock = threading.Lock()

    def create(self, name: ToolName) -> Tool:
        """See `Tenancy.create`."""
        parse_tool_name(name)
        with self._lock:
            if name in self._tools:
                raise Conflict(f"there is a tool named {name!r} already")
            home = PurePosixPath("/data/project", name)
            created = self._clock().replace(microsecond=0)
            if name in self._freed:
                # A real tenancy would wait until then.
                created = max(created, self._freed[name] + datetime.timedelta(seconds=1))
            tool = Tool(name, next(self._uids), home, created)
            self._tools[name] = tool
            return tool

    def get(self, name: ToolName) -> Tool:
        """See `Tenancy.get`."""
        with self._lock:
            return self._found(name)

    def list(self) -> Sequence[Tool]:
        """See `Tenancy.list`."""
        with self._lock:
            return [self._tools[name] for name in sorted(self._tools)]

    def set_enabled(self, name: ToolName, *, enabled: bool) -> Tool:
        """See `Tenancy.set_enabled`."""
        with self._lock:
            self._tools[name] = dataclasses.replace(self._found(name), enabled=enabled)
            return self._tools[name]

    def delete(self, name: ToolName) -> None:
        """See `Tenancy.delete`."""
        with self._lock:
            created = self._found(name).created_at
            self._freed[name] = max(created, self._clock().replace(microsecond=0))
            del self._tools[name]

    def _found(self, name: ToolName) -> Tool:
        if name not in self._tools:
            raise NotFound(f"there is no tool named {name!r}")
        return self._tools[name]
