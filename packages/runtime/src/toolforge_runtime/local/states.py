"""What the engine remembers of a workload: its runs and pods, as they are kept on disk.

These are mutable on purpose: the planning functions change them, the engine writes them down, and
only then acts. What services see is made from them in `observing`.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import secrets

from toolforge_runtime.ports import Termination, Workload

# Without vowels and look-alikes, as Kubernetes' suffixes.
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5


class Phase(enum.StrEnum):
    """Where a pod is in its life."""

    STARTING = "starting"  # to be started, or asked to start and not heard of since
    RUNNING = "running"
    WAITING = "waiting"  # its container has ended and will be started again
    ENDED = "ended"


class Why(enum.StrEnum):
    """Why a pod was told to stop; these words are in exit records."""

    DELETED = "Deleted"
    REPLACED = "Replaced"
    DEADLINE = "DeadlineExceeded"
    UNHEALTHY = "Unhealthy"
    SHUTDOWN = "NodeShutdown"


@dataclasses.dataclass(slots=True)
class Pod:
    """A pod. `id` names its folder and is new for each container; `run` is the run it belongs to.

    `generation` is the workload's when the pod was made. `again_at` is when the container is
    (re)started, if that must wait. `made_for` is the workload that it was made for if another one has
    taken that one's place since.
    """

    name: str
    id: str
    generation: int
    created_at: datetime.datetime
    last_change: datetime.datetime
    phase: Phase = Phase.STARTING
    run: str = ""
    started_at: datetime.datetime | None = None
    ready: bool = False
    stopping: str = ""
    restarts: int = 0
    crashes: int = 0
    again_at: datetime.datetime | None = None
    reason: str = ""
    message: str = ""
    termination: Termination | None = None
    last_termination: Termination | None = None
    made_for: Workload | None = None

    @property
    def is_live(self) -> bool:
        """Whether there may be a process."""
        return self.phase is Phase.RUNNING or (
            self.phase is Phase.STARTING and self.again_at is None
        )


@dataclasses.dataclass(slots=True)
class Run:
    """One run to completion. `ending` says why its pods are being stopped; `made_for` as in `Pod`.

    `scheduled_for` is when it was due, if it was not asked for.
    """

    name: str
    created_at: datetime.datetime
    manual: bool = False
    finished_at: datetime.datetime | None = None
    succeeded: bool | None = None
    reason: str = ""
    message: str = ""
    ending: str = ""
    made_for: Workload | None = None
    scheduled_for: datetime.datetime | None = None


@dataclasses.dataclass(slots=True)
class State:
    """A workload and what became of it. Runs are newest first, pods oldest first.

    `last_run` is the number in the name of the last run that began by schedule or was asked for.
    """

    workload: Workload
    created_at: datetime.datetime
    last_changed: datetime.datetime
    generation: int = 1
    pods: list[Pod] = dataclasses.field(default_factory=list)
    runs: list[Run] = dataclasses.field(default_factory=list)
    next_due: datetime.datetime | None = None
    last_scheduled: datetime.datetime | None = None
    last_successful: datetime.datetime | None = None
    run_requested: bool = False
    deleting: bool = False
    last_run: int = 0
    reason: str = ""
    message: str = ""

    def workload_of(self, part: Pod | Run) -> Workload:
        """Return the workload as it was when the pod or run was made."""
        return part.made_for or self.workload

    def keep_what_runs(self) -> None:
        """Let pods and runs that have not ended go on as what they are, whatever the workload becomes."""
        for pod in self.pods:
            if pod.phase is not Phase.ENDED:
                pod.made_for = self.workload_of(pod)
        for run in self.runs:
            if run.finished_at is None:
                run.made_for = self.workload_of(run)


def new_pod(state: State, now: datetime.datetime, run: Run | None = None) -> Pod:
    """Add a pod to the workload, to be started."""
    suffix = "".join(secrets.choice(_LETTERS) for _ in range(_SUFFIX_LENGTH))
    pod = Pod(
        name=f"{run.name if run else state.workload.name}-{suffix}",
        id=new_id(),
        generation=state.generation,
        created_at=now,
        last_change=now,
        run=run.name if run else "",
        made_for=run.made_for if run else None,
    )
    state.pods.append(pod)
    return pod


def new_id() -> str:
    """Return a name for a pod's folder: short, because a socket's path has little room."""
    return secrets.token_hex(4)
