"""What jobs wrote, line by line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from toolforge_common.names import ToolName
from toolforge_jobs_api.domain.log_reader import LogReader, require_followed
from toolforge_jobs_api.schemas import dump_log_line
from toolforge_runtime.ports import LogLine

Lines = AsyncIterator[Mapping[str, Any] | None]


class LogHandlers:
    """Answers with logs. The methods are coroutines: many readers follow at once."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader

    async def read_logs(
        self, toolname: str, name: str, *, lines: int, follow: bool, after: str | None = None
    ) -> Lines:
        """Return the lines there are, and with `follow` those to come."""
        require_followed(follow=follow, after=after)
        tool = ToolName(toolname)
        if follow:
            return _dump_followed(await self._reader.follow(tool, name, lines, after))
        return _dump_all(await self._reader.read(tool, name, lines))


async def _dump_all(lines: Sequence[LogLine]) -> Lines:
    for line in lines:
        yield dump_log_line(line)


async def _dump_followed(lines: AsyncIterator[LogLine | None]) -> Lines:
    try:
        async for line in lines:
            yield None if line is None else dump_log_line(line)
    finally:
        # A generator that is not closed goes on until it is found to be garbage.
        close = getattr(lines, "aclose", None)
        if close is not None:
            await close()
