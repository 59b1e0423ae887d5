"""Runs a program: the one place where exceptions become exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from toolforge_common.cli import errors
from toolforge_common.cli.console import RED, Console
from toolforge_common.cli.program import Program, give_output_up, locate
from toolforge_common.cli.session import OpenTransport, Session, open_gateway
from toolforge_common.errors import InvalidRequest, ToolforgeError


def run_program(program: Program, arguments: Sequence[str], prog_name: str) -> int:
    """Run the command that the arguments name and return the exit code, whatever happens."""
    try:
        return _run_and_tell(program, arguments, prog_name)
    except OSError as error:  # of all that can fail, only telling it is left here
        return give_output_up(error)


def _run_and_tell(program: Program, arguments: Sequence[str], prog_name: str) -> int:
    session = new_session(program)
    try:
        return execute(program, arguments, prog_name, session)
    except Exception as error:  # noqa: BLE001  the edge: nobody above could do anything with it
        _tell(error, session, log_style=program.log_style)
        if not session.debug:
            session.console.say("Run it with --debug to see where this came from.")
        return errors.exit_code(error)


def new_session(program: Program, open_transport: OpenTransport = open_gateway) -> Session:
    """Return a session on the streams of the process."""
    return Session(program, Console(sys.stdout, sys.stderr, os.environ), open_transport)


def execute(program: Program, arguments: Sequence[str], prog_name: str, session: Session) -> int:
    """Run the command and return its exit code, or that of what ended it. Surprises pass through."""
    try:
        return _perform(program, arguments, prog_name, session)
    except KeyboardInterrupt:
        return errors.INTERRUPTED
    except OSError as error:
        if not errors.is_about_output(error):
            raise
        return give_output_up(error)
    except ToolforgeError as error:
        _tell(error, session, log_style=program.log_style)
        return errors.exit_code(error)


def _perform(program: Program, arguments: Sequence[str], prog_name: str, session: Session) -> int:
    _refuse_undecodable(arguments)
    hot = program.hot.get(tuple(arguments))
    if hot is not None and program.complete_var not in os.environ:
        locate(hot)(session)
        return errors.DONE
    from toolforge_common.cli.group import run_group  # noqa: PLC0415  a hot line does without Click

    return run_group(program, arguments, prog_name, session)


def _refuse_undecodable(arguments: Sequence[str]) -> None:
    """Raise InvalidRequest for an argument that is not UTF-8: no request could carry it."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise InvalidRequest(f"the argument {argument!r} is not UTF-8") from error


def _tell(error: Exception, session: Session, *, log_style: bool) -> None:
    console = session.console
    if session.debug:
        import traceback  # noqa: PLC0415  rarely wanted

        console.say("".join(traceback.format_exception(error)).rstrip())
    headline = errors.headline(error)
    if log_style:
        console.log("ERROR", headline)
    else:
        label = "" if errors.is_a_failure(error) else "Error: "
        console.say(f"{label}{headline}", RED)
    console.all(errors.advice(error, verbose=session.verbose or session.debug))
