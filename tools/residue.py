"""What belongs to the platform of one state folder on this machine, and what of it is left."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

from toolforge_runtime.local.isolation import group_name

_CGROUPS = Path("/sys/fs/cgroup")


class Machine:
    """Looks for one platform's processes and for all that the kernel keeps for it."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._mark = os.fsencode(state)
        self._group = group_name(state)

    def processes(self) -> dict[str, list[int]]:
        """Return the platform's living processes by kind: platform, spawner, shim, bwrap, pod."""
        found: dict[str, list[int]] = {
            kind: [] for kind in ("platform", "spawner", "shim", "bwrap", "pod")
        }
        for pid in _pids():
            with contextlib.suppress(OSError):
                kind = self._kind(pid)
                if kind:
                    found[kind].append(pid)
        return found

    def kill(self, kind: str, pid: int) -> bool:
        """End the process if it still is what it was; say whether it was."""
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        try:
            # The descriptor is of whatever has the number now, so what it is is asked again.
            if self._kind(pid) != kind:
                return False
            signal.pidfd_send_signal(process, signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            return False
        finally:
            os.close(process)
        return True

    def leftovers(self) -> list[str]:
        """Return what is there of a platform that has been stopped; nothing if it left nothing."""
        return [
            *(f"{kind} process {pid}" for kind, pids in self.processes().items() for pid in pids),
            *self._groups(),
            *self._mounts(),
            *self._sockets(),
            *self._locks(),
            *(f"folder of a pod: {path}" for path in (self._state / "pods").iterdir()),
        ]

    def _kind(self, pid: int) -> str:
        process = Path("/proc", str(pid))
        argv = (process / "cmdline").read_bytes()
        if not argv:
            return ""  # It has ended, or is of the kernel.
        if argv.startswith(b"bwrap[" + self._mark + b"/"):
            return "bwrap"
        if b"toolforge_dev.platform" in argv and self._mark in argv:
            return "platform"
        if b"toolforge_runtime.local.spawner" in argv:
            # The spawner's standard error is the platform's; a shim holds its pod's lock.
            if not any(self._mark in os.fsencode(target) for target in _open_files(process)):
                return ""
            is_shim = (process / "comm").read_text().startswith("toolforge-shim")
            return "shim" if is_shim else "spawner"
        elsewhere = (process / "ns" / "mnt").readlink() != Path("/proc/self/ns/mnt").readlink()
        return "pod" if elsewhere and self._mark in (process / "mountinfo").read_bytes() else ""

    def _groups(self) -> Iterator[str]:
        for folder, names, _ in os.walk(_CGROUPS):
            if self._group in names:
                yield f"control group {folder}/{self._group}"

    def _mounts(self) -> Iterator[str]:
        for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
            if self._mark in line:
                yield f"mount {os.fsdecode(line)}"

    def _sockets(self) -> Iterator[str]:
        for line in Path("/proc/net/unix").read_bytes().splitlines():
            if self._mark in line:
                yield f"open socket {os.fsdecode(line.split()[-1])}"
        for path in (self._state / "run", self._state / "pods"):
            for file in path.rglob("*"):
                if stat.S_ISSOCK(file.lstat().st_mode):
                    yield f"socket file {file}"

    def _locks(self) -> Iterator[str]:
        for path in self._state.rglob("lock"):
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    yield f"lock {path}"


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _open_files(process: Path) -> Iterator[Path]:
    for link in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield link.readlink()
