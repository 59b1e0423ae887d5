"""The log of a workload: the lines of all its pods in the order of time, and new ones as they come.

A cursor names the last line that was given of each pod. Pods that it does not name have given
nothing yet, so what they wrote comes after it.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import heapq
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Self

from toolforge_common.errors import InvalidRequest
from toolforge_runtime.local.logfiles import Line, PodLog, pods_in
from toolforge_runtime.local.watching import Watcher
from toolforge_runtime.ports import HEARTBEAT, LogLine

CONTAINER = "job"
_PAUSE_AFTER = 200


def parse_cursor(text: str) -> dict[str, int]:
    """Return the stamps by pod that a cursor stands for. Raises InvalidRequest if it is not one of ours."""
    pairs = (part.partition(":") for part in text.split(","))
    try:
        return {pod: int(stamp, 16) for pod, _, stamp in pairs}
    except ValueError:
        raise InvalidRequest("this is not a cursor of a log") from None


class WorkloadLog:
    """The log of one workload, from a position on."""

    def __init__(self, folder: Path, last: int | None = None, after: str | None = None) -> None:
        self.folder = folder
        self._last = last
        self._given = {} if after is None else parse_cursor(after)
        self._pods: dict[str, PodLog] = {}

    def so_far(self) -> Iterator[LogLine]:
        """Give what has been written by now."""
        self.find_pods()
        last = self._last
        if last is not None:
            for pod in self._pods.values():
                self._skip(pod.pod, pod.skip_to_last(last))
        lines: Iterable[tuple[Line, str]] = heapq.merge(
            *(_with_pod(pod) for pod in self._pods.values()), key=_order
        )
        if last is not None:
            lines = self._only_last(lines, last)
        return self._give(lines)

    def find_pods(self) -> list[Path]:
        """Take pods in that are new; return the folders of all."""
        for path in sorted(pods_in(self.folder)):
            self._pods.setdefault(path.name, PodLog(path))
        return [pod.folder for pod in self._pods.values()]

    def since(self) -> Iterator[LogLine]:
        """Give what has been written since the last call; a limited number of lines."""
        lines = [(line, pod.pod) for pod in self._pods.values() for line in pod.read()]
        return self._give(sorted(lines, key=_order))

    def _only_last(
        self, lines: Iterable[tuple[Line, str]], count: int
    ) -> Iterator[tuple[Line, str]]:
        kept: collections.deque[tuple[Line, str]] = collections.deque()
        for line, pod in lines:
            kept.append((line, pod))
            if len(kept) > count:
                skipped, of_pod = kept.popleft()
                self._skip(of_pod, skipped.stamp)
        return iter(kept)

    def _skip(self, pod: str, stamp: int) -> None:
        if stamp:
            self._given[pod] = max(stamp, self._given.get(pod, 0))

    def _give(self, lines: Iterable[tuple[Line, str]]) -> Iterator[LogLine]:
        for line, pod in lines:
            if line.stamp <= self._given.get(pod, 0):
                continue
            self._given[pod] = line.stamp
            cursor = ",".join(f"{name}:{stamp:x}" for name, stamp in self._given.items())
            yield LogLine(line.time, pod, CONTAINER, line.message, cursor)


async def follow(
    log: WorkloadLog, watcher: Watcher, heartbeat: float = HEARTBEAT
) -> AsyncIterator[LogLine | None]:
    """Give what has been written and what will be; None when nothing was for `heartbeat` seconds."""
    with _Waiting(watcher) as waiting:
        # The tool's folder is there before any pod's; a workload's may still have to come.
        waiting.watch(log.folder.parent)
        waiting.watch_all(log)
        for number, line in enumerate(log.so_far()):
            yield line
            if number % _PAUSE_AFTER == 0:
                await asyncio.sleep(0)
        while True:
            # What changes from here on is announced, what changed before is read now.
            waiting.changed.clear()
            waiting.watch_all(log)
            nothing = True
            for line in log.since():
                nothing = False
                yield line
            if nothing and not await waiting.wait(heartbeat):
                yield None


class _Waiting:
    """A follower's watches, and its waiting for one of them."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._loop = asyncio.get_running_loop()
        self._numbers: dict[Path, int] = {}
        self.changed = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._numbers.values():
            self._watcher.forget(number, self._wake)

    def watch(self, folder: Path) -> None:
        if folder not in self._numbers:
            number = self._watcher.watch(folder, self._wake)
            if number is not None:
                self._numbers[folder] = number

    def watch_all(self, log: WorkloadLog) -> None:
        self.watch(log.folder)
        for folder in log.find_pods():
            self.watch(folder)

    async def wait(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self.changed.wait()
        return False

    def _wake(self) -> None:
        # Called on the watcher's loop; ours may be closing.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.changed.set)


def _with_pod(pod: PodLog) -> Iterator[tuple[Line, str]]:
    return ((line, pod.pod) for line in pod)


def _order(item: tuple[Line, str]) -> tuple[int, str]:
    line, pod = item
    return line.stamp, pod
