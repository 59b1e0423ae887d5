"""Errors at the edge of the command line: which exit code each has, and how people read it.

Exit codes: 0 done; 1 the caller's side; 2 a usage error, or our side; 130 interrupted.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping

from toolforge_common.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    QuotaExceeded,
    ToolforgeError,
    TooManyRequests,
    Unavailable,
    Unsupported,
)

DONE = 0
CALLERS_SIDE = 1
USAGE_ERROR = 2
OUR_SIDE = 2
INTERRUPTED = 130

REPORT_LINK = "https://w.wiki/6Zuu"

EXIT_CODES: Mapping[type[ToolforgeError], int] = {
    InvalidRequest: CALLERS_SIDE,
    NotAuthenticated: CALLERS_SIDE,
    Forbidden: CALLERS_SIDE,
    NotFound: CALLERS_SIDE,
    Conflict: CALLERS_SIDE,
    QuotaExceeded: CALLERS_SIDE,
    TooManyRequests: CALLERS_SIDE,
    Unsupported: OUR_SIDE,
    Unavailable: OUR_SIDE,
}


def exit_code(error: BaseException) -> int:
    """Return the code for the error: its own, else that of its nearest ancestor in the table."""
    for kind in type(error).__mro__:
        if kind in EXIT_CODES:
            return EXIT_CODES[kind]
    return OUR_SIDE


_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def is_about_output(error: BaseException) -> bool:
    """Say whether a stream could not be written: errors about files name them, these do not."""
    if not isinstance(error, OSError):
        return False
    return isinstance(error, BrokenPipeError) or (not error.filename and error.errno in _UNWRITABLE)


def is_a_failure(error: BaseException) -> bool:
    """Say whether something broke, which is worth a report if it stays; else it is a plain refusal."""
    return exit_code(error) == OUR_SIDE and not isinstance(error, Unsupported)


def headline(error: BaseException) -> str:
    """Return what happened. A failure is named by its class, which is what people search for."""
    text = str(error)
    if not is_a_failure(error):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def advice(error: BaseException, *, verbose: bool = False) -> Iterator[str]:
    """Return the lines after the headline: findings, what to do, where to read on, where to report.

    Notes, such as the request id, come with failures; with refusals only if `verbose`.
    """
    if isinstance(error, ToolforgeError):
        yield from (f"  - {detail}" for detail in error.details)
        if error.hint:
            yield f"Hint: {error.hint}"
        if error.doc:
            yield f"See: {error.doc}"
    if verbose or is_a_failure(error):
        yield from getattr(error, "__notes__", ())
    if is_a_failure(error):
        yield f"If this goes on, please report it: {REPORT_LINK}"
