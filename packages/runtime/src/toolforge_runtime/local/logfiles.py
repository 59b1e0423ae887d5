"""Reading a pod's log files, and the folders they are in.

::

    logs/<tool>.<uid>/<workload>/<pod>/<number>.log

The tool's number is part of the name, so that a tool that is made anew never sees its predecessor's.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from toolforge_runtime.local import crilog
from toolforge_runtime.ports import Tool

KEEP_PODS = 20
KEEP_SECONDS = 14 * 24 * 3600.0

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_CHUNK = 256 * 1024
# A line that goes on for longer than this is given in pieces.
_MAX_MESSAGE = 256 * 1024
_MICROSECONDS = len("2026-01-01T00:00:00.000000")
_NANOSECONDS = slice(_MICROSECONDS, _MICROSECONDS + 3)


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One line of a pod. `stamp` is its time in nanoseconds, higher than the line's before it."""

    stamp: int
    time: datetime.datetime
    message: str


class LogFolders:
    """Knows where logs are, and removes old ones."""

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        self._root = root
        self._clock = clock

    def of_tool(self, tool: Tool) -> Path:
        """Return the folder of the tool's logs."""
        return self._root / f"{tool.name}.{tool.uid}"

    def of_workload(self, tool: Tool, name: str) -> Path | None:
        """Return the folder of the workload's logs, None if no workload can have that name."""
        return self.of_tool(tool) / name if _NAME.fullmatch(name) else None

    def make(self, tool: Tool, name: str, pod: str) -> Path:
        """Make the folder of a pod and return it."""
        folder = self.of_tool(tool) / name / pod
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def prune_workload(self, folder: Path, live: Collection[str]) -> None:
        """Remove the logs of all but the newest pods, and of those that wrote nothing for long.

        `live` are names of pods that keep theirs in any case.
        """
        pods = sorted(pods_in(folder), key=_last_write, reverse=True)
        for position, pod in enumerate(pods):
            old = self._clock() - _last_write(pod) > KEEP_SECONDS
            if (old or position >= KEEP_PODS) and pod.name not in live:
                shutil.rmtree(pod, ignore_errors=True)

    def prune(self, tools: Collection[Tool], live: Collection[str]) -> None:
        """Do the same for all workloads, and remove the logs of tools that are gone."""
        known = {self.of_tool(tool) for tool in tools}
        for tool_folder in _folders_in(self._root):
            if tool_folder not in known:
                shutil.rmtree(tool_folder, ignore_errors=True)
                continue
            for folder in _folders_in(tool_folder):
                self.prune_workload(folder, live)
                if not pods_in(folder):
                    shutil.rmtree(folder, ignore_errors=True)


class PodLog:
    """Reads the log of one pod from a position on, as far as it has been written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pod = folder.name
        self._number = 0
        self._offset = 0
        self._parts: dict[bytes, list[bytes]] = {}

    def skip_to_last(self, count: int) -> int:
        """Move to the last so many lines; return the stamp of the last one before them, 0 if there is none."""
        missing = count
        for number in sorted(self._numbers(), reverse=True):
            content = self._content(number)
            position = len(content)
            while position > 0 and missing > 0:
                start = content.rfind(b"\n", 0, position - 1) + 1
                # Parts of a line belong to the full line that follows them.
                if _tag(content[start:position]) != b"P":
                    missing -= 1
                position = start
            while position > 0 and missing == 0:
                start = content.rfind(b"\n", 0, position - 1) + 1
                if _tag(content[start:position]) != b"P":
                    self._number, self._offset = number, position
                    return _stamp(content[start:position])
                position = start
            self._number, self._offset = number, position
        return 0

    def read(self) -> list[Line]:
        """Return the next lines, a limited number; none if no more has been written yet."""
        while True:
            # Listed before reading: a file that has a successor is not written to any more.
            later = [number for number in self._numbers() if number > self._number]
            data = self._read_lines()
            lines = [line for raw in data.split(b"\n") if (line := self._line(raw))]
            if lines:
                return lines
            if not data:
                if not later:
                    return []
                self._number, self._offset = min(later), 0

    def _read_lines(self) -> bytes:
        try:
            with (self.folder / f"{self._number}.log").open("rb") as file:
                file.seek(self._offset)
                data = file.read(_CHUNK)
        except FileNotFoundError:
            return b""
        data = data[: data.rfind(b"\n") + 1]
        self._offset += len(data)
        return data

    def __iter__(self) -> Iterator[Line]:
        """Give the lines up to what has been written by now."""
        while lines := self.read():
            yield from lines

    def _numbers(self) -> list[int]:
        try:
            return crilog.file_numbers(str(self.folder))
        except FileNotFoundError:
            return []

    def _content(self, number: int) -> bytes:
        try:
            content = (self.folder / f"{number}.log").read_bytes()
        except FileNotFoundError:
            return b""
        return content[: content.rfind(b"\n") + 1]

    def _line(self, raw: bytes) -> Line | None:
        fields = raw.split(b" ", 3)
        if len(fields) != 4:  # noqa: PLR2004  time, stream, tag, text
            return None
        when, stream, tag, text = fields
        parts = self._parts.setdefault(stream, [])
        parts.append(text)
        if tag == b"P" and sum(map(len, parts)) < _MAX_MESSAGE:
            return None
        message = b"".join(parts).decode("utf-8", errors="replace")
        parts.clear()
        try:
            time_of_line = _time(when)
        except ValueError:
            return None
        return Line(_stamp(raw), time_of_line, message)


def pods_in(folder: Path) -> list[Path]:
    """Return the folders of pods in a workload's folder."""
    return _folders_in(folder)


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []


def _last_write(pod: Path) -> float:
    try:
        return max(path.stat().st_mtime for path in (pod, *pod.iterdir()))
    except FileNotFoundError:
        return 0.0


def _tag(raw: bytes) -> bytes:
    fields = raw.split(b" ", 3)
    return fields[2] if len(fields) == 4 else b""  # noqa: PLR2004  time, stream, tag, text


def _time(when: bytes) -> datetime.datetime:
    text = when[:_MICROSECONDS].decode("ascii", errors="replace")
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


def _stamp(raw: bytes) -> int:
    try:
        microseconds = round(_time(raw).timestamp() * 1_000_000)
        return microseconds * 1000 + int(raw[_NANOSECONDS])
    except ValueError:
        return 0
