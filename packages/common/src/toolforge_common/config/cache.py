"""What configuration files said last time, so that YAML is parsed only when one of them has changed.

A cache entry is a JSON file of the user's own (`~/.cache/toolforge`, or below `$XDG_CACHE_HOME`) that is
believed only if it belongs to the user, nobody else may touch it, and every file it was made from is
still the same, absent ones included. Whatever is wrong with it, the files are read instead.
Callers keep secrets out of it.
"""

from __future__ import annotations

import json
import os
import stat
import time

from toolforge_common import __version__
from toolforge_common.errors import ToolforgeError

TYPE_CHECKING = False  # see cli.program: this is on the way of every command
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    T = TypeVar("T")
    Document = dict[str, Any]
    Signature = list[list[Any]]

# A file that was just written may be written again without any visible change of its times.
_SETTLING_NANOSECONDS = 2_000_000_000


def cached(
    name: str,
    files: Sequence[str],
    read: Callable[[], Document],
    build: Callable[[Document], T],
) -> T:
    """Return what `build` makes of what `read` returns, with the document from the cache if possible.

    `files` are all files that `read` looks at or for. Errors of `read` and `build` pass through, unless
    it is a cached document that `build` cannot use.
    """
    entry = os.path.join(_folder(), f"{name}.json")
    signature = [_signature(file) for file in files]
    document = _load(entry, signature)
    try:
        if document is not None:
            return build(document)
    except (ToolforgeError, LookupError, TypeError, ValueError, AttributeError):
        document = None  # damaged: nothing but the files is believed
    document = read()
    result = build(document)
    if _is_settled(signature):
        _store(entry, {"version": __version__, "files": signature, "document": document})
    return result


def _folder() -> str:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(home, "toolforge")


def _signature(file: str) -> list[Any]:
    try:
        found = os.stat(file)
    except OSError:
        return [file]
    return [file, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino]


def _is_settled(signature: Signature) -> bool:
    now = time.time_ns()
    return all(
        abs(now - when) > _SETTLING_NANOSECONDS for _, *facts in signature for when in facts[:2]
    )


def _load(entry: str, signature: Signature) -> Document | None:
    try:
        descriptor = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not _is_private(os.fstat(descriptor)):
                return None
            content = json.load(file)
        if content["version"] != __version__ or content["files"] != signature:
            return None
        document: Document = content["document"]
    except (OSError, ValueError, LookupError, TypeError):
        return None  # absent, unreadable or damaged
    return document


def _store(entry: str, content: Document) -> None:
    temporary = f"{entry}.{os.getpid()}"
    try:
        _make_folder(os.path.dirname(entry))
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.replace(temporary, entry)
    except OSError:
        return  # next time is slow again, that is all


def _make_folder(folder: str) -> None:
    """Make the folder and the one above it, each inside a folder of the user's own only.

    Root in somebody else's home must neither leave folders there that their owner cannot use, nor
    follow links that their owner put there.
    """
    above = os.path.dirname(folder)
    if not os.path.lexists(above):
        _insist_on_ours(os.stat(os.path.dirname(above)))
        os.mkdir(above, 0o700)
    _insist_on_ours(os.lstat(above))
    if not os.path.lexists(folder):
        os.mkdir(folder, 0o700)
    _insist_on_ours(os.lstat(folder))


def _insist_on_ours(found: os.stat_result) -> None:
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError


def _is_private(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and not found.st_mode & 0o077
