"""One line per request: what was asked, by whom, and what came of it.

The front hands a finished record to a `Recorder`, which runs on the event loop and therefore must not
block; `log_request` writes to the process' log, whose stream has to take lines without waiting.
Query strings are never recorded, because tokens travel in some of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import structlog

logger = structlog.get_logger(__name__)

# A line stays readable, whatever a caller sends.
_LONGEST = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class RequestRecord:
    """What became of one request. `status` 0 says that the caller was gone before an answer began.

    `tool` and `subject` are empty where nobody was asked who is calling. `sent` counts the bytes of the
    answer's body. `duration` is in seconds.
    """

    request_id: str
    method: str
    path: str
    status: int
    duration: float
    sent: int
    service: str = ""
    tool: str = ""
    subject: str = ""
    user_agent: str = ""
    client: str = ""


Recorder = Callable[[RequestRecord], None]


def printable(raw: bytes) -> str:
    """Return bytes from a caller as text that is safe in a log: ASCII, no control characters, bounded."""
    text = raw[:_LONGEST].decode("ascii", errors="backslashreplace")
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in text
    )


def log_request(record: RequestRecord) -> None:
    """Write the record as a line of the process' log."""
    logger.info(
        "request",
        request_id=record.request_id,
        method=record.method,
        path=record.path,
        status=record.status,
        duration_ms=round(record.duration * 1000, 1),
        bytes=record.sent,
        service=record.service,
        tool=record.tool,
        subject=record.subject,
        user_agent=record.user_agent,
        client=record.client,
    )
