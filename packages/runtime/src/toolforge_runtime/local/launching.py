"""Starting one pod: limits, sandbox arguments and filter, handed to the spawner."""

from __future__ import annotations

import contextlib
from pathlib import Path

from toolforge_common.errors import Unavailable
from toolforge_runtime.local.cgroups import Cgroups, Group, Limits
from toolforge_runtime.local.sandbox import Confined, Mode, invocation
from toolforge_runtime.local.seccomp import pod_filter
from toolforge_runtime.local.spawning import Spawner

# Enough for a build with many compilers, and far from what the machine can bear.
MAX_PROCESSES = 1000


class Launcher:
    """Has pods started by the spawner."""

    def __init__(self, spawner: Spawner) -> None:
        self._spawner = spawner
        self._filter = pod_filter()

    def launch(
        self,
        folder: Path,
        log: Path,
        pod: Confined,
        mode: Mode,
        limits: Cgroups | None,
        *,
        grace: float,
    ) -> str:
        """Start the pod; return what `Spawner.start` does. Raises Unavailable: nothing was started."""
        call = invocation(pod, mode)
        group = _make_group(folder.name, pod, limits)
        request: dict[str, object] = {
            "folder": str(folder),
            "log": str(log),
            "argv": call.argv,
            "groups": [str(path) for path in group.folders],
            "grace": grace,
            "owner": pod.uid if mode is Mode.ROOT else None,
        }
        try:
            return self._spawner.start(request, call.arguments, (self._filter, *call.files))
        except Unavailable:
            remove_group(folder.name, limits)
            raise


def remove_group(name: str, limits: Cgroups | None) -> None:
    """Remove the pod's control groups if they are there; its shim does so itself unless it was killed."""
    if limits is not None:
        # One that is in use goes with the next start of the platform.
        with contextlib.suppress(OSError):
            Group(tuple(parent / name for parent in limits.parents)).remove()


def _make_group(name: str, pod: Confined, limits: Cgroups | None) -> Group:
    if limits is None:
        return Group(())
    resources = pod.container.resources
    return limits.create(
        name, Limits(resources.memory_limit, resources.cpu_limit, processes=MAX_PROCESSES)
    )
