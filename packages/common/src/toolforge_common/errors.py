"""The errors that Toolforge raises on purpose, and the words it has for them.

They know neither HTTP nor exit codes; two tables at the edges do (`api.errors`, `cli.errors`)::

    ToolforgeError
    ├─ InvalidRequest         invalid            what was asked cannot be right
    ├─ NotAuthenticated       unauthenticated    nobody vouches for the caller
    ├─ Forbidden              forbidden          the caller is known and may not
    ├─ NotFound               not_found          there is no such thing, or the caller may not see it
    ├─ Conflict               conflict           it clashes with what is already there
    ├─ QuotaExceeded          quota_exceeded     the tool has no room for it
    ├─ TooManyRequests        too_many_requests  too much at once; the same call may succeed later
    ├─ Unsupported            unsupported        this installation does not offer it
    └─ Unavailable            unavailable        our side cannot answer now
"""

from __future__ import annotations

from typing import ClassVar


class ToolforgeError(Exception):
    """A refusal or failure that is told to the user as it stands.

    `message` is a sentence without capital and full stop that names what was refused;
    `hint` is what to do about it, a command to type where there is one; `doc` a link;
    `details` are the single findings when there are several.
    """

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        doc: str = "",
        details: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.doc = doc
        self.details = details


class InvalidRequest(ToolforgeError):
    """What was asked cannot be right, whoever asks."""

    code = "invalid"
    title = "Invalid request"


class NotAuthenticated(ToolforgeError):
    """Nobody vouches for the caller."""

    code = "unauthenticated"
    title = "Not authenticated"


class Forbidden(ToolforgeError):
    """The caller is known and may not do this."""

    code = "forbidden"
    title = "Forbidden"


class NotFound(ToolforgeError):
    """There is no such thing, or the caller may not see it."""

    code = "not_found"
    title = "Not found"


class Conflict(ToolforgeError):
    """The request clashes with what is already there."""

    code = "conflict"
    title = "Conflict"


class QuotaExceeded(ToolforgeError):
    """The tool has no room left for what was asked."""

    code = "quota_exceeded"
    title = "Quota exceeded"


class TooManyRequests(ToolforgeError):
    """Too much was asked at once; the same call may succeed later."""

    code = "too_many_requests"
    title = "Too many requests"


class Unsupported(ToolforgeError):
    """The request is right, but this installation does not offer it."""

    code = "unsupported"
    title = "Not supported"


class Unavailable(ToolforgeError):
    """Our side cannot answer now; the caller did nothing wrong."""

    code = "unavailable"
    title = "Unavailable"


def by_code() -> dict[str, type[ToolforgeError]]:
    """Return every error class keyed by its code, so that a client can rebuild what a service raised."""
    return {error.code: error for error in ToolforgeError.__subclasses__()}
