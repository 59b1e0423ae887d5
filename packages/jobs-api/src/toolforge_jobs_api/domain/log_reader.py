"""What jobs wrote, also those that are gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from toolforge_common.errors import InvalidRequest, NotFound
from toolforge_common.names import ToolName
from toolforge_jobs_api.domain.service import JobService
from toolforge_runtime.ports import LogLine, Runtime


class LogReader:
    """Reads logs from the runtime, unless a job keeps its output to itself."""

    def __init__(self, runtime: Runtime, jobs: JobService) -> None:
        self._runtime = runtime
        self._jobs = jobs

    async def read(self, tool: ToolName, name: str, lines: int) -> Sequence[LogLine]:
        """Return the newest lines, the oldest of them first. Raises NotFound if there are none."""
        await asyncio.to_thread(self._require_readable, tool, name)
        found = await asyncio.to_thread(self._last, tool, name, lines)
        if not found:
            raise _no_logs(name)
        return found

    async def follow(
        self, tool: ToolName, name: str, lines: int, after: str | None
    ) -> AsyncIterator[LogLine | None]:
        """Give the newest lines, or those behind a cursor, then each new one; None is a sign of life.

        Raises NotFound if there is no such job and nothing was written, InvalidRequest if the cursor
        is none.
        """
        is_there = await asyncio.to_thread(self._require_readable, tool, name)
        if not is_there and not await asyncio.to_thread(self._last, tool, name, 1):
            raise _no_logs(name)
        last = lines if after is None else None
        return self._runtime.follow(tool, name, last=last, after=after)

    def _require_readable(self, tool: ToolName, name: str) -> bool:
        """Return whether there is such a job. Raises NotFound if its output goes to files."""
        try:
            job = self._jobs.get(tool, name).job
        except NotFound:
            return False
        if job.filelog:
            raise NotFound(
                f"Job '{name}' has file logging enabled, so its output is not here",
                hint=f"look into {job.stdout} and {job.stderr}",
            )
        return True

    def _last(self, tool: ToolName, name: str, lines: int) -> Sequence[LogLine]:
        return list(self._runtime.logs(tool, name, last=lines))


def require_followed(*, follow: bool, after: str | None) -> None:
    """Raise InvalidRequest for a cursor without a wish to follow, which nothing would come of."""
    if after is not None and not follow:
        raise InvalidRequest("the parameter after goes with follow=true alone")


def _no_logs(name: str) -> NotFound:
    return NotFound(
        f"Job '{name}' does not have any logs available",
        hint="logs appear when the job has written something",
    )
