"""What `run` was asked for, whether that can be right, and the request that it makes.

Only what the user said is sent: the service records the rest as unset.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from toolforge_common.errors import InvalidRequest
from toolforge_common.names import parse_job_name

WEBSERVICE_NAME = "webservice"

_PORT = re.compile(r"(?P<number>[0-9]{1,5})(/(tcp|udp))?")
_LAST_PORT = 65535


@dataclasses.dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of `run` that describe the job; None is what the user did not say."""

    image: str
    name: str | None = None
    command: str | None = None
    schedule: str | None = None
    continuous: bool = False
    webservice: bool = False
    filelog: bool | None = None
    filelog_stdout: str | None = None
    filelog_stderr: str | None = None
    retry: int | None = None
    mem: str | None = None
    cpu: str | None = None
    emails: str | None = None
    mount: str | None = None
    timeout: int | None = None
    health_check_script: str | None = None
    health_check_http: str | None = None
    port: str | None = None
    replicas: int | None = None
    publish: str | None = None

    @property
    def job_type(self) -> str:
        """The type that the options ask for."""
        if self.webservice:
            return "webservice"
        if self.continuous:
            return "continuous"
        return "one-off" if self.schedule is None else "scheduled"

    @property
    def is_lasting(self) -> bool:
        """Whether the job runs all the time."""
        return self.continuous or self.webservice


def check(options: RunOptions) -> None:
    """Raise InvalidRequest for a name or a combination of options that cannot be right."""
    if options.name is not None:
        parse_job_name(options.name)
    for text, hint in _objections(options):
        raise InvalidRequest(text, hint=hint)


def _objections(options: RunOptions) -> Iterator[tuple[str, str]]:
    yield from _missing(options)
    if not options.is_lasting:
        yield from _only_for_lasting(options)
    if options.is_lasting and options.retry is not None:
        yield (
            "--retry is only for one-off and scheduled jobs",
            "a continuous job restarts by itself",
        )
    if options.timeout is not None and options.schedule is None:
        yield "--timeout is only for scheduled jobs", "add --schedule"
    if options.publish is not None and not options.continuous:
        yield "--publish is only for continuous jobs", "add --continuous"
    if options.continuous and options.health_check_http and options.port is None:
        yield "--health-check-http needs a port", "add --port"
    if options.health_check_http is not None and not options.health_check_http.startswith("/"):
        yield "--health-check-http must begin with /", "write --health-check-http /healthz"
    if options.mount == "none" and options.filelog:
        yield "--filelog writes to the tool's home and needs it", "use --mount=all"
    if options.port is not None and not _is_port(options.port):
        yield f"{options.port!r} is not a port", "write --port 8000, or --port 8000/udp"
    if options.webservice and (
        options.filelog is not None or options.filelog_stdout or options.filelog_stderr
    ):
        yield "a webservice has no log files", "leave the file log options out"


def _is_port(text: str) -> bool:
    match = _PORT.fullmatch(text)
    return match is not None and 1 <= int(match["number"]) <= _LAST_PORT


def _missing(options: RunOptions) -> Iterator[tuple[str, str]]:
    if options.command is not None and not options.command.strip():
        yield "--command is empty", "say what the job shall run"
    if options.webservice:
        return
    if options.name is None:
        yield "the job needs a name", "toolforge jobs run NAME --image IMAGE --command COMMAND"
    if options.command is None:
        yield "the job needs something to run", "add --command"


def _only_for_lasting(options: RunOptions) -> Iterator[tuple[str, str]]:
    for name, value in (
        ("--port", options.port),
        ("--replicas", options.replicas),
        ("--health-check-script", options.health_check_script),
        ("--health-check-http", options.health_check_http),
    ):
        if value is not None:
            yield f"{name} is only for continuous jobs", "add --continuous"


def payload(options: RunOptions) -> dict[str, Any]:
    """Return the request for the job."""
    wire = {
        "name": WEBSERVICE_NAME if options.name is None and options.webservice else options.name,
        "job_type": options.job_type,
        "imagename": options.image,
        "cmd": options.command,
        "schedule": options.schedule,
        "filelog": options.filelog,
        "filelog_stdout": options.filelog_stdout,
        "filelog_stderr": options.filelog_stderr,
        "retry": options.retry,
        "memory": options.mem,
        "cpu": options.cpu,
        "emails": options.emails,
        "mount": options.mount,
        "timeout": options.timeout,
        "replicas": options.replicas,
        "publish": options.publish,
        "health_check": _health_check(options),
        **_port(options),
    }
    return {key: value for key, value in wire.items() if value is not None}


def _health_check(options: RunOptions) -> dict[str, str] | None:
    if options.health_check_script is not None:
        return {"type": "script", "script": options.health_check_script}
    if options.health_check_http is not None:
        return {"type": "http", "path": options.health_check_http}
    return None


def _port(options: RunOptions) -> dict[str, str]:
    if options.port is None:
        return {}
    number, _, protocol = options.port.partition("/")
    # A webservice speaks HTTP; a protocol said all the same is ignored, as ever.
    return {
        "port": number,
        **({"port_protocol": protocol} if protocol and not options.webservice else {}),
    }
