"""Where a command speaks: data on standard output, everything said about data on standard error.

Colours appear on terminals only, never with `NO_COLOR` or a dumb terminal, always with `FORCE_COLOR`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TextIO

# The colours that messages have, as terminals want them named.
PLAIN, BLUE, YELLOW, RED = "", "34", "33", "31"
_LEVEL_COLOURS = {"WARNING": "1;33", "ERROR": "1;31"}


class Messages(NamedTuple):
    """What a server had to say besides its answer."""

    info: tuple[str, ...] = ()
    warning: tuple[str, ...] = ()
    come_with_refusal: bool = False


class Console:
    """The two streams of a command, and who reads them."""

    def __init__(self, stdout: TextIO, stderr: TextIO, environ: Mapping[str, str]) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._out_colours = _wants_colours(stdout, environ)
        self._err_colours = _wants_colours(stderr, environ)

    @property
    def is_watched(self) -> bool:
        """Whether somebody sits in front of standard error."""
        return self._stderr.isatty()

    def data(self, text: str) -> None:
        """Write a line, or several, of what was asked for."""
        self._stdout.write(f"{text}\n")

    def stream(self, line: str) -> None:
        """Write a line that somebody is waiting for."""
        self.data(line)
        self._stdout.flush()

    def messages(self, messages: Messages) -> None:
        """Write what a server said: information to standard output in blue, warnings to standard error."""
        for text in messages.info:
            self._stdout.write(_paint(text, BLUE, self._out_colours) + "\n")
        for text in messages.warning:
            self.say(f"Warning: {text}", YELLOW)

    def say(self, text: str, colour: str = PLAIN) -> None:
        """Write a line to standard error."""
        self._flush_data()
        self._stderr.write(_paint(text, colour, self._err_colours) + "\n")

    def log(self, level: str, text: str) -> None:
        """Write a line to standard error in the form `LEVEL: text`."""
        painted = _paint(level, _LEVEL_COLOURS.get(level, PLAIN), self._err_colours)
        self.say(f"{painted}: {text}")

    def hint(self, *lines: str) -> None:
        """Say what to do next, if somebody sits in front of standard error to read it."""
        if self.is_watched:
            self.all(lines)

    def all(self, lines: Iterable[str]) -> None:
        """Write lines to standard error."""
        for line in lines:
            self.say(line)

    def _flush_data(self) -> None:
        # Both streams often end on one screen, where their order shall be that of events.
        self._stdout.flush()


def _wants_colours(stream: TextIO, environ: Mapping[str, str]) -> bool:
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environ.get("TERM") != "dumb"


def _paint(text: str, colour: str, is_wanted: bool) -> str:  # noqa: FBT001  private and positional
    return f"\x1b[{colour}m{text}\x1b[0m" if is_wanted and colour else text
