"""Becoming a tool: its environment, its number, and a shell that says whose it is.

Everything ends in an exec, so that exit code, signals and the terminal are the command's own. The
environment is made from nothing: what the caller has in theirs is not the tool's business.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from toolforge_common.errors import Unavailable
from toolforge_dev import reach
from toolforge_dev.settings import STATE_VARIABLE

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
# What says how to speak to the person at the terminal, and which platform they use.
_KEPT = ("TERM", "COLORTERM", "LANG", "LANGUAGE", "TZ", "NO_COLOR", "FORCE_COLOR", STATE_VARIABLE)
_KEPT_PREFIX = "LC_"
_BASH = Path("/bin/bash")
_UMASK = 0o022


@dataclasses.dataclass(frozen=True, slots=True)
class ToolAccount:
    """The tool to become. `uid` is also the number of its group."""

    name: str
    uid: int
    home: Path


@dataclasses.dataclass(frozen=True, slots=True)
class Addresses:
    """Where the platform answers: its gateway, who vouches for it, and the web addresses of tools."""

    gateway_url: str
    gateway_ca: Path
    publish_url_template: str


def environment(
    account: ToolAccount, addresses: Addresses, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables of the tool's shell, given the caller's."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIX)
    }
    # As the accounts of tools are named on an installation of one's own.
    user = f"local.{account.name}"
    return kept | {
        "HOME": str(account.home),
        "USER": user,
        "LOGNAME": user,
        "SHELL": str(_BASH) if _BASH.exists() else "/bin/sh",
        # Ours come last: with them come an interpreter and a `pip` that are the platform's, not the tool's.
        "PATH": f"{DEFAULT_PATH}:{Path(sys.executable).parent}",
        "KUBECONFIG": str(account.home / ".kube" / "config"),
        "TOOL_TOOLFORGE_API_URL": addresses.gateway_url,
        "TOOLFORGE_API_CA_FILE": str(addresses.gateway_ca),
        "TOOLFORGE_PUBLISH_URL_TEMPLATE": addresses.publish_url_template,
        "TOOL_DATA_DIR": str(account.home),
    }


def become(account: ToolAccount, readable: Sequence[Path]) -> None:
    """Take the tool's number if we are root, and go to its home. Raises Unavailable if that cannot be.

    `readable` are folders that the tool must be able to use beside its home.
    """
    if os.geteuid() == 0:
        _open_way(account, readable)
    try:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(account.uid)
            os.setuid(account.uid)
        os.umask(_UMASK)
        os.chdir(account.home)
    except OSError as error:
        raise Unavailable(
            f"cannot work as the tool {account.name!r}: {error.strerror}: {account.home}",
            hint="`toolforge dev doctor` looks for the reason",
        ) from error


def _open_way(account: ToolAccount, readable: Sequence[Path]) -> None:
    try:
        reach.open_way(readable, [account.home])
    except OSError as error:
        closed = reach.closed_folders([*readable, account.home])
        raise Unavailable(
            f"the tool {account.name!r} cannot pass {closed[0]}: {error.strerror}",
            hint=f"sudo chmod o+x {closed[0]}, or move what is below to where everybody may pass",
        ) from error


def run(command: Sequence[str], account: ToolAccount, variables: Mapping[str, str]) -> NoReturn:
    """Become the command, an interactive shell if there is none. Raises OSError if it cannot be run."""
    argv = list(command) or interactive(account, variables["SHELL"])
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvpe(argv[0], argv, dict(variables))  # noqa: S606  that is the job


def interactive(account: ToolAccount, shell: str) -> list[str]:
    """Return the command line of a shell whose prompt names the tool."""
    if not shell.endswith("bash"):
        return [shell]
    # The tool's number has no name on this machine, so the usual prompt would say "I have no name!".
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as file:
        file.write(
            "[ -r /etc/bash.bashrc ] && . /etc/bash.bashrc\n"
            "[ -r ~/.bashrc ] && . ~/.bashrc\n"
            f"PS1='\\[\\e[1m\\]{account.name}\\[\\e[0m\\]:\\w\\$ '\n"
            f"exec {reading}<&-\n"
        )
    os.set_inheritable(reading, True)
    return [shell, "--rcfile", f"/dev/fd/{reading}"]
