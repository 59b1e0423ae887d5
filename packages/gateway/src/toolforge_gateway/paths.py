"""The one decoder of request paths: what it lets through means the same to everybody who reads it.

`policy` decides on what this module returns and the front forwards exactly that, so no second decoder
can see another path. Whatever two decoders might read differently is refused, not repaired.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from toolforge_common.errors import InvalidRequest

# Characters of a path in RFC 3986, section 3.3, without `;`, which some readers take for the end of a segment.
_RAW = re.compile(rb"/(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]|%[0-9A-Fa-f]{2})*")
# Encoded forms of what would have a meaning when plain: `.`, `/`, `\`, `;`, and `%`, which hides a second encoding.
_ENCODED_MEANING = re.compile(rb"%(?:2e|2f|5c|3b|25)", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_HINT = "write the path plainly: /<service>/v1/tool/<tool>/…"


def decode_path(raw: bytes) -> str:
    """Return the path that `raw` stands for. Raises InvalidRequest if it could stand for two."""
    if not _RAW.fullmatch(raw):
        raise _refused("it holds characters that a path may not hold")
    if b"//" in raw:
        raise _refused("it has an empty segment")
    if _ENCODED_MEANING.search(raw):
        raise _refused("it encodes a dot, a slash, a backslash, a semicolon or a percent sign")
    path = _text(unquote_to_bytes(raw))
    if _CONTROL.search(path):
        raise _refused("it encodes a control character")
    if not {".", ".."}.isdisjoint(path.split("/")):
        raise _refused("it has a segment of dots")
    return path


def strip_first_segment(path: str) -> tuple[str, str]:
    """Split `/jobs/v1/x` into `jobs` and `/v1/x`; what has no second slash has `/` left."""
    first, _, rest = path[1:].partition("/")
    return first, f"/{rest}"


def _text(decoded: bytes) -> str:
    try:
        return decoded.decode()
    except UnicodeDecodeError as error:
        raise _refused("it is not UTF-8") from error


def _refused(reason: str) -> InvalidRequest:
    return InvalidRequest(f"the path of the request is ambiguous: {reason}", hint=_HINT)
