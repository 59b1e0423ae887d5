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

_USAGE_ERROR = 2  # `errors` has it for everybody else; its imports take time

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
                (sys.stdout if arguments else sys.stderr).write(text)
                return 0 if arguments else _USAGE_ERROR
        from toolforge_common.cli import runner  # noqa: PLC0415  see above

        return runner.run_program(self, arguments, prog_name)

    def _own_name(self) -> str:
        """Return the name people know the program by, when it was not started by the dispatcher in process."""
        separator = " " if os.environ.get(DISPATCHED) == "1" else "-"
        return f"toolforge{separator}{self.name}"


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
    for stream in (sys.stdout, sys.stderr):
        # What a job wrote may not fit the terminal's encoding; that must not end the program.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # text files here


def finish(code: int) -> NoReturn:
    """End the process at once, with everything written.

    Tearing an interpreter down takes as long as starting it and frees memory that is free in a moment.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        pass  # the reader has seen enough; that is no failure of the program
    except OSError as error:
        os.write(2, f"cannot write the output: {error.strerror}\n".encode())
        code = code or 2
    sys.stderr.flush()
    os._exit(code)
