"""What a machine needs for a platform: each check looks at one thing and says what to type to mend it.

Works whether or not a platform is running, and changes nothing. How well tools are kept apart is not
judged here: the runtime tries that out itself (`probe`) and its notes are shown.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolforge_dev import reach
from toolforge_dev.readiness import REFUSED
from toolforge_dev.settings import Places

OK, WARN, FAIL = "ok", "warn", "fail"

OLDEST_PYTHON = (3, 11, 2)
# Less than this and jobs' logs and homes are in danger; less than a tenth and so is the platform's database.
ENOUGH_DISK = 2 * 1024**3
# Certificates made before this release cannot be right.
_RELEASED = 1793491200  # 2026-11-01
_APT = "sudo apt install"
_MODES = {"": 0o711, "db": 0o700, "secrets": 0o700, "pki": 0o700, "run": 0o700, "tools": 0o711}
_REPORT = "toolforge --debug dev doctor"
_TUN = Path("/dev/net/tun")


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """One finding. `fix` is what to type, empty where nothing is to be done."""

    name: str
    level: str
    text: str
    fix: str = ""


Run = Callable[[list[str]], tuple[int, str]]


def run_program(argv: list[str]) -> tuple[int, str]:
    """Return exit code and what was written; 127 if there is no such program."""
    try:
        finished = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    except FileNotFoundError:
        return 127, f"{argv[0]} is not installed"
    except subprocess.TimeoutExpired:
        return 124, f"{argv[0]} did not end"
    return finished.returncode, (finished.stdout + finished.stderr).strip()


def check_python(version: tuple[int, int, int] = sys.version_info[:3]) -> Check:
    """The interpreter is one that we support."""
    text = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        return Check("Python", FAIL, f"{text} is too old", f"{_APT} python3.11 python3.11-venv")
    return Check("Python", OK, text)


def check_programs(run: Run = run_program, *, is_root: bool) -> Iterator[Check]:
    """What pods are started with is installed."""
    code, text = run(["bwrap", "--version"])
    if code:
        yield Check("bubblewrap", FAIL, "it is not installed", f"{_APT} bubblewrap")
    else:
        yield Check("bubblewrap", OK, text)
    if is_root:
        code, text = run(["setpriv", "--version"])
        yield (
            Check("setpriv", FAIL, "it is not installed", f"{_APT} util-linux")
            if code
            else Check("setpriv", OK, text)
        )


def check_sandbox(run: Run = run_program) -> Check:
    """A sandbox can be made: this machine lets this user have namespaces."""
    code, text = run(
        [
            "bwrap",
            "--unshare-all",
            "--ro-bind",
            "/",
            "/",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "true",
        ]
    )
    if code == 0:
        return Check("namespaces", OK, "a sandbox can be made")
    fix = "run the platform as root"
    if "uid map" in text or "Operation not permitted" in text or "namespace" in text:
        fix = (
            "sudo sysctl kernel.unprivileged_userns_clone=1 "
            "kernel.apparmor_restrict_unprivileged_userns=0, or run the platform as root"
        )
    return Check("namespaces", FAIL, f"no sandbox can be made: {text}", fix)


def check_tun(device: Path = _TUN, *, is_root: bool) -> Check:
    """Pods of an ordinary user reach the outside through a TUN device."""
    if is_root or os.access(device, os.R_OK | os.W_OK):
        return Check(str(device), OK, "usable" if device.exists() else "not needed as root")
    return Check(
        str(device),
        WARN,
        "this user cannot open it, so that pods could not be given a way to the outside",
        f"sudo chmod 666 {device}" if device.exists() else "sudo modprobe tun",
    )


def check_port(name: str, port: int, *, is_ours: bool) -> Check:
    """Nobody else listens where the platform wants to."""
    if is_ours:
        return Check(name, OK, f"port {port} is the running platform's")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return Check(
                name,
                FAIL,
                f"port {port}: {error.strerror}",
                f"sudo ss -ltnp sport = :{port} shows who has it; or choose another: toolforge dev up "
                "--port 0 --routes-port 0",
            )
    return Check(name, OK, f"port {port} is free")


def check_disk(state: Path, free: Callable[[Path], int] | None = None) -> Check:
    """There is room for homes and logs."""
    folder = next(path for path in (state, *state.parents) if path.exists())
    left = (free or _free)(folder)
    text = f"{left / 1024**3:.1f} GB free in {folder}"
    fix = f"free some space, or name a folder elsewhere: export TOOLFORGE_STATE={state}"
    if left >= ENOUGH_DISK:
        return Check("disk space", OK, text)
    return Check("disk space", WARN if left > ENOUGH_DISK / 10 else FAIL, text, fix)


def check_clock(now: float | None = None) -> Check:
    """The clock is not far off, or every certificate is refused."""
    now = time.time() if now is None else now
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < _RELEASED:
        return Check("clock", FAIL, f"it stands at {text}", "sudo timedatectl set-ntp true")
    return Check("clock", OK, text)


def check_state(state: Path, uid: int) -> Check:
    """The state folder is ours and closed to others where it has to be."""
    if not state.exists():
        return Check("state folder", OK, f"{state} is made by the first start")
    if not state.is_dir():
        fix = "name another one: export TOOLFORGE_STATE=…"
        return Check("state folder", FAIL, f"{state} is not a folder", fix)
    for name, mode in _MODES.items():
        folder = state / name if name else state
        try:
            found = folder.stat()
        except FileNotFoundError:
            continue
        if found.st_uid != uid:
            return Check(
                "state folder",
                FAIL,
                f"{folder} belongs to user {found.st_uid}",
                "run the platform as that user, or name your own folder: export TOOLFORGE_STATE=…",
            )
        actual = stat.S_IMODE(found.st_mode)
        if actual != mode:
            return Check(
                "state folder",
                WARN,
                f"{folder} has mode {actual:o} instead of {mode:o}",
                f"chmod {mode:o} {folder}",
            )
    return Check("state folder", OK, str(state))


def check_reach(uid: int, folders: Sequence[Path] | None = None) -> Check:
    """Tools, which have numbers of their own if we are root, can run the commands."""
    if uid != 0:
        return Check("commands", OK, "tools run them as this user")
    folders = reach.needed_folders() if folders is None else folders
    for folder in reach.unreadable_folders(folders):
        text = f"tools cannot use {folder}"
        return Check("commands", FAIL, text, f"sudo chmod -R o+rX {folder}")
    for folder in reach.closed_folders(folders):
        text = (
            f"tools cannot pass {folder}; `toolforge dev shell` opens a way for its own processes"
        )
        return Check("commands", OK, text)
    return Check("commands", OK, "every tool can run them")


def in_between(text: str) -> Check:
    """Tell of a platform that starts or stops, so that its runtime cannot be judged."""
    return Check("platform", WARN, text, "try again in a moment")


def try_runtime(run: Run = run_program) -> list[Check]:
    """Return what a trial of the runtime says, while no platform is there to be asked."""
    code, text = run([sys.executable, "-m", "toolforge_dev.probe"])
    if code:
        return [Check("runtime", FAIL, f"the trial failed: {_last_line(text)}", _REPORT)]
    found = json.loads(text)
    if "error" in found:
        return [Check("runtime", FAIL, found["error"], found["hint"])]
    return judge_runtime(found)


def judge_runtime(description: Mapping[str, Any]) -> list[Check]:
    """Return what a runtime says about itself: its level, and what is weaker than it could be."""
    return [
        Check("runtime", OK, f"isolation level: {description['isolation']}"),
        *(Check("runtime", WARN, note) for note in description["notes"]),
    ]


def examine(state: Path, ports: tuple[int, int], *, is_running: bool) -> Iterator[Check]:
    """Make every check, cheapest first. `ports` are the gateway's and the routes'."""
    uid = os.geteuid()
    yield check_python()
    programs = list(check_programs(is_root=uid == 0))
    yield from programs
    if programs[0].level == OK:
        yield check_sandbox()
    yield check_tun(is_root=uid == 0)
    for name, port in zip(("gateway", "web traffic"), ports, strict=True):
        yield check_port(name, port, is_ours=is_running)
    yield check_disk(state)
    yield check_clock()
    yield check_state(state, uid)
    yield check_reach(uid)
    yield check_log(state)


def check_log(state: Path) -> Check:
    """The last platform did not end with last words."""
    errors = Places(state).errors
    words = errors.read_text(errors="replace").strip() if os.access(errors, os.R_OK) else ""
    if not words:
        return Check("last start", OK, "no complaint")
    # A refusal is a sentence, with what to do in the line below; a crash says last what it was.
    if words.startswith(REFUSED):
        text = words.splitlines()[0].removeprefix(REFUSED)
    else:
        text = _last_line(words)
    return Check("last start", WARN, text, f"less {errors}")


def _last_line(text: str) -> str:
    return text.splitlines()[-1] if text else "it said nothing"


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free
