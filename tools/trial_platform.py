"""A platform of its own for a test or a measurement: own state folder, free ports, gone afterwards.

It is driven like anybody drives one, by the installed commands.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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

    @property
    def description(self) -> dict[str, Any]:
        """What the platform says about itself in its state folder."""
        text = (self.state / "run" / "platform.json").read_text(encoding="utf-8")
        found: dict[str, Any] = json.loads(text)
        return found

    def environment_of(self, tool: str) -> dict[str, str]:
        """Return the environment in which commands work as the tool."""
        variables = self.dev("shell", tool, "--", "env", "-0").split("\0")
        return dict(variable.split("=", 1) for variable in variables if variable)


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
