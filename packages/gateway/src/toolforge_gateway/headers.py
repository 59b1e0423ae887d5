"""Headers at the edge: which of a caller's are dropped, and which request id counts.

A caller may not speak about its own identity. Names are compared after folding case and `_` to `-`,
because WSGI folds both ways: there `X_Toolforge_Tool` and `x-toolforge-tool` are one variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from toolforge_common.identity import REQUEST_ID_HEADER

Headers = Sequence[tuple[bytes, bytes]]

# What this gateway sets, what other gateways set in its place, and what lets a caller pretend to be elsewhere.
_IDENTITY_PREFIXES = (
    b"x-toolforge-",
    b"ssl-client",
    b"x-ssl-",
    b"x-client-",
    b"client-cert",
    b"x-forwarded-",
    b"x-remote-",
    b"x-auth-",
    b"x-original-",
    b"x-rewrite-",
    b"remote-",
)
_IDENTITY_NAMES = frozenset(
    {
        b"forwarded",
        b"proxy",
        b"x-http-method-override",
        b"x-method-override",
        b"x-real-ip",
        b"x-user",
        REQUEST_ID_HEADER.encode(),
    }
)
# Anything else is no name that a program sends on purpose, and `_` is one that WSGI cannot tell from `-`.
_PLAIN_NAME = re.compile(rb"[a-z0-9]+(?:-[a-z0-9]+)*", re.IGNORECASE)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


def without_identity(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the headers in lower case, without every variant of one that speaks about the caller."""
    folded = ((name.lower(), value) for name, value in headers)
    return [(name, value) for name, value in folded if not _speaks_of_identity(name)]


def values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """Return all values of the header, none if it is not there; `name` is in lower case."""
    return [value for key, value in headers if key.lower() == name]


def well_formed_request_id(headers: Headers) -> str | None:
    """Return the caller's request id if there is exactly one that is fit for logs, else None."""
    found = values(headers, REQUEST_ID_HEADER.encode())
    if len(found) != 1 or not _REQUEST_ID.fullmatch(found[0]):
        return None
    return found[0].decode("ascii")


def _speaks_of_identity(name: bytes) -> bool:
    if not _PLAIN_NAME.fullmatch(name):
        return True
    return name in _IDENTITY_NAMES or name.startswith(_IDENTITY_PREFIXES)
