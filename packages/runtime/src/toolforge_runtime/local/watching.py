"""Being told when folders change (inotify(7)), so that nobody has to look again and again.

One instance serves all followers of logs, because a user may have only few.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)

_MODIFY, _MOVED_TO, _CREATE, _ONLY_DIRECTORY = 0x2, 0x80, 0x100, 0x01000000
_IGNORED, _OVERFLOW = 0x8000, 0x4000
_HEADER = struct.Struct("iIII")
_BUFFER = 65536


class Watcher:
    """Calls back, on the loop it was made for, when something in a watched folder is made or written to."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._descriptor = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._callbacks: dict[int, set[Callable[[], None]]] = {}
        self._lock = threading.Lock()
        loop.add_reader(self._descriptor, self._read)

    def close(self) -> None:
        """Watch nothing any more. To be called on the loop."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def watch(self, folder: Path, callback: Callable[[], None]) -> int | None:
        """Begin to call back for the folder; return what `forget` takes, None if there is no such folder."""
        with self._lock:
            try:
                number = _checked(
                    _libc.inotify_add_watch(
                        self._descriptor,
                        os.fsencode(folder),
                        _MODIFY | _MOVED_TO | _CREATE | _ONLY_DIRECTORY,
                    )
                )
            except FileNotFoundError:
                return None
            self._callbacks.setdefault(number, set()).add(callback)
            return number

    def forget(self, number: int, callback: Callable[[], None]) -> None:
        """Call back no more."""
        with self._lock:
            callbacks = self._callbacks.get(number, set())
            callbacks.discard(callback)
            if not callbacks and self._callbacks.pop(number, None) is not None:
                # The kernel forgets folders that are gone by itself.
                _libc.inotify_rm_watch(self._descriptor, number)

    def _read(self) -> None:
        changed: set[int] = set()
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._descriptor, _BUFFER)
            position = 0
            while position < len(data):
                number, mask, _, length = _HEADER.unpack_from(data, position)
                position += _HEADER.size + length
                changed |= set(self._callbacks) if mask & _OVERFLOW else {number}
                if mask & _IGNORED:
                    with self._lock:
                        self._callbacks.pop(number, None)
        with self._lock:
            callbacks = {call for number in changed for call in self._callbacks.get(number, ())}
        for call in callbacks:
            call()


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
