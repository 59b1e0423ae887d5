"""A runtime in memory: nothing runs, time stands still, and the test says what pods do.

It is deterministic: pods are numbered, the clock moves only by `advance`. Pods of a new workload are
running at once; from then on the test lets them `write` and `finish`. With `runs_commands=True` it
understands the few shell words of the contract suite instead (`echo`, `exit`, `true`, `sleep`).
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import itertools
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence

from toolforge_common.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    ToolforgeError,
    Unsupported,
)
from toolforge_common.names import ToolName
from toolforge_runtime.ports import (
    HEARTBEAT,
    HISTORY_DAYS,
    ConcurrencyPolicy,
    ContainerState,
    Image,
    LogLine,
    PodObservation,
    PodPhase,
    RunObservation,
    RunRecord,
    RuntimeDescription,
    Tenancy,
    Workload,
    WorkloadKind,
    WorkloadObservation,
)
from toolforge_runtime.testing.entries import (
    Entry,
    Run,
    crashed,
    deadline_of,
    due_times,
    ended,
    endpoints_of,
    gone_at,
    is_due,
    miss,
    record_of,
    restart_at,
    seconds_of,
)
from toolforge_runtime.timing import first_time, retry_delay

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
IMAGES = (
    Image("bookworm", "example.org/bookworm:latest", aliases=("tf-bookworm",)),
    Image("php7.4", "example.org/php74:latest", substitute="this runtime has no php7.4"),
    Image("python3.11", "example.org/python311:latest", aliases=("tf-python311",)),
    Image("python3.9", "example.org/python39:latest", ("tf-python39",), state="deprecated"),
)

_Key = tuple[ToolName, str]
# Inside the class `list` is the port's method.
_Pods = list[PodObservation]


class InMemoryRuntime:
    """Implements `Runtime`; the controls of the test come after the port's methods.

    Without a tenancy, every tool exists.
    """

    def __init__(
        self,
        tenancy: Tenancy | None = None,
        *,
        images: Sequence[Image] = IMAGES,
        runs_commands: bool = False,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self.now = START
        self._tenancy = tenancy
        self._images = tuple(images)
        self._runs_commands = runs_commands
        self._heartbeat = heartbeat
        self._entries: dict[_Key, Entry] = {}
        self._logs: dict[_Key, list[LogLine]] = {}
        self._numbers = itertools.count(1)
        self._failures: deque[ToolforgeError] = deque()
        self._followers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._lock = threading.RLock()

    # --- the port ---------------------------------------------------------------------------------

    def create(self, workload: Workload) -> None:
        """See `Runtime.create`."""
        with self._lock:
            if self._failures:
                raise self._failures.popleft()
            if self._tenancy is not None:
                self._tenancy.get(workload.tool)
            self._check_supported(workload)
            key = (workload.tool, workload.name)
            if key in self._entries:
                raise Conflict(f"there is a workload named {workload.name!r} already")
            entry = Entry(workload, created_at=self.now, last_changed=self.now)
            entry.next_due = first_time(workload, self.now)
            self._entries[key] = entry
            self._begin(entry)

    def replace(self, workload: Workload) -> None:
        """See `Runtime.replace`; pods vanish at once."""
        with self._lock:
            if self._failures:
                raise self._failures.popleft()
            self._check_supported(workload)
            entry = self._found(workload.tool, workload.name)
            if workload.kind is not entry.workload.kind:
                raise Conflict(f"{workload.name!r} is of another kind")
            if workload.kind is WorkloadKind.RUN_TO_COMPLETION:
                raise Unsupported(f"{workload.name!r} runs to completion and cannot be replaced")
            if workload != entry.workload:
                self._replace(entry, workload)

    def restart(self, tool: ToolName, name: str) -> None:
        """See `Runtime.restart`."""
        with self._lock:
            entry = self._found(tool, name)
            if entry.workload.kind is WorkloadKind.RUN_TO_COMPLETION:
                raise Unsupported(f"{name!r} runs to completion and cannot be started again")
            entry.last_changed = self.now
            if entry.workload.kind is WorkloadKind.CONTINUOUS:
                entry.pods.clear()
                self._fill_replicas(entry)
            else:
                for run in [run for run in entry.runs if run.seen.finished_at is None]:
                    self._end_run(entry, run, "Replaced", "another run took its place")
                entry.runs.clear()
                entry.reason = entry.message = ""
                self._start_run(entry, manual=True)

    def delete(self, tool: ToolName, name: str, timeout: float = 30) -> None:  # noqa: ARG002  the port's
        """See `Runtime.delete`; pods vanish at once."""
        with self._lock:
            if self._failures and (tool, name) in self._entries:
                raise self._failures.popleft()
            self._entries.pop((tool, name), None)

    def get(self, tool: ToolName, name: str) -> WorkloadObservation:
        """See `Runtime.get`."""
        with self._lock:
            return self._observe(self._found(tool, name))

    def list(self, tool: ToolName) -> Sequence[WorkloadObservation]:
        """See `Runtime.list`."""
        with self._lock:
            keys = sorted(key for key in self._entries if key[0] == tool)
            return [self._observe(self._entries[key]) for key in keys]

    def history(self, tool: ToolName, name: str, limit: int = 100) -> Sequence[RunRecord]:
        """See `Runtime.history`."""
        with self._lock:
            oldest = self.now - datetime.timedelta(days=HISTORY_DAYS)
            kept = [run for run in self._found(tool, name).history if run.finished_at >= oldest]
            return kept[: max(limit, 0)]

    def images(self) -> Sequence[Image]:
        """See `Runtime.images`."""
        return sorted(self._images, key=lambda image: image.name)

    def logs(self, tool: ToolName, name: str, *, last: int | None = None) -> Iterator[LogLine]:
        """See `Runtime.logs`."""
        with self._lock:
            lines = list(self._logs.get((tool, name), ()))
        return iter(lines if last is None else lines[len(lines) - last :] if last else [])

    def follow(
        self, tool: ToolName, name: str, *, last: int | None = None, after: str | None = None
    ) -> AsyncIterator[LogLine | None]:
        """See `Runtime.follow`."""
        if after is None:
            start = 0
        elif after.isdecimal():
            start = int(after)
        else:
            raise InvalidRequest(f"{after!r} is not a cursor of this log")
        if last is not None:
            start = max(start, len(self._logs.get((tool, name), ())) - last)
        return self._follow((tool, name), start)

    def describe(self) -> RuntimeDescription:
        """See `Runtime.describe`."""
        return RuntimeDescription("in memory", "none", ("nothing runs in this runtime",))

    # --- controls for tests -----------------------------------------------------------------------

    def fail_next(self, error: ToolforgeError) -> None:
        """Let the next `create` or `replace`, or `delete` of something that is there, raise the error."""
        self._failures.append(error)

    def write(self, tool: ToolName, name: str, message: str, container: str = "job") -> None:
        """Let the workload's newest pod write a line, also after its end or deletion."""
        with self._lock:
            lines = self._logs.setdefault((tool, name), [])
            pods = self._pods(tool, name)
            pod = pods[-1].name if pods else f"{name}-00000"
            lines.append(LogLine(self.now, pod, container, message, cursor=str(len(lines) + 1)))
            for loop, event in self._followers:
                loop.call_soon_threadsafe(event.set)

    def finish(self, tool: ToolName, name: str, exit_code: int = 0, message: str = "") -> None:
        """Let the oldest running pod of the workload end. Raises NotFound if none runs."""
        with self._lock:
            entry = self._found(tool, name)
            for run in entry.runs:
                for index, pod in enumerate(run.pods):
                    if pod.phase is PodPhase.RUNNING:
                        run.pods[index] = ended(pod, exit_code, message, self.now)
                        self._pod_of_run_ended(entry, run, exit_code)
                        return
            for index, pod in enumerate(entry.pods):
                if pod.state is ContainerState.RUNNING:
                    entry.pods[index] = crashed(pod, exit_code, message, self.now)
                    return
            raise NotFound(f"{name!r} has no running pod")

    def hold(self, tool: ToolName, name: str, reason: str, message: str = "") -> None:
        """Let all pods of the workload wait to be started, for that reason (`ContainerCreating`)."""
        with self._lock:
            for pods in self._pod_lists(self._found(tool, name)):
                pods[:] = [
                    dataclasses.replace(
                        pod,
                        phase=PodPhase.PENDING,
                        state=ContainerState.WAITING,
                        reason=reason,
                        message=message,
                        ready=False,
                        started_at=None,
                        last_change=self.now,
                    )
                    for pod in pods
                ]

    def refuse(self, tool: ToolName, name: str, reason: str, message: str = "") -> None:
        """Let the workload as a whole be unable to proceed (`FailedCreate`); its pods are gone."""
        with self._lock:
            entry = self._found(tool, name)
            entry.reason, entry.message = reason, message
            for pods in self._pod_lists(entry):
                pods.clear()

    def advance(self, seconds: float) -> None:
        """Let time pass: schedules, retries, back-offs and clean-up that fall due happen, in order."""
        with self._lock:
            end = self.now + datetime.timedelta(seconds=seconds)
            while (due := self._next_event()) is not None and due <= end:
                self.now = max(self.now, due)
                self._happen()
            self.now = end

    # --- inside -----------------------------------------------------------------------------------

    def _found(self, tool: ToolName, name: str) -> Entry:
        if (tool, name) not in self._entries:
            raise NotFound(f"there is no workload named {name!r}")
        return self._entries[tool, name]

    def _check_supported(self, workload: Workload) -> None:
        if workload.container.image not in {image.name for image in self._images}:
            raise Unsupported(f"there is no image {workload.container.image!r} here")

    def _begin(self, entry: Entry) -> None:
        if entry.workload.kind is WorkloadKind.RUN_TO_COMPLETION:
            self._start_run(entry)
        elif entry.workload.kind is WorkloadKind.CONTINUOUS:
            self._fill_replicas(entry)

    def _replace(self, entry: Entry, workload: Workload) -> None:
        old = entry.workload
        if (workload.schedule, workload.suspended) != (old.schedule, old.suspended):
            entry.next_due = first_time(workload, self.now)
        entry.workload, entry.last_changed = workload, self.now
        if workload.kind is WorkloadKind.CONTINUOUS:
            if workload.container != old.container:
                entry.pods.clear()
            self._fill_replicas(entry)

    def _start_run(self, entry: Entry, *, manual: bool = False) -> None:
        name = entry.workload.name
        if entry.workload.kind is WorkloadKind.SCHEDULED:
            entry.last_run = max(int(self.now.timestamp()), entry.last_run + 1)
            name = f"{name}-{entry.last_run}"
        seen = RunObservation(name, self.now, (), manual=manual)
        run = Run(seen, [], entry.workload, None if manual else entry.last_scheduled)
        entry.runs.insert(0, run)
        self._start_pod(run.workload, run.pods)

    def _fill_replicas(self, entry: Entry) -> None:
        wanted = 0 if entry.workload.suspended else entry.workload.replicas
        del entry.pods[wanted:]
        while len(entry.pods) < wanted:
            self._start_pod(entry.workload, entry.pods)

    def _start_pod(self, workload: Workload, pods: _Pods) -> None:
        number = next(self._numbers)
        pod = PodObservation(f"{workload.name}-{number:05d}", PodPhase.RUNNING, self.now)
        pods.append(self._running(pod))
        self._run_command(workload)

    def _running(self, pod: PodObservation) -> PodObservation:
        return dataclasses.replace(
            pod,
            phase=PodPhase.RUNNING,
            state=ContainerState.RUNNING,
            reason="",
            message="",
            ready=True,
            started_at=self.now,
            last_change=self.now,
            isolation="none",
        )

    def _run_command(self, workload: Workload) -> None:
        if not self._runs_commands:
            return
        tool, name = workload.tool, workload.name
        for step in workload.container.command[-1].split(";"):
            word, _, rest = step.strip().partition(" ")
            if word == "echo":
                self.write(tool, name, rest)
            elif word == "exit":
                self.finish(tool, name, int(rest))
                return
            elif word == "sleep":
                return
        self.finish(tool, name)

    def _pod_of_run_ended(self, entry: Entry, run: Run, exit_code: int) -> None:
        if exit_code == 0:
            self._run_ended(entry, run, succeeded=True)
            return
        run.failures += 1
        if run.failures > run.workload.backoff_limit:
            self._run_ended(entry, run, reason="BackoffLimitExceeded", message="its pods failed")
        else:
            run.retry_at = self.now + seconds_of(retry_delay(run.failures))

    def _run_ended(
        self,
        entry: Entry,
        run: Run,
        *,
        succeeded: bool = False,
        reason: str = "",
        message: str = "",
    ) -> None:
        run.seen = dataclasses.replace(
            run.seen, finished_at=self.now, succeeded=succeeded, reason=reason, message=message
        )
        entry.history.appendleft(record_of(run, self.now))
        if succeeded:
            entry.last_successful = self.now
        if entry.workload.kind is WorkloadKind.SCHEDULED:
            # One finished run of each outcome stays visible.
            same = [other for other in entry.runs if other.seen.succeeded is succeeded]
            for other in same[1:]:
                entry.runs.remove(other)

    def _next_event(self) -> datetime.datetime | None:
        return min(
            (time for entry in self._entries.values() for time in due_times(entry)), default=None
        )

    def _happen(self) -> None:
        for key, entry in list(self._entries.items()):
            for run in list(entry.runs):
                self._run_happens(entry, run)
            for index, pod in enumerate(entry.pods):
                if (again := restart_at(pod)) is not None and again <= self.now:
                    entry.pods[index] = self._running(pod)
                    self._run_command(entry.workload)
            if is_due(entry, self.now):
                self._schedule_happens(entry)
            if (gone := gone_at(entry)) is not None and gone <= self.now:
                del self._entries[key]

    def _run_happens(self, entry: Entry, run: Run) -> None:
        if (deadline := deadline_of(run)) is not None and deadline <= self.now:
            self._end_run(entry, run, "DeadlineExceeded", "it ran for too long")
        elif run.retry_at is not None and run.retry_at <= self.now:
            run.retry_at = None
            self._start_pod(run.workload, run.pods)

    def _end_run(self, entry: Entry, run: Run, reason: str, message: str) -> None:
        run.pods[:] = [
            ended(pod, 143, "", self.now, reason) if pod.phase is PodPhase.RUNNING else pod
            for pod in run.pods
        ]
        run.retry_at = None
        self._run_ended(entry, run, reason=reason, message=message)

    def _schedule_happens(self, entry: Entry) -> None:
        schedule = entry.workload.schedule
        assert schedule is not None  # noqa: S101  only scheduled entries are ever due
        entry.next_due = first_time(entry.workload, self.now)
        active = [run for run in entry.runs if run.seen.finished_at is None]
        if active and schedule.concurrency is ConcurrencyPolicy.FORBID:
            miss(entry, self.now)
            return
        if schedule.concurrency is ConcurrencyPolicy.REPLACE:
            for run in active:
                self._end_run(entry, run, "Replaced", "another run took its place")
        entry.last_scheduled = self.now
        entry.reason = entry.message = ""
        self._start_run(entry)

    def _observe(self, entry: Entry) -> WorkloadObservation:
        return WorkloadObservation(
            workload=entry.workload,
            created_at=entry.created_at,
            last_changed=entry.last_changed,
            pods=tuple(entry.pods),
            runs=tuple(dataclasses.replace(run.seen, pods=tuple(run.pods)) for run in entry.runs),
            available=sum(pod.ready for pod in entry.pods),
            last_scheduled=entry.last_scheduled,
            last_successful=entry.last_successful,
            endpoints=endpoints_of(entry.workload),
            reason=entry.reason,
            message=entry.message,
        )

    def _pods(self, tool: ToolName, name: str) -> _Pods:
        entry = self._entries.get((tool, name))
        return [] if entry is None else [pod for pods in self._pod_lists(entry) for pod in pods]

    @staticmethod
    def _pod_lists(entry: Entry) -> Sequence[_Pods]:
        # Oldest first, so that the newest pod is the last one.
        return [entry.pods, *(run.pods for run in reversed(entry.runs))]

    async def _follow(self, key: _Key, position: int) -> AsyncIterator[LogLine | None]:
        event = asyncio.Event()
        follower = (asyncio.get_running_loop(), event)
        self._followers.add(follower)
        try:
            while True:
                event.clear()
                lines = self._logs.get(key, [])
                for line in lines[position:]:
                    position += 1
                    yield line
                if position < len(lines):
                    continue
                try:
                    await asyncio.wait_for(event.wait(), self._heartbeat)
                except TimeoutError:
                    yield None
        finally:
            self._followers.discard(follower)
