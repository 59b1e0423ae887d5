"""A platform of its own for a test or a measurement: own state folder, free ports, gone afterwards.

It is driven like anybody drives one: by the installed commands, or by HTTP.
"""

from __future__ import annotations

import dataclasses
import json
import os
import select
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

TOOLFORGE = str(Path(sys.executable).with_name("toolforge"))
# A loaded machine may need long for what usually takes a second.
TIMEOUT = 120


@dataclasses.dataclass(frozen=True)
class TrialPlatform:
    """A platform that may run or not; `environment` makes commands find it."""

    state: Path
    environment: Mapping[str, str]

    def dev(self, *words: str) -> str:
        """Run `toolforge dev …` and return what it printed. Raises CalledProcessError if it failed."""
        return subprocess.run(
            [TOOLFORGE, "dev", *words],
            env=self.environment,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT,
        ).stdout

    def up(self) -> None:
        """Start it and wait until it is ready."""
        self.dev("up", "--port", "0", "--routes-port", "0")

    def kill(self) -> None:
        """End its process as a crash would, and wait until it has ended."""
        process = os.pidfd_open(self.description["pid"])
        try:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            select.select([process], [], [], TIMEOUT)
        finally:
            os.close(process)

    @property
    def description(self) -> dict[str, Any]:
        """What the platform says about itself in its state folder."""
        text = (self.state / "run" / "platform.json").read_text(encoding="utf-8")
        found: dict[str, Any] = json.loads(text)
        return found

    @property
    def status(self) -> dict[str, Any]:
        """What the running platform answers about itself."""
        found: dict[str, Any] = json.loads(self.dev("status", "--output", "json"))
        return found

    def environment_of(self, tool: str) -> dict[str, str]:
        """Return the environment in which commands work as the tool."""
        variables = self.dev("shell", tool, "--", "env", "-0").split("\0")
        return dict(variable.split("=", 1) for variable in variables if variable)


@dataclasses.dataclass(frozen=True)
class Said:
    """What a command said, on either stream, and how it ended."""

    status: int
    output: str
    errors: str


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    body: Any


class ToolUser:
    """Somebody who works as a tool."""

    def __init__(self, name: str, platform: TrialPlatform) -> None:
        self.name = name
        self.platform = platform
        self.environment = platform.environment_of(name)
        self.home = Path(self.environment["HOME"])

    def toolforge(self, *words: str, status: int = 0) -> Said:
        """Run `toolforge …`, which must end with that status."""
        result = subprocess.run(
            [TOOLFORGE, *words],
            env=self.environment,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        said = Said(result.returncode, result.stdout, result.stderr)
        if said.status != status:
            raise AssertionError(f"toolforge {' '.join(words)}: wanted {status}, got {said}")
        return said

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `toolforge …` and leave it running; its output can be read as it comes."""
        return subprocess.Popen(
            [TOOLFORGE, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run_job(self, name: str, command: str, *options: str) -> Said:
        """Run a job that keeps its log for `jobs logs`."""
        words = ["jobs", "run", name, "--command", command, "--image", "python3.11"]
        return self.toolforge(*words, "--no-filelog", *options)

    def job(self, name: str) -> dict[str, Any]:
        """Return what `jobs show` says about a job."""
        output = self.toolforge("jobs", "show", name, "--output", "json").output
        found: dict[str, Any] = json.loads(output)
        return found

    def messages(self, name: str) -> list[str]:
        """Return what a job has written, line by line; nothing yet gives nothing."""
        answer = self.request("GET", f"/jobs/v1/tool/{self.name}/jobs/{name}/logs")
        if answer.status != HTTPStatus.OK:
            return []
        lines = filter(None, answer.body.splitlines())
        return [json.loads(line)["message"] for line in lines]

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        with_certificate: bool = True,
    ) -> Answer:
        """Call the gateway. What is no text of ours but JSON comes back parsed."""
        context = ssl.create_default_context(cafile=self.environment["TOOLFORGE_API_CA_FILE"])
        if with_certificate:
            folder = self.home / ".toolskube"
            context.load_cert_chain(folder / "client.crt", folder / "client.key")
        gateway = urllib.parse.urlsplit(self.environment["TOOL_TOOLFORGE_API_URL"])
        connection = HTTPSConnection(gateway.netloc, context=context, timeout=TIMEOUT)
        raw = (
            body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        )
        sent = {} if raw is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, path, raw, {**sent, **(headers or {})})
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in response.getheaders()}
        is_json = found.get("content-type", "").startswith("application/json")
        return Answer(response.status, found, json.loads(text) if is_json else text)


def eventually(condition: Callable[[], T], seconds: float = 60) -> T:
    """Return what the condition gives as soon as it gives something true; fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still {found!r} after {seconds} seconds")
        time.sleep(0.05)
    return found


@contextmanager
def trial_platform() -> Iterator[TrialPlatform]:
    """Give a platform that does not run yet; in the end stop it, its pods included."""
    # Paths of sockets are short.
    state = Path(tempfile.mkdtemp(prefix="tf-", dir="/tmp"))
    platform = TrialPlatform(state, {**os.environ, "TOOLFORGE_STATE": str(state)})
    try:
        yield platform
    finally:
        try:
            platform.dev("down")
        finally:
            shutil.rmtree(state)
