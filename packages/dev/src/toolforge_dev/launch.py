"""Starts a platform in the background and waits until it answers."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from toolforge_common.errors import InvalidRequest, Unavailable
from toolforge_dev.readiness import await_readiness
from toolforge_dev.settings import Places, Settings

# It takes one second here; a loaded machine may need many.
START_TIMEOUT = 60.0


def command(settings: Settings) -> list[str]:
    """Return the command line of a platform."""
    return [sys.executable, "-m", "toolforge_dev.platform", settings.to_argument()]


def start(settings: Settings, timeout: float = START_TIMEOUT) -> dict[str, Any]:
    """Start a platform that outlives this process; return what it says about itself once it answers.

    Raises what kept it from starting, Unavailable if it ended without a word or says nothing in time.
    """
    errors = Places(settings.state).errors
    _make_folder(errors.parent, settings.state)
    reading, writing = os.pipe()
    try:
        process = _spawn(dataclasses.replace(settings, ready=writing), errors)
        os.close(writing)
        description = await_readiness(reading, timeout)
    except TimeoutError:
        process.kill()
        process.wait()
        raise Unavailable(
            "the platform did not answer in time and was stopped", hint=_see(errors)
        ) from None
    finally:
        os.close(reading)
    if description is None:
        raise _dead(process, errors)
    return description


def _make_folder(folder: Path, state: Path) -> None:
    # The platform itself makes its folders with the right modes; this one is needed before that.
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest(
            f"the state folder {state} cannot be used: {error.strerror}",
            hint="choose another one: export TOOLFORGE_STATE=/some/folder",
        ) from error


def _spawn(settings: Settings, errors: Path) -> subprocess.Popen[bytes]:
    with errors.open("wb") as file:
        return subprocess.Popen(
            command(settings),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            pass_fds=[settings.ready],  # type: ignore[list-item]  # set by the caller
            # Neither Ctrl-C nor the end of the terminal is meant for it.
            start_new_session=True,
        )


def _dead(process: subprocess.Popen[bytes], errors: Path) -> Unavailable:
    code = process.wait()
    words = errors.read_text(errors="replace").strip().splitlines()
    last = f": {words[-1]}" if words else ""
    return Unavailable(
        f"the platform ended while it started, with exit code {code}{last}", hint=_see(errors)
    )


def _see(errors: Path) -> str:
    return f"its last words are in {errors}, its log is {errors.with_suffix('.log')}"
