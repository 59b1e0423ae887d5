"""A command-line program as a table, and the quick start and end of its process.

Importing this module imports nothing that is not there already when Python has started: the help of a
program is answered from its table. Hence a plain class, no dataclass, and annotations that stay text.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False  # as in typing, whose import alone takes a sixth of an interpreter's start
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

# The dispatcher sets these for what it starts, in its own process or as another program.
DISPATCHED = "TOOLFORGE_CLI"
VERBOSE = "TOOLFORGE_VERBOSE"
DEBUG = "TOOLFORGE_DEBUG"

HELP_NAMES = ("-h", "--help")

_USAGE_ERROR = _OUR_SIDE = 2  # `errors` has them for everybody else; its imports take time

# Short commands end before a collection would pay off, long ones still get theirs.
_OBJECTS_BEFORE_COLLECTION = 200_000


class Program:
    """A program with subcommands.

    `name` is the subcommand of the dispatcher (`jobs`), `version` what `--version` says, `help` the
    text of the group in Click's notation. `commands` maps each name to where the Click command is
    (`module:attribute`) and to its one line of help, in the order in which they are shown. `hot` maps
    whole lines of arguments that are typed all day to functions that take the session and do the same
    as the command would, so that Click need not be imported to understand them. `log_style` writes errors as log lines, `ERROR: text`, where scripts are used to that.
    """

    def __init__(
        self,
        *,
        name: str,
        version: str,
        help: str,  # noqa: A002  Click's word for it
        commands: Mapping[str, tuple[str, str]],
        hot: Mapping[tuple[str, ...], str] | None = None,
        log_style: bool = False,
    ) -> None:
        self.name = name
        self.version = version
        self.help = help
        self.commands = commands
        self.hot = hot or {}
        self.log_style = log_style

    @property
    def client_name(self) -> str:
        """Under which name the program looks for its configuration and introduces itself to servers."""
        return f"{self.name}-cli"

    @property
    def complete_var(self) -> str:
        """The variable that asks for a completion; Click would derive one with a space in it."""
        return f"_TOOLFORGE_{self.name.upper().replace('-', '_')}_COMPLETE"

    def main(self, arguments: Sequence[str] | None = None, prog_name: str = "") -> int:
        """Run the program and return its exit code.

        Without arguments this is the whole of a process: it takes the process' own and ends it.
        """
        prog_name = prog_name or self._own_name()
        if arguments is None:
            hasten()
            finish(self.run(sys.argv[1:], prog_name))
        return self.run(arguments, prog_name)

    def run(self, arguments: Sequence[str], prog_name: str) -> int:
        """Run the program in this process under that name and return its exit code."""
        if self.complete_var not in os.environ and _asks_for_help(arguments):
            # Imported here like Click below: of the two, one run needs one.
            from toolforge_common.cli import static_help  # noqa: PLC0415

            text = static_help.render(self, prog_name)
            if text is not None:
                return _write_help(text, is_wanted=bool(arguments))
        from toolforge_common.cli import runner  # noqa: PLC0415  see above

        return runner.run_program(self, arguments, prog_name)

    def _own_name(self) -> str:
        """Return the name people know the program by, when it was not started by the dispatcher in process."""
        separator = " " if os.environ.get(DISPATCHED) == "1" else "-"
        return f"toolforge{separator}{self.name}"


def _write_help(text: str, *, is_wanted: bool) -> int:
    """Write the help, where nobody asked for it as a usage error, and return the exit code."""
    try:
        (sys.stdout if is_wanted else sys.stderr).write(text)
    except OSError as error:
        return give_output_up(error)
    return 0 if is_wanted else _USAGE_ERROR


def _asks_for_help(arguments: Sequence[str]) -> bool:
    """Say whether the group's help is the answer; also to nothing, which is a usage error."""
    return not arguments or (len(arguments) == 1 and arguments[0] in (*HELP_NAMES, "help"))


def locate(where: str) -> Any:
    """Import what is at `module:attribute` and return it."""
    module, _, attribute = where.partition(":")
    return getattr(__import__(module, fromlist=[attribute]), attribute)


def hasten() -> None:
    """Prepare a process that will probably live for a few milliseconds; the first thing it does."""
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    _reopen_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # What a job wrote may not fit the terminal's encoding; that must not end the program.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # text files here


def _reopen_closed_streams() -> None:
    """Put /dev/null in the place of standard streams that the caller closed.

    Else the first connection would get the number of one, and be written to in its place. The lowest free
    number is what a file gets: hence the order.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  open until the process ends


def finish(code: int) -> NoReturn:
    """End the process at once, with everything written.

    Tearing an interpreter down takes as long as starting it and frees memory that is free in a moment.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        failure = give_output_up(error)
        code = code or failure
    try:
        sys.stderr.flush()
    except OSError:
        code = code or _OUR_SIDE  # and nowhere left to say so
    os._exit(code)


def give_output_up(error: OSError) -> int:
    """Say that the output cannot be written, go on without, and return the exit code."""
    if isinstance(error, BrokenPipeError):
        return 0  # the reader has seen enough; that is no failure of the program
    # What could not be written is still in the buffers, and would fail again at the end.
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  open until the process ends
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  likewise
    try:
        os.write(2, f"cannot write the output: {error.strerror}\n".encode())
    except OSError:
        return _OUR_SIDE  # standard error cannot be written either: the exit code alone says it
    return _OUR_SIDE
