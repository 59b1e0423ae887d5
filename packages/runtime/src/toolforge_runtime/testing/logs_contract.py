"""What every runtime does with what pods write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from toolforge_common.errors import InvalidRequest
from toolforge_runtime.ports import (
    LogLine,
    Runtime,
)
from toolforge_runtime.testing.trials_contract import (
    DEMO,
    RuntimeTrials,
    one_off,
)


class LogsContract(RuntimeTrials):
    """The part of `RuntimeContract` about logs."""

    def test_a_log_has_the_lines_in_order(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "echo one; echo two; echo three; exit 1"))
        run = self.finished(runtime, "a")

        lines = list(runtime.logs(DEMO, "a"))
        assert [line.message for line in lines] == ["one", "two", "three"]
        assert {line.pod for line in lines} == {run.pods[0].name}
        assert all(line.container for line in lines)
        assert [line.time for line in lines] == sorted(line.time for line in lines)
        assert len({line.cursor for line in lines}) == 3

    @pytest.mark.parametrize(
        ("last", "expected"),
        [(0, []), (1, ["three"]), (2, ["two", "three"]), (9, ["one", "two", "three"])],
    )
    def test_only_the_newest_lines(self, runtime: Runtime, last: int, expected: list[str]) -> None:
        runtime.create(one_off("a", "echo one; echo two; echo three"))
        self.finished(runtime, "a")

        assert [line.message for line in runtime.logs(DEMO, "a", last=last)] == expected

    def test_nothing_written_gives_nothing(self, runtime: Runtime) -> None:
        assert list(runtime.logs(DEMO, "never-there")) == []
        assert list(runtime.logs(DEMO, "../a")) == []

    def test_logs_outlive_their_workload(self, runtime: Runtime) -> None:
        for word in ("first", "second"):
            runtime.create(one_off("a", f"echo {word}"))
            self.finished(runtime, "a")
            runtime.delete(DEMO, "a")

        assert [line.message for line in runtime.logs(DEMO, "a")] == ["first", "second"]
        assert [line.message for line in runtime.logs(DEMO, "a", last=1)] == ["second"]

    async def test_following_gives_old_lines_then_those_of_new_pods(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "echo old"))
        self.finished(runtime, "a")
        runtime.delete(DEMO, "a")
        lines = runtime.follow(DEMO, "a")

        assert (await self.next_line(lines)).message == "old"
        runtime.create(one_off("a", "echo new"))
        assert (await self.next_line(lines)).message == "new"
        await _close(lines)

    async def test_following_what_is_not_there_yet(self, runtime: Runtime) -> None:
        lines = runtime.follow(DEMO, "a")
        assert await self.next_item(lines) is None

        runtime.create(one_off("a", "echo new"))
        assert (await self.next_line(lines)).message == "new"
        await _close(lines)

    async def test_following_may_begin_with_the_newest_lines(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "echo one; echo two; echo three"))
        self.finished(runtime, "a")
        lines = runtime.follow(DEMO, "a", last=1)

        assert (await self.next_line(lines)).message == "three"
        await _close(lines)

    async def test_a_cursor_continues_after_its_line(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "echo one; echo two; echo three"))
        self.finished(runtime, "a")
        second = list(runtime.logs(DEMO, "a"))[1]
        lines = runtime.follow(DEMO, "a", after=second.cursor)

        third = await self.next_line(lines)
        assert third.message == "three"
        await _close(lines)
        rest = runtime.follow(DEMO, "a", after=third.cursor)
        assert await self.next_item(rest) is None
        await _close(rest)

    async def test_a_cursor_of_a_shortened_log_does_not_bring_the_rest_back(
        self, runtime: Runtime
    ) -> None:
        for word in ("first", "second"):
            runtime.create(one_off("a", f"echo {word}"))
            self.finished(runtime, "a")
            runtime.delete(DEMO, "a")
        (line,) = runtime.logs(DEMO, "a", last=1)
        rest = runtime.follow(DEMO, "a", after=line.cursor)

        assert await self.next_item(rest) is None
        await _close(rest)

    async def test_what_is_not_a_cursor_is_refused(self, runtime: Runtime) -> None:
        with pytest.raises(InvalidRequest):
            await self.next_item(runtime.follow(DEMO, "a", after="not a cursor"))

    async def test_silence_has_a_heartbeat(self, runtime: Runtime) -> None:
        lines = runtime.follow(DEMO, "a")

        assert [await self.next_item(lines), await self.next_item(lines)] == [None, None]
        await _close(lines)

    async def next_item(self, lines: AsyncIterator[LogLine | None]) -> LogLine | None:
        """Return what the log gives next, a heartbeat or a line."""
        async with asyncio.timeout(self.patience):
            return await anext(lines)

    async def next_line(self, lines: AsyncIterator[LogLine | None]) -> LogLine:
        """Return the next line, whatever heartbeats come before it."""
        while (line := await self.next_item(lines)) is None:
            pass
        return line


async def _close(lines: AsyncIterator[LogLine | None]) -> None:
    close = getattr(lines, "aclose", None)
    if close is not None:
        await close()
