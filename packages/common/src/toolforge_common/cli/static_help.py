"""The help of a program's group, word for word as Click prints it, without importing Click.

Text that would have to be wrapped is left to Click: on a narrow terminal help takes a little longer.
"""

from __future__ import annotations

import os

from toolforge_common.cli.program import DISPATCHED

TYPE_CHECKING = False  # see program
if TYPE_CHECKING:
    from toolforge_common.cli.program import Program

VERSION_HELP = "Show the version and exit."
VERBOSE_HELP = "Say on standard error what is asked of the servers."
DEBUG_HELP = "Like --verbose, and show where an error came from."
HELP_HELP = "Show this message and exit."

# As in Click: help is never wider than this, and two columns are left free.
_MAX_WIDTH = 80
_MARGIN = 2
_FALLBACK_WIDTH = 80


def render(program: Program, prog_name: str) -> str | None:
    """Return the help of the program, or None if it does not fit the terminal without wrapping."""
    usage = f"Usage: {prog_name} [OPTIONS] COMMAND [ARGS]..."
    rows = [(name, line) for name, (_, line) in program.commands.items()]
    options, commands = _columns(_options()), _columns(rows)
    lines = [usage, *options, *commands, *_wrappable(program.help)]
    if max(map(len, lines)) > terminal_width():
        return None
    text = _indented(program.help)
    return "\n".join([usage, "", *text, "", "Options:", *options, "", "Commands:", *commands, ""])


def terminal_width() -> int:
    """Return how wide help may be, by the rules of Click and shutil."""
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() else 0
    if width <= 0:
        try:
            width = os.get_terminal_size(1).columns or _FALLBACK_WIDTH
        except OSError:  # standard output is no terminal
            width = _FALLBACK_WIDTH
    return min(width, _MAX_WIDTH) - _MARGIN


def shows_own_switches() -> bool:
    """Say whether the group's help has --verbose and --debug: not below the dispatcher, which has them."""
    return os.environ.get(DISPATCHED) != "1"


def _options() -> list[tuple[str, str]]:
    own = [("-v, --verbose", VERBOSE_HELP), ("-d, --debug", DEBUG_HELP)]
    return [
        ("--version", VERSION_HELP),
        *(own if shows_own_switches() else []),
        ("-h, --help", HELP_HELP),
    ]


def _indented(text: str) -> list[str]:
    # "\b" alone on a line tells Click to leave the lines of a paragraph as they are.
    return [f"  {line}" if line else "" for line in text.splitlines() if line != "\b"]


def _wrappable(text: str) -> list[str]:
    """Return the paragraphs that Click would wrap, each as the line it must be to stay as it is."""
    paragraphs = text.rstrip("\n").split("\n\n")
    return [
        "  " + paragraph.replace("\n", " ")
        for paragraph in paragraphs
        if not paragraph.startswith("\b\n")
    ]


def _columns(rows: list[tuple[str, str]]) -> list[str]:
    width = max(len(name) for name, _ in rows) + 2
    return [f"  {name:{width}}{line}" for name, line in rows]
