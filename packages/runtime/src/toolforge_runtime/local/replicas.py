"""Planning of continuous workloads: as many pods as wanted, started again whenever they end."""

from __future__ import annotations

import datetime

from toolforge_runtime.local.planning import Plan
from toolforge_runtime.local.states import Phase, Pod, State, Why, new_id, new_pod
from toolforge_runtime.timing import CRASH_RESET, crash_delay


def plan_replicas(state: State, plan: Plan) -> None:
    """Replace pods of an earlier generation, stop surplus ones, start missing ones, wait with those that crash."""
    for pod in [pod for pod in state.pods if pod.phase is Phase.ENDED]:
        if _goes(pod, state):
            state.pods.remove(pod)
        else:
            _begin_waiting(pod)
    wanted = 0 if state.workload.suspended else state.workload.replicas
    _stop_surplus(state, wanted, plan)
    missing = _replace_old(state, wanted, plan)
    for pod in state.pods:
        if pod.phase is Phase.WAITING and not pod.stopping:
            _start_when_due(pod, plan)
    for _ in range(missing):
        plan.start(new_pod(state, plan.now))


def _stop_surplus(state: State, wanted: int, plan: Plan) -> None:
    new = [pod for pod in state.pods if pod.generation == state.generation and _stays(pod)]
    # Those that serve nobody go first, then the youngest.
    new.sort(key=lambda pod: not pod.ready)
    for pod in new[wanted:]:
        plan.stop(pod, Why.REPLACED)


def _replace_old(state: State, wanted: int, plan: Plan) -> int:
    """Stop the old pods that may go; return how many new ones may be started."""
    old = [pod for pod in state.pods if pod.generation != state.generation]
    new = [pod for pod in state.pods if pod.generation == state.generation and _stays(pod)]
    if wanted <= 1:
        # Two copies of a single one might not bear each other: the old one goes first.
        for pod in old:
            plan.stop(pod, Why.REPLACED)
        room = 0 if old else wanted
    else:
        ready = sum(pod.ready for pod in new)
        # Those that serve nobody go first.
        old.sort(key=lambda pod: pod.ready)
        for pod in old[: max(0, ready + len(old) - wanted)]:
            plan.stop(pod, Why.REPLACED)
        room = wanted + 1 - len(old) if old else wanted
    return max(0, min(room, wanted) - len(new))


def _stays(pod: Pod) -> bool:
    return pod.stopping not in {Why.REPLACED, Why.DELETED}


def _goes(pod: Pod, state: State) -> bool:
    shut_down = pod.termination is not None and pod.termination.reason == Why.SHUTDOWN
    return shut_down or not _stays(pod) or pod.generation != state.generation


def _begin_waiting(pod: Pod) -> None:
    ending = pod.termination
    assert ending is not None  # noqa: S101  a pod without one has not ended
    ran = ending.finished_at - (ending.started_at or ending.finished_at)
    recovered = ran >= datetime.timedelta(seconds=CRASH_RESET)
    pod.crashes = 1 if recovered else pod.crashes + 1
    delay = crash_delay(pod.crashes)
    pod.phase, pod.ready, pod.stopping, pod.started_at = Phase.WAITING, False, "", None
    pod.last_termination, pod.termination = ending, None
    pod.last_change = ending.finished_at
    pod.again_at = ending.finished_at + datetime.timedelta(seconds=delay)
    pod.reason = "CrashLoopBackOff"
    pod.message = f"its command ended; it is started again after {delay:.0f} seconds"


def _start_when_due(pod: Pod, plan: Plan) -> None:
    if pod.again_at is not None and plan.at(pod.again_at):
        pod.id = new_id()
        pod.restarts += 1
        plan.start(pod)
