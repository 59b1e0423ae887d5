"""Which folders a tool must be able to pass to run our commands, and how its shell gets there.

As root, tools have numbers of their own, and an installation below `/root` (mode 0700) is closed to them.
Then their shells get a mount namespace in which just what is needed shows through, read-only but for the
tool's home. Nobody else sees it, and it is gone with the shell's last process.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

_CLONE_NEWNS = 0x00020000
_MS_RDONLY = 1
_MS_NOSUID = 2
_MS_NODEV = 4
_MS_REMOUNT = 32
_MS_BIND = 4096
_MS_REC = 16384
_MS_PRIVATE = 1 << 18
_READABLE = stat.S_IROTH | stat.S_IXOTH
_SAFE = _MS_NOSUID | _MS_NODEV


def needed_folders() -> list[Path]:
    """Return the folders that our commands are in: the environment, its Python, packages beside them."""
    prefixes = [Path(sys.prefix), Path(sys.base_prefix)]
    others = [Path(entry) for entry in sys.path if entry and Path(entry).is_dir()]
    outside = [path for path in others if not any(path.is_relative_to(known) for known in prefixes)]
    return [path.absolute() for path in (*prefixes, *outside)]


def closed_folders(paths: Iterable[Path]) -> list[Path]:
    """Return the outermost folders on the way to the paths that others may not pass, each once."""
    found = [
        next((folder for folder in reversed(path.parents) if not _is_passable(folder)), None)
        for path in paths
    ]
    return sorted({folder for folder in found if folder is not None})


def unreadable_folders(paths: Iterable[Path]) -> list[Path]:
    """Return those of the paths that others may not use, however they get there."""
    return [path for path in paths if path.stat().st_mode & _READABLE != _READABLE]


def open_way(readable: Sequence[Path], writable: Sequence[Path]) -> None:
    """Let this process and its children see the paths, whatever is closed around them.

    Needs root. Raises OSError if the kernel does not allow it.
    """
    paths = [*readable, *writable]
    closed = closed_folders(paths)
    if not closed:
        return
    hidden = [path for path in paths if any(path.is_relative_to(folder) for folder in closed)]
    _call(_libc().unshare, _CLONE_NEWNS)
    _mount("none", Path("/"), "", _MS_REC | _MS_PRIVATE)
    # Held open, the folders can be bound after what is above them has been covered; not earlier, since
    # a folder of another namespace cannot be bound.
    held = {path: os.open(path, os.O_PATH | os.O_DIRECTORY) for path in hidden}
    try:
        for folder in closed:
            _mount("tmpfs", folder, "tmpfs", _SAFE, "mode=0755,size=64k")
        for path, descriptor in held.items():
            _show(path, descriptor, is_read_only=path not in writable)
    finally:
        for descriptor in held.values():
            os.close(descriptor)


def _show(path: Path, descriptor: int, *, is_read_only: bool) -> None:
    path.mkdir(parents=True, exist_ok=True)
    _mount(f"/proc/self/fd/{descriptor}", path, "", _MS_BIND | _MS_REC)
    if is_read_only:
        _mount("none", path, "", _MS_BIND | _MS_REMOUNT | _MS_RDONLY | _SAFE)


def _is_passable(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: Path, kind: str, flags: int, data: str = "") -> None:
    arguments = (os.fsencode(source), os.fsencode(target), kind.encode() or None)
    _call(_libc().mount, *arguments, ctypes.c_ulong(flags), data.encode() or None)


def _call(function: ctypes._NamedFuncPointer, *arguments: object) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
