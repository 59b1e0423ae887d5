"""How well pods are kept apart on this machine: found out by running `true`, not by asking for versions."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import socket
from decimal import Decimal
from pathlib import Path, PurePosixPath

from toolforge_common.errors import Unavailable
from toolforge_common.names import ToolName
from toolforge_runtime.local import cgroups, podfiles, sandbox
from toolforge_runtime.local.cgroups import Cgroups
from toolforge_runtime.local.launching import Launcher
from toolforge_runtime.local.sandbox import Confined, Mode
from toolforge_runtime.local.state import StateFolder
from toolforge_runtime.ports import Container, Resources

_PROBE_TIMEOUT = 15.0
# The traditional number of nobody; the pod has no files.
_NOBODY = 65534
_PROBE = Confined(
    tool=ToolName("probe"),
    uid=_NOBODY,
    home=PurePosixPath("/nonexistent"),
    pod="probe",
    container=Container(
        image="",
        command=("/usr/bin/true",),
        resources=Resources(64 * 2**20, 64 * 2**20, Decimal(1), Decimal(1)),
        mount_storage=False,
    ),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Isolation:
    """What pods get here. `limits` is None where the kernel enforces none; `notes` say what is weaker."""

    name: str
    mode: Mode
    limits: Cgroups | None
    notes: tuple[str, ...]


def find_isolation(state: StateFolder, launcher: Launcher) -> Isolation:
    """Return the strongest level that works. Raises Unavailable if none does."""
    mode = Mode.ROOT if os.geteuid() == 0 else Mode.USER
    if not Path(sandbox.BUBBLEWRAP).exists():
        raise Unavailable(
            "pods need bubblewrap, which is not installed", hint="sudo apt install bubblewrap"
        )
    notes = [_NO_NETWORK]
    try:
        limits: Cgroups | None = cgroups.find(group_name(state.root))
        _run_probe(state, launcher, mode, limits)
    except Unavailable as error:
        limits = None
        _run_probe(state, launcher, mode, limits)
        notes.append(f"memory, CPU and process limits of jobs are not enforced: {error.message}")
        if error.hint:
            notes.append(f"to have them enforced: {error.hint}")
    if mode is Mode.USER:
        notes.append(_ONE_USER)
    name = "sandbox" if limits else "sandbox without limits"
    return Isolation(name, mode, limits, tuple(notes))


def group_name(root: Path) -> str:
    """Return the name of the control group of the platform that owns the state folder."""
    return f"toolforge-{hashlib.sha256(os.fsencode(root)).hexdigest()[:8]}"


def _run_probe(state: StateFolder, launcher: Launcher, mode: Mode, limits: Cgroups | None) -> None:
    folder = state.pods / f"probe-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    log = folder / "log"
    log.mkdir()
    try:
        launcher.launch(folder, log, _PROBE, mode, limits, grace=0)
        _await_end(folder)
        record = podfiles.read_exit(str(folder)) or {}
        if record.get("code") != 0:
            raise Unavailable(f"no pod can be started on this machine: {_words(record, log)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await_end(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
        channel.settimeout(_PROBE_TIMEOUT)
        try:
            channel.connect(str(folder / podfiles.CONTROL))
            channel.send(b'{"do": "watch"}')
            while channel.recv(1024):
                pass
        except (ConnectionError, TimeoutError):
            # It has ended already, or takes forever; the exit record tells which.
            return


def _words(record: dict[str, object], log: Path) -> str:
    if message := record.get("message"):
        return str(message)
    lines = [line for file in sorted(log.iterdir()) for line in file.read_text().splitlines()]
    return lines[-1].split(" ", 3)[-1] if lines else "it ended without a word"


_NO_NETWORK = "pods have no network but their own loopback yet; jobs reach neither the internet nor each other"
_ONE_USER = "all tools' files belong to the user of the platform; tools are kept apart by their sandboxes only"
