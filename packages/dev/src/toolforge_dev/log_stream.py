"""The platform's log file: takes lines without making anybody wait, and never outgrows its bound.

Lines go through a queue to one thread that writes them. If the disk is full or too slow, lines are dropped
and counted; the count is told in the log as soon as a line can be written again.
"""

from __future__ import annotations

import io
import json
import os
import queue
import threading
from pathlib import Path

# Together the log takes at most 40 MB: some 150,000 requests.
MAX_SIZE = 10 * 1024 * 1024
KEPT = 3
# Some seconds of the busiest log; 10 MB of memory at most.
MAX_WAITING = 10_000


class LogStream(io.TextIOBase):
    """A text stream onto a file that is rotated: `x.log`, `x.log.1` (the newer), up to `x.log.KEPT`."""

    def __init__(
        self, path: Path, *, max_size: int = MAX_SIZE, kept: int = KEPT, waiting: int = MAX_WAITING
    ) -> None:
        self._path = path
        self._max_size = max_size
        self._kept = kept
        self._queue: queue.Queue[str | None] = queue.Queue(waiting)
        self._dropped = 0
        self._counting = threading.Lock()
        self._file = self._open()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, text: str) -> int:
        """Take the text, which holds whole lines; drop it if too much is waiting already."""
        try:
            self._queue.put_nowait(text)
        except queue.Full:
            self._count(1)
        return len(text)

    def close(self) -> None:
        """Write what is waiting and close the file. Calling it again does nothing."""
        if not self.closed:
            self._queue.put(None)
            self._thread.join()
            self._file.close()
        super().close()

    def _open(self) -> io.FileIO:
        descriptor = os.open(
            self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600
        )
        return io.FileIO(descriptor, "a")

    def _run(self) -> None:
        while (text := self._queue.get()) is not None:
            dropped = self._dropped
            try:
                self._store((_note(dropped) + text).encode(errors="backslashreplace"))
                self._count(-dropped)
            except OSError:
                self._count(1)

    def _count(self, dropped: int) -> None:
        with self._counting:
            self._dropped += dropped

    def _store(self, data: bytes) -> None:
        if self._file.tell() and self._file.tell() + len(data) > self._max_size:
            self._rotate()
        self._file.write(data)

    def _rotate(self) -> None:
        for number in range(self._kept, 0, -1):
            older = self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        self._file.close()
        self._file = self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path


def _note(dropped: int) -> str:
    if not dropped:
        return ""
    line = {"event": "log_lines_dropped", "level": "warning", "count": dropped}
    return json.dumps(line) + "\n"
