"""The ports: what services ask of a runtime, a record store and a tenancy, and the values they exchange.

Services see these protocols and frozen values; only adapters see processes, SQLite or Kubernetes.
Words are Kubernetes' where it has one. Memory is in bytes, CPU in cores, times are aware and in UTC,
durations in seconds. Adapters raise NotFound, Forbidden, Conflict, InvalidRequest, QuotaExceeded,
Unsupported and Unavailable of `toolforge_common.errors`, and no others on purpose. What does not live here: how a
job becomes a workload, and how observations become a status; both are pure functions of the service.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, Protocol

from toolforge_common.names import ToolName

# --- workloads: what a service wants to run -------------------------------------------------------


class WorkloadKind(enum.StrEnum):
    """How a workload lives."""

    RUN_TO_COMPLETION = "run-to-completion"
    SCHEDULED = "scheduled"
    CONTINUOUS = "continuous"


class Protocols(enum.StrEnum):
    """Transport protocols of a port."""

    TCP = "tcp"
    UDP = "udp"


@dataclasses.dataclass(frozen=True, slots=True)
class Port:
    """A port that the container listens on, reachable under the workload's name."""

    number: int
    protocol: Protocols = Protocols.TCP


@dataclasses.dataclass(frozen=True, slots=True)
class Resources:
    """What a pod is guaranteed (requests) and held to (limits)."""

    memory_request: int
    memory_limit: int
    cpu_request: Decimal
    cpu_limit: Decimal


@dataclasses.dataclass(frozen=True, slots=True)
class ExecProbe:
    """Healthy when the command ends with 0 inside the container."""

    command: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class HttpProbe:
    """Healthy when a GET answers with 200 to 399."""

    path: str
    port: int


@dataclasses.dataclass(frozen=True, slots=True)
class TcpProbe:
    """Healthy when the port accepts a connection."""

    port: int


ProbeAction = ExecProbe | HttpProbe | TcpProbe


@dataclasses.dataclass(frozen=True, slots=True)
class Probe:
    """When and how often to probe. The field names and meanings are Kubernetes'."""

    action: ProbeAction
    initial_delay: float = 0
    period: float = 10
    timeout: float = 5
    failure_threshold: int = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Container:
    """The one container of a pod.

    `image` is a catalogue name or an image reference, as `Runtime.images` knows it. `env` holds
    values that are not secret. `working_dir` None leaves the choice to the image.
    `mount_storage` says whether the tool's home is visible at /data/project/<tool>.
    """

    image: str
    command: tuple[str, ...]
    resources: Resources
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    working_dir: PurePosixPath | None = None
    ports: tuple[Port, ...] = ()
    startup_probe: Probe | None = None
    liveness_probe: Probe | None = None
    mount_storage: bool = True


class ConcurrencyPolicy(enum.StrEnum):
    """What becomes of a run that is due while a previous one goes on. Words and meanings are Kubernetes'."""

    FORBID = "Forbid"  # it is missed
    ALLOW = "Allow"  # both go on
    REPLACE = "Replace"  # the previous one is ended, then it begins


@dataclasses.dataclass(frozen=True, slots=True)
class Schedule:
    """When a scheduled workload runs: five cron fields of numbers, lists, ranges and steps.

    They count in `time_zone`, by its IANA name. Where clocks are put forward, a run whose hour does
    not come is due when the clocks have changed; where they are put back, it is due once only, unless
    it runs every hour anyhow. A start that is more than `starting_deadline` seconds late is missed.
    """

    cron: str
    starting_deadline: float = 30
    time_zone: str = "UTC"
    concurrency: ConcurrencyPolicy = ConcurrencyPolicy.FORBID


@dataclasses.dataclass(frozen=True, slots=True)
class Workload:
    """Something that a tool wants to run; named uniquely within the tool.

    `labels` and `annotations` are kept and given back, never interpreted. `backoff_limit` is how often
    a failed run is tried again; `active_deadline` ends a run after so many seconds (None: never);
    `ttl_after_finished` is how long a finished run to completion stays visible (None: until deleted).
    `replicas` counts for continuous workloads only. `suspended` ones rest until they are replaced: no pods
    of continuous ones, no runs of scheduled ones but those that are asked for; times that pass are not
    missed, and a run that goes on does so. It says nothing of a run to completion. `published` asks for the tool's web address.
    """

    tool: ToolName
    name: str
    kind: WorkloadKind
    container: Container
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    annotations: Mapping[str, str] = dataclasses.field(default_factory=dict)
    schedule: Schedule | None = None
    backoff_limit: int = 0
    active_deadline: float | None = None
    ttl_after_finished: float | None = 30
    replicas: int = 1
    termination_grace_period: float = 15
    published: bool = False
    suspended: bool = False


# --- observations: what is really there -----------------------------------------------------------


class PodPhase(enum.StrEnum):
    """Phases of a pod, as Kubernetes names them; a pod that vanished without a trace is LOST."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    LOST = "Lost"


class ContainerState(enum.StrEnum):
    """What the container of a pod is doing."""

    WAITING = "waiting"
    RUNNING = "running"
    TERMINATED = "terminated"


@dataclasses.dataclass(frozen=True, slots=True)
class Termination:
    """How a container ended. `exit_code` is 128 + the signal where one ended it.

    `reason` is `Completed`, `Error`, `OOMKilled`, `DeadlineExceeded`, `NodeShutdown` (the machine or
    the platform was stopped), `StartError`, `Lost` or another word of the runtime; `message` a sentence for people, or empty.
    """

    exit_code: int
    reason: str
    finished_at: datetime.datetime
    started_at: datetime.datetime | None = None
    message: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class PodObservation:
    """One pod as it is now.

    `state` is None before the runtime has dealt with the pod. `reason` and `message` say why the
    container waits (`CrashLoopBackOff`, `Unschedulable`). `started_at` is the present container's.
    `ready` says that its startup probe has passed. `isolation` is the level the pod runs at,
    as `Runtime.describe` names it.
    """

    name: str
    phase: PodPhase
    created_at: datetime.datetime
    state: ContainerState | None = None
    reason: str = ""
    message: str = ""
    restarts: int = 0
    ready: bool = False
    started_at: datetime.datetime | None = None
    last_change: datetime.datetime | None = None
    termination: Termination | None = None
    last_termination: Termination | None = None
    isolation: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class RunObservation:
    """One run to completion: of a one-off workload (exactly one) or of a scheduled one (newest first).

    A workload never has two of one name. `manual` runs were asked for by somebody. `finished_at` is None while the run goes on;
    `succeeded` None likewise. `reason` says why a run failed beyond its pods' exit codes
    (`BackoffLimitExceeded`, `DeadlineExceeded`, `FailedCreate`), `message` in a sentence.
    """

    name: str
    created_at: datetime.datetime
    pods: tuple[PodObservation, ...]
    manual: bool = False
    finished_at: datetime.datetime | None = None
    succeeded: bool | None = None
    reason: str = ""
    message: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class RunRecord:
    """What remains of a run that has ended or was missed.

    `scheduled_for` is when it was due, None if it was asked for; `started_at` when it began.
    `exit_code` is its last container's, None if there was none. `reason` and `message` are the run's:
    empty if it succeeded. A missed run has no name and did not start; it `finished_at` when that was noted.
    """

    run: str
    finished_at: datetime.datetime
    manual: bool = False
    scheduled_for: datetime.datetime | None = None
    started_at: datetime.datetime | None = None
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    missed: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """An address under which a port of the workload answers."""

    url: str
    port: Port


@dataclasses.dataclass(frozen=True, slots=True)
class WorkloadObservation:
    """A workload as the runtime has it, and what became of it.

    `runs` is empty for continuous workloads, `pods` for the others. `available` counts continuous pods
    that are ready. `last_changed` is the latest of creation, replacement and restart. `reason` and
    `message` say why the workload as a whole cannot proceed (`FailedCreate`), or that its last run
    was missed (`MissedSchedule`).
    """

    workload: Workload
    created_at: datetime.datetime
    last_changed: datetime.datetime
    pods: tuple[PodObservation, ...] = ()
    runs: tuple[RunObservation, ...] = ()
    available: int = 0
    last_scheduled: datetime.datetime | None = None
    last_successful: datetime.datetime | None = None
    endpoints: tuple[Endpoint, ...] = ()
    reason: str = ""
    message: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """An image that may be run.

    `name` is the short name, `reference` the full one, `state` `stable` or `deprecated`.
    `substitute` is a sentence if this runtime runs something else in its place, else empty.
    """

    name: str
    reference: str
    aliases: tuple[str, ...] = ()
    state: str = "stable"
    substitute: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a container wrote. `cursor` continues after it, also over a restart of the platform."""

    time: datetime.datetime
    pod: str
    container: str
    message: str
    cursor: str


@dataclasses.dataclass(frozen=True, slots=True)
class RuntimeDescription:
    """Which runtime this is and what it guarantees, for `doctor` and for statuses.

    `notes` are sentences about what is weaker than it could be, with the remedy.
    """

    name: str
    isolation: str
    notes: tuple[str, ...] = ()


class Runtime(Protocol):
    """Runs workloads of tools."""

    def create(self, workload: Workload) -> None:
        """Record the workload and start it as its kind demands.

        The intent is durable when this returns. Raises Conflict if the tool has a workload of that
        name, NotFound if there is no such tool, Unsupported if this runtime cannot run it,
        InvalidRequest if its schedule is none or in a time zone that nobody knows.
        """

    def replace(self, workload: Workload) -> None:
        """Put the workload in place of the one of that name. The intent is durable when this returns.

        Nothing happens if it is the same. Pods of a continuous workload are replaced if its container
        changed, one by one without a gap if it has several replicas; otherwise they stay, and only their
        number follows. A scheduled workload's run that goes on does so with what it began with.
        Raises NotFound if there is none of that name, Conflict if that is of another kind, Unsupported
        for a run to completion and for what this runtime cannot run, InvalidRequest as `create` does.
        """

    def restart(self, tool: ToolName, name: str) -> None:
        """Replace the pods of a continuous workload; start a scheduled one now, ending a run that goes on.

        Raises NotFound if there is none of that name, Unsupported for a run to completion.
        """

    def delete(self, tool: ToolName, name: str, timeout: float = 30) -> None:
        """Forget the workload, stop its pods gracefully and wait until they are gone.

        Nothing happens if there is none. Its logs stay. Raises Unavailable if pods are still there
        after `timeout` seconds; they are being ended all the same.
        """

    def get(self, tool: ToolName, name: str) -> WorkloadObservation:
        """Return the workload and what became of it. Raises NotFound if there is none."""

    def list(self, tool: ToolName) -> Sequence[WorkloadObservation]:
        """Return all workloads of the tool, by name. A tool that does not exist has none."""

    def history(self, tool: ToolName, name: str, limit: int = 100) -> Sequence[RunRecord]:
        """Return what became of the workload's runs, at most `limit` of them, the latest end first.

        Those of the last `HISTORY_DAYS` days are kept, but no more than `HISTORY_RUNS` of a workload,
        until it is deleted. Continuous workloads have none. Raises NotFound if there is none of that name.
        """

    def images(self) -> Sequence[Image]:
        """Return the images that may be run, by name."""

    def logs(self, tool: ToolName, name: str, *, last: int | None = None) -> Iterator[LogLine]:
        """Return what the pods of that workload wrote, oldest first; only the newest `last` lines if given.

        Pods that are gone count, also those of a deleted workload. Nothing written gives nothing.
        """

    def follow(
        self, tool: ToolName, name: str, *, last: int | None = None, after: str | None = None
    ) -> AsyncIterator[LogLine | None]:
        """Give the lines `logs` would, then each new one of present and future pods until closed.

        `after` is a cursor: only what came later is given. None is a heartbeat: nothing was
        written for `HEARTBEAT` seconds. Raises InvalidRequest if the cursor is not one of ours.
        """

    def describe(self) -> RuntimeDescription:
        """Return which runtime this is and what it guarantees."""


HEARTBEAT = 15
HISTORY_DAYS = 30
HISTORY_RUNS = 1000

# --- records --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """A document of a tool. `version` changes with every write and is compared, never interpreted."""

    tool: ToolName
    kind: str
    name: str
    data: Mapping[str, Any]
    version: str


class Store(Protocol):
    """Keeps the records of tools: what users asked for. Every call names the tool; none crosses tools."""

    def get(self, tool: ToolName, kind: str, name: str) -> Record:
        """Return the record. Raises NotFound if there is none."""

    def list(self, tool: ToolName, kind: str) -> Sequence[Record]:
        """Return all records of the kind, by name. Nothing kept gives an empty sequence."""

    def create(self, tool: ToolName, kind: str, name: str, data: Mapping[str, Any]) -> Record:
        """Keep a new record. Raises Conflict if there is one already."""

    def replace(self, record: Record, data: Mapping[str, Any]) -> Record:
        """Put new data in place of the record's.

        Raises Conflict if it was changed since it was read, NotFound if it is gone.
        """

    def delete(self, tool: ToolName, kind: str, name: str) -> None:
        """Remove the record. Raises NotFound if there is none."""


# --- tenancy --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Tool:
    """A tool account. `home` is its folder on this machine; `uid` its user and group number."""

    name: ToolName
    uid: int
    home: PurePosixPath
    created_at: datetime.datetime
    enabled: bool = True


class Tenancy(Protocol):
    """Knows the tools: they come, are disabled, and go."""

    def create(self, name: ToolName) -> Tool:
        """Make a tool with home, number and credentials. Raises Conflict if there is one of that name."""

    def get(self, name: ToolName) -> Tool:
        """Return the tool. Raises NotFound if there is none."""

    def list(self) -> Sequence[Tool]:
        """Return all tools, by name."""

    def set_enabled(self, name: ToolName, *, enabled: bool) -> Tool:
        """Let the tool use the platform, or stop it from doing so. Raises NotFound if there is none."""

    def delete(self, name: ToolName) -> None:
        """Remove the tool, its home and its credentials; its number is never given again.

        Raises NotFound if there is none.
        """


@dataclasses.dataclass(frozen=True, slots=True)
class Ports:
    """What a service is given to work with."""

    runtime: Runtime
    store: Store
    tenancy: Tenancy
