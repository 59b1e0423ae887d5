"""What the tests of several packages need to run a command line: streams, a tool's home, a fake service.

Click's own `CliRunner` is not used: its treatment of standard error changed between the versions that we
support, and our programs return their exit code to whoever calls them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar
from unittest import mock

from toolforge_common.cli import runner
from toolforge_common.cli.program import Program
from toolforge_common.cli.transport import Request, Response, Transport

S = TypeVar("S", bound=TextIO)


@dataclasses.dataclass(frozen=True, slots=True)
class Finished:
    """What came of a command."""

    exit_code: int
    stdout: str = ""
    stderr: str = ""


class Terminal(io.StringIO):
    """A stream that somebody watches."""

    def isatty(self) -> bool:
        """Return True, as a terminal does."""
        return True


def run_command(
    program: Program,
    arguments: Sequence[str],
    transport: Transport | None = None,
    *,
    prog_name: str = "",
    is_terminal: bool = False,
) -> Finished:
    """Run a command in this process, as if typed, with the transport in the gateway's place.

    Exceptions that no user should see pass through, with their traceback.
    """
    kind = Terminal if is_terminal else io.StringIO
    with captured(kind(), kind()) as (stdout, stderr):
        session = (
            runner.new_session(program)
            if transport is None
            else runner.new_session(program, lambda *_: transport)
        )
        code = runner.execute(program, arguments, prog_name or f"toolforge {program.name}", session)
    return Finished(code, stdout.getvalue(), stderr.getvalue())


@contextlib.contextmanager
def captured(stdout: io.StringIO, stderr: io.StringIO) -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """Put the streams in the place of the process' own for a while."""
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        yield stdout, stderr


def make_home(folder: Path, tool: str = "demo") -> Path:
    """Make a tool's home with a kubeconfig whose certificate files are not there, and return it."""
    kubeconfig = folder / ".kube" / "config"
    kubeconfig.parent.mkdir(parents=True)
    user = {"client-certificate": "../client.crt", "client-key": "../client.key"}
    content = {
        "current-context": "toolforge",
        "contexts": [{"name": "toolforge", "context": {"user": tool, "namespace": f"tool-{tool}"}}],
        "users": [{"name": tool, "user": user}],
    }
    kubeconfig.write_text(json.dumps(content))
    return folder


@contextlib.contextmanager
def at_home(home: Path, **variables: str) -> Iterator[None]:
    """Live in that home, with these variables and with none that would change what commands do."""
    inherited = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    with mock.patch.dict(os.environ, {**inherited, "HOME": str(home), **variables}, clear=True):
        yield


class FakeService:
    """A transport that remembers requests and gives prepared answers, in order.

    Each answer is a status and a body, JSON unless it is bytes.
    """

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self._answers = list(answers)
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        """Remember the request and return the next answer."""
        self.requests.append(request)
        status, body = self._answers.pop(0)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Response(status, {"x-request-id": "the-request-id"}, [raw])

    @property
    def asked(self) -> list[tuple[str, str, Any]]:
        """Method, path and decoded body of each request."""
        return [
            (one.method, one.path, json.loads(one.body) if one.body else None)
            for one in self.requests
        ]


def answer(**fields: Any) -> tuple[int, Mapping[str, Any]]:
    """Return a successful answer with these fields and no messages."""
    return 200, {**fields, "messages": {}}
