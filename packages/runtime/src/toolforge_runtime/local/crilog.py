"""Writing a pod's log: lines as container runtimes write them, in files of bounded size and number.

A line is `<RFC 3339 time with nanoseconds, UTC> stdout|stderr F|P <text>`; P marks a part of a long
line that goes on in the next one of the same stream. Files are numbered upwards (`1.log`, `2.log`, …)
and never renamed, so that a reader knows where it is. Times increase strictly within a folder.
Only light modules are imported here, because every shim carries them.
"""

from __future__ import annotations

import contextlib
import os
import time

FILE_SIZE = 2 * 1024 * 1024
FILES = 5
LINE_SIZE = 16 * 1024


class LogWriter:
    """Appends to the log in `folder`. A disk that is full loses lines, which are counted, and nothing else."""

    def __init__(self, folder: str, file_size: int = FILE_SIZE, files: int = FILES) -> None:
        self._folder = folder
        self._file_size = file_size
        self._files = files
        self._number = 0
        self._descriptor = -1
        self._size = 0
        self._time = 0
        self._rests = {"stdout": b"", "stderr": b""}
        self._second = (-1, "")
        self._lost_since_note = 0
        self.lost = 0

    def feed(self, stream: str, data: bytes) -> None:
        """Write the complete lines of what came from the stream; keep an unfinished one for later."""
        *lines, rest = (self._rests[stream] + data).split(b"\n")
        parts: list[bytes] = []
        for line in lines:
            self._add(parts, stream, line)
        while len(rest) > LINE_SIZE:
            parts.append(self._format(stream, b"P", rest[:LINE_SIZE]))
            rest = rest[LINE_SIZE:]
        self._rests[stream] = rest
        self._put(parts)

    def finish(self) -> None:
        """Write what has no end of line yet, and close the file."""
        parts: list[bytes] = []
        for stream, rest in self._rests.items():
            if rest:
                self._add(parts, stream, rest)
        self._put(parts)
        if self._lost_since_note:
            self._put([])
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _add(self, parts: list[bytes], stream: str, line: bytes) -> None:
        while len(line) > LINE_SIZE:
            parts.append(self._format(stream, b"P", line[:LINE_SIZE]))
            line = line[LINE_SIZE:]
        parts.append(self._format(stream, b"F", line))

    def _format(self, stream: str, tag: bytes, text: bytes) -> bytes:
        self._time = max(time.time_ns(), self._time + 1)
        return b"%s %s %s %s\n" % (self._stamp(), stream.encode(), tag, text)

    def _stamp(self) -> bytes:
        second, nanosecond = divmod(self._time, 1_000_000_000)
        if self._second[0] != second:
            self._second = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
        return f"{self._second[1]}.{nanosecond:09d}Z".encode()

    def _put(self, parts: list[bytes]) -> None:
        if not parts and not self._lost_since_note:
            return
        if self._lost_since_note:
            text = f"{self._lost_since_note} lines were lost, because the disk was full"
            parts = [self._format("stderr", b"F", text.encode()), *parts]
        try:
            self._append(b"".join(parts))
        except OSError:
            # The note is not a line of the pod's.
            count = len(parts) - bool(self._lost_since_note)
            self.lost += count
            self._lost_since_note += count
        else:
            self._lost_since_note = 0

    def _append(self, batch: bytes) -> None:
        if self._descriptor < 0:
            self._open_newest()
        if self._size and self._size + len(batch) > self._file_size:
            self._open(self._number + 1)
            self._drop_oldest()
        try:
            written = os.write(self._descriptor, batch)
            while written < len(batch):
                written += os.write(self._descriptor, batch[written:])
        except OSError:
            # No half line may stay behind.
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(batch)

    def _open_newest(self) -> None:
        self._open(max(file_numbers(self._folder), default=1))
        status = os.fstat(self._descriptor)
        # A previous writer's lines are older than its last write, whatever the clock says now.
        self._time = max(self._time, status.st_mtime_ns if self._size else 0)
        if self._size and os.pread(self._descriptor, 1, self._size - 1) != b"\n":
            # A previous writer was killed in the middle of a line.
            self._size += os.write(self._descriptor, b"\n")

    def _open(self, number: int) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(f"{self._folder}/{number}.log", flags, 0o600)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._number = descriptor, number
        self._size = os.fstat(descriptor).st_size

    def _drop_oldest(self) -> None:
        for number in sorted(file_numbers(self._folder))[: -self._files]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self._folder}/{number}.log")


def file_numbers(folder: str) -> list[int]:
    """Return the numbers of the log files in the folder, in no order."""
    names = os.listdir(folder)
    return [int(name[:-4]) for name in names if name.endswith(".log") and name[:-4].isdecimal()]
