"""The dispatcher `toolforge`: reads the first words and hands over.

It decides before it imports: a built-in name is run in this process, any other becomes `toolforge-<name>`
by exec, and help is static text. Whatever follows the subcommand's name is the subcommand's own.
"""

from __future__ import annotations

import os
import sys

from toolforge_cli.table import BUILT_IN
from toolforge_common.cli.program import (
    DEBUG,
    DISPATCHED,
    HELP_NAMES,
    VERBOSE,
    finish,
    give_output_up,
    hasten,
)

TYPE_CHECKING = False  # as in typing, whose import alone takes a sixth of an interpreter's start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

_PROGRAM = "toolforge"
_USAGE_ERROR = 2
_INTERRUPTED = 130
_SWITCHES = {"-v": VERBOSE, "--verbose": VERBOSE, "-d": DEBUG, "--debug": DEBUG}


def main() -> None:
    """Run the dispatcher as a process and end it."""
    hasten()
    finish(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand that the arguments name and return the exit code.

    A subcommand that is a program of its own takes this process' place.
    """
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001  the edge: nobody above could do anything with it
        try:
            return _report(error)
        except OSError as unwritable:
            return give_output_up(unwritable)


def _run(arguments: Sequence[str]) -> int:
    if "_TOOLFORGE_COMPLETE" in os.environ:
        return _complete()
    variables, rest = _read_switches(arguments)
    os.environ.update(variables)
    if not rest:
        return _show_help([])
    name, *own = rest
    if name.startswith("-"):
        return _run_option(name, own)
    if name in _OWN:
        return _OWN[name](own)
    return _hand_over(name, _without_doubled_dashes(own))


def _complete() -> int:
    from toolforge_cli import completion  # noqa: PLC0415  only when a shell asks

    found = completion.rewritten(dict(os.environ))
    if found is None:
        completion.answer()
        return 0
    name, variables = found
    del os.environ[completion.VARIABLE]
    os.environ.update(variables)
    return _run_built_in(name, []) or 0


def _read_switches(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the variables that the leading switches stand for, and what comes after them."""
    variables = {DISPATCHED: "1", VERBOSE: "0", DEBUG: "0"}
    rest = list(arguments)
    while rest and (found := _switches_in(rest[0])):
        variables.update(dict.fromkeys(found, "1"))
        del rest[0]
    return variables, rest[1:] if rest[:1] == ["--"] else rest


def _switches_in(word: str) -> list[str]:
    """Return the variables for a word: several switches may share a dash, as in `-vd`."""
    words = [word] if word.startswith("--") else [f"-{letter}" for letter in word[1:]]
    known = [_SWITCHES[word] for word in words if word in _SWITCHES]
    return known if word.startswith("-") and len(known) == len(words) else []


def _without_doubled_dashes(arguments: list[str]) -> list[str]:
    """Return the arguments with the first `-- --` as `--`.

    The dispatcher of old swallowed one, so that scripts learnt to write two; everybody else writes one.
    """
    if "--" in arguments:
        first = arguments.index("--")
        if arguments[first + 1 : first + 2] == ["--"]:
            return arguments[:first] + arguments[first + 1 :]
    return arguments


def _run_option(name: str, own: list[str]) -> int:
    if name in HELP_NAMES:
        return _show_help([])
    if name == "--version":
        return _show_version(own)
    return _refuse(f"No such option: {name}")


def _show_help(words: list[str]) -> int:
    if words:
        return run([*words, HELP_NAMES[1]])
    from toolforge_cli import help_text  # noqa: PLC0415  only when asked for

    sys.stdout.write(help_text.render())
    return 0


def _show_version(_: list[str]) -> int:
    from toolforge_cli import __version__  # noqa: PLC0415  only when asked for

    sys.stdout.write(f"Toolforge CLI, version {__version__}\n")
    return 0


def _list_names(_: list[str]) -> int:
    from toolforge_cli import help_text  # noqa: PLC0415  only when asked for

    sys.stdout.writelines(f"{name}\n" for name in sorted(help_text.available()))
    return 0


_OWN = {"help": _show_help, "version": _show_version, "_commands": _list_names}


def _hand_over(name: str, arguments: list[str]) -> int:
    if name in BUILT_IN:
        code = _run_built_in(name, arguments)
        if code is not None:
            return code
    from toolforge_cli import discovery, prefix  # noqa: PLC0415  only for names we do not know

    program = discovery.find_plugin(name, prefix.configured())
    if program is not None:
        return _become(program, arguments)
    return _refuse(*_unknown(name))


def _become(program: str, arguments: list[str]) -> NoReturn:
    """Have the program take this process' place. Raises Unsupported if its interpreter is missing."""
    try:
        os.execve(program, [program, *arguments], os.environ)  # noqa: S606  that is the job
    except FileNotFoundError as error:
        if not os.path.exists(program):
            raise
        from toolforge_common.errors import Unsupported  # noqa: PLC0415  only when it is missing

        raise Unsupported(
            f"{program} cannot run: its interpreter, named in its first line, is missing",
            hint="install the interpreter, or mend the first line of the program",
        ) from error


def _run_built_in(name: str, arguments: list[str]) -> int | None:
    """Run the subcommand in this process and return its exit code, or None if it is not installed."""
    module_name = BUILT_IN[name][0]
    package = module_name.partition(".")[0]
    try:
        module = __import__(module_name, fromlist=["main"])
    except ModuleNotFoundError as error:
        if error.name == package:
            return None
        raise
    code: int = module.main(arguments, f"{_PROGRAM} {name}")
    return code


def _unknown(name: str) -> tuple[str, ...]:
    if name in BUILT_IN:
        distribution = BUILT_IN[name][1]
        return (
            f"The command '{name}' is not installed.",
            f"It comes with the package {distribution}.",
        )
    import difflib  # noqa: PLC0415  only for names that nobody knows

    from toolforge_cli import help_text  # noqa: PLC0415  likewise

    near = difflib.get_close_matches(name, help_text.available(), n=1)
    return (f"No such command '{name}'.", *(f"Did you mean '{word}'?" for word in near))


def _refuse(*sentences: str) -> int:
    """Write a usage error as Click does and return its exit code."""
    sys.stderr.write(
        f"Usage: {_PROGRAM} [OPTIONS] COMMAND [ARGS]...\n"
        f"Try '{_PROGRAM} --help' for help.\n\n"
        f"Error: {' '.join(sentences)}\n"
    )
    return _USAGE_ERROR


def _report(error: Exception) -> int:
    """Say what went wrong in the dispatcher itself, as its subcommands do, and return the exit code."""
    import traceback  # noqa: PLC0415  only when something is wrong

    from toolforge_common.cli import errors  # noqa: PLC0415  likewise

    if isinstance(error, OSError) and errors.is_about_output(error):
        return give_output_up(error)
    if os.environ.get(DEBUG) == "1":
        traceback.print_exception(error)
    label = "" if errors.is_a_failure(error) else "Error: "
    lines = [f"{label}{errors.headline(error)}", *errors.advice(error)]
    sys.stderr.writelines(f"{line}\n" for line in lines)
    return errors.exit_code(error)
