"""Folders that somebody else can write to, touched without being tricked.

A tool may put symbolic links anywhere in its home, and swap things while we look. So everything here
works on open directories, follows no link, and never goes by a path of more than one part.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from toolforge_common.errors import Unavailable

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextlib.contextmanager
def opened(name: str | Path, parent: int | None = None) -> Iterator[int]:
    """Give a descriptor of a directory; raises OSError if it is a link or anything else."""
    descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def made(name: str, parent: int, mode: int, owner: int) -> Iterator[int]:
    """Give a descriptor of a directory inside `parent`, made with mode and owner if it is not there."""
    new = True
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
    except FileExistsError:
        new = False
    with opened(name, parent) as descriptor:
        if new:
            give(descriptor, mode, owner)
        yield descriptor


def give(descriptor: int, mode: int, owner: int) -> None:
    """Set owner and mode of what is open; only root can give away, others keep it."""
    if os.geteuid() == 0:
        os.fchown(descriptor, owner, owner)
    # After fchown, which clears the set-group-id bit.
    os.fchmod(descriptor, mode)


def write_file(name: str, parent: int, content: bytes, mode: int, owner: int) -> None:
    """Put a file into `parent`, whole or not at all, in place of whatever has that name."""
    temporary = f".{name}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=parent)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, 0o600, dir_fd=parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        give(descriptor, mode, owner)
        os.fsync(descriptor)
    os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)


def remove_tree(name: str, parent: int) -> None:
    """Remove a directory with all that is in it; nothing happens if there is none.

    Sub-directories are first moved up into the tree's own top, so depth costs neither recursion nor
    descriptors. Raises Unavailable if somebody keeps adding to it.
    """
    try:
        _make_writable(name, parent)
        with opened(name, parent) as top:
            _flatten(top)
        os.rmdir(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unavailable(f"the folder {name} cannot be removed: {error.strerror}") from error


def _flatten(top: int) -> None:
    numbers = itertools.count()
    # A name that the tool cannot have taken beforehand is not needed: rename refuses to replace a full folder.
    while names := os.listdir(top):
        for name in names:
            if not _is_directory(name, top):
                _unlink(name, top)
                continue
            _make_writable(name, top)
            with opened(name, top) as folder:
                _move_up(folder, top, numbers)
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(name, dir_fd=top)


def _move_up(folder: int, top: int, numbers: Iterator[int]) -> None:
    for name in os.listdir(folder):
        if not _is_directory(name, folder):
            _unlink(name, folder)
            continue
        _make_writable(name, folder)
        for number in numbers:
            try:
                os.rename(name, f".moved-{number}", src_dir_fd=folder, dst_dir_fd=top)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    continue
                raise
            break


def _is_directory(name: str, parent: int) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _unlink(name: str, parent: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=parent)


def _make_writable(name: str, parent: int) -> None:
    # Folders that their owner closed to himself; root does not need it.
    descriptor = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        if os.fstat(descriptor).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            # fchmod refuses such descriptors, and chmod by name would follow a link.
            os.chmod(f"/proc/self/fd/{descriptor}", 0o700)  # noqa: PTH101  a descriptor, not a path
    finally:
        os.close(descriptor)
