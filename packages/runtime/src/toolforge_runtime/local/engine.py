"""The engine: keeps the workloads of all tools as they are wanted, and knows what became of them.

It is driven from outside. Threads of services call the methods that mirror the port; one thread, the
engine's, calls `turn` and reports what happens to pods. Everything is decided in `planning` and
`replicas`, is in the database before it is carried out, and may be carried out twice: a crash at any
point is mended by `resume` and the next turn.
"""

from __future__ import annotations

import dataclasses
import datetime
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog

from toolforge_common.errors import Conflict, NotFound, Unavailable, Unsupported
from toolforge_common.names import ToolName
from toolforge_runtime.local import health, replicas
from toolforge_runtime.local.holding import Holdings, Key
from toolforge_runtime.local.planning import (
    Plan,
    plan_deletion,
    plan_run_to_completion,
    plan_schedule,
    start_late_pods,
)
from toolforge_runtime.local.repository import Repository
from toolforge_runtime.local.states import Phase, Pod, Run, State, Why
from toolforge_runtime.ports import ProbeAction, RunRecord, Termination, Workload, WorkloadKind
from toolforge_runtime.timing import first_time

logger = structlog.get_logger(__name__)

# How long to wait before a start that the machine refused is tried again.
START_AGAIN = 10.0
DEFECT_AGAIN = 60.0
_PLANNERS = {
    WorkloadKind.RUN_TO_COMPLETION: plan_run_to_completion,
    WorkloadKind.SCHEDULED: plan_schedule,
    WorkloadKind.CONTINUOUS: replicas.plan_replicas,
}
_STOP_MESSAGES = {
    Why.DEADLINE: "it ran longer than its time limit",
    Why.SHUTDOWN: "the platform was stopped while it ran",
    Why.UNHEALTHY: "its health check failed",
}
# These reasons say more than the exit code that the stop signal led to.
_STOP_REASONS = {Why.DEADLINE, Why.SHUTDOWN}


class PodRunner(Protocol):
    """What the engine needs of whoever runs pods. All calls come from the engine's thread."""

    def start(self, workload: Workload, pod: Pod) -> None:
        """Start the pod's container; harmless if it was started before. Raises Unavailable: nothing runs."""

    def stop(self, pod: Pod, grace: float) -> None:
        """Tell the pod to stop, for the reason in `pod.stopping`."""

    def probe(self, pod: Pod, action: ProbeAction, timeout: float) -> None:
        """Probe the pod once and report to `Engine.pod_probed`."""

    def adopt(self, pod: Pod) -> bool:
        """Take over a pod of a previous platform and report what happens, or has happened, to it.

        Return False if it never began.
        """

    def forget(self, pod_id: str) -> None:
        """Remove what is left of a container that has ended, but its log."""


class Engine:
    """Keeps workloads. `wake` is called, from any thread, when `turn` should be."""

    def __init__(
        self,
        repository: Repository,
        runner: PodRunner,
        wake: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._repository = repository
        self._runner = runner
        self._wake = wake
        self._clock = clock
        self._states = Holdings(repository.load().values())
        self._health = health.Health()
        self._changed: set[Key] = set(self._states)
        self._due: dict[Key, datetime.datetime] = {}
        self._unsaved: dict[Key, Plan] = {}
        # Containers that have ended, to be forgotten once that is on disk.
        self._ended: dict[Key, list[str]] = {}
        self._closing = False
        # Held while states are read or changed; notified when a workload is gone or a pod has ended.
        self._condition = threading.Condition()

    # --- asked by services ------------------------------------------------------------------------

    def create(self, workload: Workload) -> None:
        """See `Runtime.create`."""
        key = (workload.tool, workload.name)
        with self._condition:
            if key in self._states:
                raise Conflict(
                    f"there is a workload named {workload.name!r} already",
                    hint="it is still being deleted, try again in a moment"
                    if self._states[key].deleting
                    else "",
                )
            now = self._now()
            state = State(workload, created_at=now, last_changed=now)
            # What is no schedule is refused before anything is kept.
            state.next_due = first_time(workload, now)
            if workload.kind is WorkloadKind.RUN_TO_COMPLETION:
                state.runs.append(Run(workload.name, now))
            self._repository.save(state)
            self._states.add(state)
            self._touch(key)

    def replace(self, workload: Workload) -> None:
        """See `Runtime.replace`."""
        with self._condition:
            state = self._found(workload.tool, workload.name)
            old = state.workload
            if workload.kind is not old.kind:
                raise Conflict(f"{old.name!r} is {old.kind} and cannot become {workload.kind}")
            if workload.kind is WorkloadKind.RUN_TO_COMPLETION:
                raise Unsupported(f"{old.name!r} runs to completion and cannot be replaced")
            if workload != old:
                self._replace(state, workload)

    def restart(self, tool: ToolName, name: str) -> None:
        """See `Runtime.restart`."""
        with self._condition:
            state = self._found(tool, name)
            kind = state.workload.kind
            if kind is WorkloadKind.RUN_TO_COMPLETION:
                raise Unsupported(f"{name!r} runs to completion and cannot be started again")
            now = self._now()
            if kind is WorkloadKind.CONTINUOUS:
                self._change(state, last_changed=now, generation=state.generation + 1)
            else:
                self._change(state, last_changed=now, run_requested=True)

    def delete(self, tool: ToolName, name: str, timeout: float) -> None:
        """See `Runtime.delete`."""
        with self._condition:
            state = self._states.get((tool, name))
            if state is None:
                return
            self._change(state, deleting=True)
            if not self._condition.wait_for(
                lambda: self._states.get((tool, name)) is not state, timeout
            ):
                raise Unavailable(
                    f"{name!r} is being deleted, but its pods have not ended yet",
                    hint="look again in a moment",
                )

    def get(self, tool: ToolName, name: str) -> State:
        """Return the workload's state, to be read under `reading` only. Raises NotFound."""
        return self._found(tool, name)

    def states_of(self, tool: ToolName) -> Sequence[State]:
        """Return the states of the tool's workloads by name, to be read under `reading` only."""
        return [state for state in self._states.of_tool(tool) if not state.deleting]

    def history(self, tool: ToolName, name: str, limit: int) -> Sequence[RunRecord]:
        """See `Runtime.history`."""
        with self._condition:
            self._found(tool, name)
        # The database has a lock of its own.
        return self._repository.history((tool, name), self._now(), limit)

    @property
    def reading(self) -> threading.Condition:
        """What to hold while looking at states."""
        return self._condition

    # --- told by the runner -----------------------------------------------------------------------

    def pod_started(self, pod_id: str, at: datetime.datetime) -> None:
        """Take note that the container runs."""
        with self._condition:
            for key, state, pod in self._with_pod(pod_id):
                pod.phase, pod.started_at, pod.last_change = Phase.RUNNING, at, at
                container = state.workload_of(pod).container
                pod.ready = pod.ready or container.startup_probe is None
                self._touch(key)

    def pod_ended(self, pod_id: str, ending: Termination, stop: str = "") -> None:
        """Take note that the container has ended; `stop` is the reason it was told to, if it was."""
        with self._condition:
            for key, _, pod in self._with_pod(pod_id):
                pod.phase, pod.ready, pod.last_change = Phase.ENDED, False, ending.finished_at
                pod.reason = pod.message = ""
                pod.termination = _explained(ending, stop, pod.started_at)
                logger.info(
                    "pod_ended",
                    tool=key[0],
                    pod=pod.name,
                    exit_code=ending.exit_code,
                    reason=pod.termination.reason,
                )
                self._ended.setdefault(key, []).append(pod_id)
                self._health.forget(pod_id)
                self._touch(key)
            self._condition.notify_all()

    def pod_probed(self, pod_id: str, complaint: str) -> None:
        """Take note of a probe's result: an empty complaint is a success."""
        with self._condition:
            for key, state, pod in self._with_pod(pod_id):
                container = state.workload_of(pod).container
                if not self._health.result(pod, container, complaint, self._now()):
                    logger.info("pod_unhealthy", tool=key[0], pod=pod.name, complaint=complaint)
                    pod.message = complaint
                    pod.stopping = Why.UNHEALTHY
                    self._runner.stop(pod, state.workload_of(pod).termination_grace_period)
                self._touch(key)

    # --- driven by the engine's thread ------------------------------------------------------------

    def resume(self) -> None:
        """Take over the pods of a previous platform."""
        with self._condition:
            for state in self._states.values():
                for pod in [pod for pod in state.pods if pod.is_live]:
                    if not self._runner.adopt(pod):
                        # It was meant to start when the previous platform ended.
                        pod.again_at = self._now()
                    elif pod.stopping and pod.is_live:
                        self._runner.stop(pod, state.workload_of(pod).termination_grace_period)

    def turn(self) -> float | None:
        """Do what is to be done now; return after how many seconds there is more, None if never."""
        with self._condition:
            now = self._now()
            self._changed |= {key for key, due in self._due.items() if due <= now}
            for key in sorted(self._changed):
                self._changed.discard(key)
                try:
                    self._advance(key)
                except Unavailable:
                    # The database refuses; nothing was begun.
                    self._changed.add(key)
                    raise
                except Exception:
                    self._unsaved.pop(key, None)
                    # A defect that one workload meets must not stop all the others.
                    logger.exception("workload_not_advanced", tool=key[0], workload=key[1])
                    self._due[key] = now + datetime.timedelta(seconds=DEFECT_AGAIN)
            dues = [self._now() if self._changed else None, min(self._due.values(), default=None)]
            later = [(due - self._now()).total_seconds() for due in dues if due is not None]
            return max(0.0, min(later)) if later else None

    def prune(self) -> bool:
        """Forget some runs that are too old to be kept; say whether there may be more of them."""
        return self._repository.prune(self._now())

    def live_pods(self) -> Sequence[Pod]:
        """Return the pods that may have a process, to be read under `reading` only."""
        return [pod for state in self._states.values() for pod in state.pods if pod.is_live]

    def shut_down(self, timeout: float) -> bool:
        """Stop all pods because the platform is going to stop; say whether they ended in time.

        To be called from another thread than the engine's, which must go on turning.
        """
        with self._condition:
            self._closing = True
            self._changed = set(self._states)
            self._wake()
            ended = self._condition.wait_for(lambda: not self.live_pods(), timeout)
            for state in self._states.values():
                self._repository.save(state)
            return ended

    # --- inside -----------------------------------------------------------------------------------

    def _advance(self, key: Key) -> None:
        self._due.pop(key, None)
        state = self._states.get(key)
        if state is None:
            return
        plan = self._unsaved.get(key) or self._plan(key, state)
        # If the database refuses, what has been decided is carried out once it does not any more.
        self._unsaved[key] = plan
        if plan.gone:
            self._repository.remove(state)
            self._states.remove(key)
            self._condition.notify_all()
        else:
            self._repository.save(state, plan.records)
        del self._unsaved[key]
        for pod_id in self._ended.pop(key, ()):
            self._runner.forget(pod_id)
        for pod in plan.stops:
            self._runner.stop(pod, state.workload_of(pod).termination_grace_period)
        for pod in plan.starts:
            self._start(key, state, pod)
        if plan.due is not None:
            self._due[key] = min(plan.due, self._due.get(key, plan.due))

    def _plan(self, key: Key, state: State) -> Plan:
        plan = Plan(self._now())
        try:
            self._decide(state, plan)
        finally:
            self._states.note_pods(key)
        return plan

    def _decide(self, state: State, plan: Plan) -> None:
        if self._closing:
            for pod in state.pods:
                if pod.is_live:
                    plan.stop(pod, Why.SHUTDOWN)
        elif state.deleting:
            plan_deletion(state, plan)
        else:
            start_late_pods(state, plan)
            _PLANNERS[state.workload.kind](state, plan)
            self._probe(state, plan)

    def _probe(self, state: State, plan: Plan) -> None:
        for pod in state.pods:
            if pod.phase is Phase.RUNNING and not pod.stopping:
                probe = self._health.due(pod, state.workload_of(pod).container, plan)
                if probe is not None:
                    self._runner.probe(pod, probe.action, probe.timeout)

    def _start(self, key: Key, state: State, pod: Pod) -> None:
        try:
            self._runner.start(state.workload_of(pod), pod)
        except Unavailable as error:
            logger.warning("pod_not_started", tool=key[0], pod=pod.name, reason=error.message)
            pod.reason, pod.message = "CreateContainerError", error.message
            pod.again_at = self._now() + datetime.timedelta(seconds=START_AGAIN)
            self._repository.save(state)
            self._changed.add(key)

    def _replace(self, state: State, workload: Workload) -> None:
        now, old = self._now(), state.workload
        changes: dict[str, object] = {"workload": workload, "last_changed": now}
        if (workload.schedule, workload.suspended) != (old.schedule, old.suspended):
            # What was due while it was suspended is no more.
            changes["next_due"] = first_time(workload, now)
        if workload.kind is WorkloadKind.SCHEDULED:
            state.keep_what_runs()
        elif workload.container != old.container:
            state.keep_what_runs()
            changes["generation"] = state.generation + 1
        self._change(state, **changes)

    def _change(self, state: State, **changes: object) -> None:
        before = {name: getattr(state, name) for name in changes}
        try:
            _set_all(state, changes)
            self._repository.save(state)
        except Unavailable:
            # Who asked is told that nothing came of it.
            _set_all(state, before)
            raise
        self._touch((state.workload.tool, state.workload.name))

    def _found(self, tool: ToolName, name: str) -> State:
        state = self._states.get((tool, name))
        if state is None or state.deleting:
            raise NotFound(f"there is no workload named {name!r}")
        return state

    def _with_pod(self, pod_id: str) -> list[tuple[Key, State, Pod]]:
        found = self._states.with_pod(pod_id)
        # What is told of a pod that has ended comes too late.
        return [found] if found is not None and found[2].is_live else []

    def _touch(self, key: Key) -> None:
        self._changed.add(key)
        self._wake()

    def _now(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self._clock(), datetime.UTC)


def _set_all(state: State, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        setattr(state, name, value)


def _explained(ending: Termination, stop: str, started: datetime.datetime | None) -> Termination:
    ending = dataclasses.replace(ending, started_at=ending.started_at or started)
    if stop not in _STOP_MESSAGES:
        return ending
    reason = stop if stop in _STOP_REASONS else ending.reason
    return dataclasses.replace(ending, reason=reason, message=_STOP_MESSAGES[Why(stop)])
