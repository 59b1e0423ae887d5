"""Limits of a pod by control groups: memory, CPU and number of processes, version 1 or 2.

`find` looks where this process may make groups; a pod then gets one group (version 2) or one per
controller (version 1). Groups are made by the platform, entered and removed by the pod's shim, which
knows them only as folders; so this module imports little and nothing of ours but errors.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from decimal import Decimal
from pathlib import Path

from toolforge_common.errors import Unavailable

MOUNT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
CONTROLLERS = ("memory", "cpu", "pids")
# The kernel's default, in microseconds.
_CPU_PERIOD = 100_000
# The kernel frees a group a moment after its last process; twenty tries are one second.
_REMOVE_TRIES, _REMOVE_PAUSE = 20, 0.05


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What a pod may use at most: bytes, cores, processes and threads together."""

    memory: int
    cpu: Decimal
    processes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """The folders that are one pod's groups."""

    folders: tuple[Path, ...]

    def remove(self) -> None:
        """Remove the groups; those that are gone already are fine. Raises OSError if one is in use."""
        for folder in self.folders:
            _remove(folder)


@dataclasses.dataclass(frozen=True, slots=True)
class Cgroups:
    """Makes groups below `parents`: one folder (version 2), or one per controller (version 1)."""

    version: int
    parents: tuple[Path, ...]

    def create(self, name: str, limits: Limits) -> Group:
        """Make a pod's groups with its limits, or none. Raises Unavailable if the kernel refuses."""
        group = Group(tuple(parent / name for parent in self.parents))
        try:
            for folder in group.folders:
                folder.mkdir(exist_ok=True)
            for file, value in self._settings(group, limits):
                file.write_text(value)
        except OSError as error:
            with contextlib.suppress(OSError):
                group.remove()
            raise Unavailable(f"the kernel refused the limits of a pod: {error}") from error
        return group

    def _settings(self, group: Group, limits: Limits) -> list[tuple[Path, str]]:
        quota = max(1000, int(limits.cpu * _CPU_PERIOD))
        if self.version == 2:  # noqa: PLR2004  the version's own number
            (folder,) = group.folders
            return [
                (folder / "memory.max", str(limits.memory)),
                *_if_there(folder / "memory.swap.max", "0"),
                (folder / "memory.oom.group", "1"),
                (folder / "cpu.max", f"{quota} {_CPU_PERIOD}"),
                (folder / "pids.max", str(limits.processes)),
            ]
        memory, cpu, pids = group.folders
        return [
            (memory / "memory.limit_in_bytes", str(limits.memory)),
            # Memory and swap together: no swap beyond the limit.
            *_if_there(memory / "memory.memsw.limit_in_bytes", str(limits.memory)),
            (cpu / "cpu.cfs_period_us", str(_CPU_PERIOD)),
            (cpu / "cpu.cfs_quota_us", str(quota)),
            (pids / "pids.max", str(limits.processes)),
        ]


def find(name: str, mount: Path = MOUNT, own: Path = OWN) -> Cgroups:
    """Return the place where this process may make groups, in a group `name` of its own.

    Raises Unavailable with the reason if there is none: an ordinary user on version 1, or on
    version 2 without a delegated group (`systemd-run --user --scope -p Delegate=yes`).
    """
    paths = _own_paths(own)
    try:
        if all(controller in paths for controller in CONTROLLERS):
            return _version_1(name, mount, paths)
        return _version_2(name, mount, paths.get("", "/"))
    except OSError as error:
        raise Unavailable(
            f"no control groups can be made here: {error.strerror or error}",
            hint="run the platform as root, or under systemd-run --user --scope -p Delegate=yes",
        ) from error


def _version_1(name: str, mount: Path, paths: dict[str, str]) -> Cgroups:
    parents = []
    for controller in CONTROLLERS:
        parent = mount / controller / paths[controller].lstrip("/") / name
        parent.mkdir(exist_ok=True)
        parents.append(parent)
    return Cgroups(1, tuple(parents))


def _version_2(name: str, mount: Path, path: str) -> Cgroups:
    # Root may use the top; a user only a group that was handed to it, which then may hold no
    # process itself, because it hands its controllers on.
    if os.access(mount / "cgroup.subtree_control", os.W_OK):
        above = mount
    else:
        above = mount / path.lstrip("/")
        platform = above / "platform"
        platform.mkdir(exist_ok=True)
        for process in (above / "cgroup.procs").read_text().split():
            (platform / "cgroup.procs").write_text(process)
    _hand_on(above)
    parent = above / name
    parent.mkdir(exist_ok=True)
    _hand_on(parent)
    return Cgroups(2, (parent,))


def _hand_on(folder: Path) -> None:
    wanted = " ".join(f"+{controller}" for controller in CONTROLLERS)
    (folder / "cgroup.subtree_control").write_text(wanted)


def _own_paths(own: Path) -> dict[str, str]:
    """Return this process's group by controller; version 2's has the empty name."""
    paths = {}
    for line in own.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), path))
    return paths


def _if_there(file: Path, value: str) -> list[tuple[Path, str]]:
    return [(file, value)] if file.exists() else []


def _remove(folder: Path) -> None:
    for attempt in range(_REMOVE_TRIES):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            if attempt == _REMOVE_TRIES - 1:
                raise
            time.sleep(_REMOVE_PAUSE)
        else:
            return
