"""Which subcommands there are on this machine: built-in ones and `toolforge-<name>` programs.

Nothing is run to find out, and nothing imported.
"""

from __future__ import annotations

import os
import sys

from toolforge_cli.table import BUILT_IN

TYPE_CHECKING = False  # as in typing, whose import alone takes a sixth of an interpreter's start
if TYPE_CHECKING:
    from collections.abc import Iterator


def is_installed(name: str) -> bool:
    """Say whether the built-in subcommand is there."""
    package = BUILT_IN[name][0].partition(".")[0]
    return any(os.path.isdir(os.path.join(folder, package)) for folder in sys.path)


def find_plugin(name: str, prefix: str) -> str | None:
    """Return the program for a subcommand, links resolved, or None: our own folder first, then PATH."""
    for folder in _folders() if name and os.sep not in name else ():
        file = os.path.join(folder, prefix + name)
        if _is_program(file):
            return os.path.realpath(file)
    return None


def plugins(prefix: str) -> set[str]:
    """Return the names of all subcommands that are programs of their own."""
    return {
        entry.name[len(prefix) :]
        for folder in _folders()
        for entry in _entries(folder)
        if entry.name.startswith(prefix)
        and entry.name != prefix
        and _is_program(os.path.join(folder, entry.name))
    }


def _folders() -> list[str]:
    own = os.path.dirname(os.path.realpath(sys.argv[0]))
    return [own, *os.environ.get("PATH", ".").split(os.pathsep)]


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder or ".") as entries:
            yield from entries
    except OSError:  # PATH may name what is not there or not ours to read
        return


def _is_program(file: str) -> bool:
    return os.path.isfile(file) and os.access(file, os.X_OK)
