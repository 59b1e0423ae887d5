"""What is to be done for a workload now: pure functions from its state and the time to a plan.

They may be called at any moment and as often as one likes: what has been decided is in the state,
and is not decided again. The engine writes the state down before it carries the plan out. What
lives here is the frame, runs to completion and schedules; continuous workloads are in `replicas`.
"""

from __future__ import annotations

import dataclasses
import datetime

from toolforge_runtime.local.states import Phase, Pod, Run, State, Why, new_pod
from toolforge_runtime.ports import ConcurrencyPolicy, RunRecord, Termination
from toolforge_runtime.timing import first_time, retry_delay


@dataclasses.dataclass(slots=True)
class Plan:
    """What to do, and what to remember of runs.

    `due` is when to plan again at the latest, `gone` that the workload is to be forgotten.
    """

    now: datetime.datetime
    starts: list[Pod] = dataclasses.field(default_factory=list)
    stops: list[Pod] = dataclasses.field(default_factory=list)
    due: datetime.datetime | None = None
    gone: bool = False
    records: list[RunRecord] = dataclasses.field(default_factory=list)

    def at(self, time: datetime.datetime) -> bool:
        """Say whether the time has come; if not, plan again then."""
        if time <= self.now:
            return True
        self.due = time if self.due is None else min(self.due, time)
        return False

    def start(self, pod: Pod) -> None:
        """Start the pod's container."""
        pod.phase, pod.again_at, pod.reason, pod.message = Phase.STARTING, None, "", ""
        pod.last_change = self.now
        self.starts.append(pod)

    def stop(self, pod: Pod, why: Why) -> None:
        """Tell the pod to stop, once; one without a process ends here and now."""
        if pod.stopping or pod.phase is Phase.ENDED:
            return
        pod.stopping = why
        if pod.is_live:
            self.stops.append(pod)
        else:
            pod.phase, pod.ready, pod.again_at, pod.last_change = Phase.ENDED, False, None, self.now
            pod.termination = pod.last_termination or Termination(128, why, self.now)
            self.due = self.now


def start_late_pods(state: State, plan: Plan) -> None:
    """Start the pods whose start had to be put off."""
    for pod in state.pods:
        late = pod.again_at if pod.phase is Phase.STARTING else None
        if late is not None and not pod.stopping and plan.at(late):
            plan.start(pod)


def plan_deletion(state: State, plan: Plan) -> None:
    """Stop every pod; when none is left the workload is gone."""
    for pod in state.pods:
        plan.stop(pod, Why.DELETED)
    plan.gone = all(pod.phase is Phase.ENDED for pod in state.pods)


def plan_run_to_completion(state: State, plan: Plan) -> None:
    """Carry the only run through, and forget the workload some time after."""
    run = state.runs[0]
    _plan_run(state, run, plan)
    ttl = state.workload.ttl_after_finished
    if run.finished_at is not None and ttl is not None:
        plan.gone = plan.at(run.finished_at + _seconds(ttl))


def plan_schedule(state: State, plan: Plan) -> None:
    """Carry runs through, begin those that are asked for or due, forget old ones."""
    for run in list(state.runs):
        _plan_run(state, run, plan)
    if state.run_requested:
        _plan_manual_run(state, plan)
    _plan_due_run(state, plan)
    for succeeded in (True, False):
        for run in [run for run in state.runs if run.succeeded is succeeded][1:]:
            _forget_run(state, run)


def _plan_manual_run(state: State, plan: Plan) -> None:
    _end_active(state, plan)
    if not _active(state):
        # What was asked for takes the place of what was there before.
        for run in list(state.runs):
            _forget_run(state, run)
        state.run_requested = False
        _begin_run(state, plan)


def _plan_due_run(state: State, plan: Plan) -> None:
    schedule = state.workload.schedule
    if schedule is None or state.workload.suspended:
        return
    if state.next_due is None:
        # The platform that created it ended before its first turn.
        state.next_due = first_time(state.workload, state.last_changed)
    while (due := state.next_due) is not None and plan.at(due):
        deadline = _seconds(schedule.starting_deadline)
        after = due
        if plan.now - due > deadline:
            _miss(state, plan, due)
            # The first that may still be started; not one by one, after a month of absence.
            after = max(due, plan.now - deadline - _seconds(1))
        elif _gets_room(state, schedule.concurrency, plan):
            state.last_scheduled = due
            _begin_run(state, plan, due)
        elif schedule.concurrency is ConcurrencyPolicy.REPLACE:
            # It begins when the previous one has ended, unless that takes too long.
            return
        else:
            _miss(state, plan, due)
        state.next_due = first_time(state.workload, after)


def _gets_room(state: State, concurrency: ConcurrencyPolicy, plan: Plan) -> bool:
    if concurrency is ConcurrencyPolicy.REPLACE:
        _end_active(state, plan)
    return concurrency is ConcurrencyPolicy.ALLOW or not _active(state)


def _end_active(state: State, plan: Plan) -> None:
    for run in _active(state):
        run.ending = run.ending or Why.REPLACED
        _plan_run(state, run, plan)


def _miss(state: State, plan: Plan, due: datetime.datetime) -> None:
    why = _STILL_GOING_ON if _active(state) else "the platform was not running then"
    state.reason = "MissedSchedule"
    state.message = f"the run of {due:%Y-%m-%d %H:%M} UTC was missed: {why}"
    plan.records.append(
        RunRecord(
            "",
            plan.now,
            scheduled_for=due,
            reason=state.reason,
            message=state.message,
            missed=True,
        )
    )


def _active(state: State) -> list[Run]:
    return [run for run in state.runs if run.finished_at is None]


def _begin_run(state: State, plan: Plan, due: datetime.datetime | None = None) -> None:
    # Two runs of one second, or of one that the clock shows again, are told apart in the history.
    state.last_run = max(int(plan.now.timestamp()), state.last_run + 1)
    name = f"{state.workload.name}-{state.last_run}"
    state.reason = state.message = ""
    state.runs.insert(0, Run(name, plan.now, manual=due is None, scheduled_for=due))
    _plan_run(state, state.runs[0], plan)


def _forget_run(state: State, run: Run) -> None:
    state.runs.remove(run)
    state.pods[:] = [pod for pod in state.pods if pod.run != run.name]


def _plan_run(state: State, run: Run, plan: Plan) -> None:
    if run.finished_at is not None:
        return
    pods = [pod for pod in state.pods if pod.run == run.name]
    limit = state.workload_of(run).active_deadline
    if limit is not None and not run.ending and plan.at(run.created_at + _seconds(limit)):
        run.ending = Why.DEADLINE
    if run.ending:
        for pod in pods:
            plan.stop(pod, Why(run.ending))
    if all(pod.phase is Phase.ENDED for pod in pods):
        endings = [pod.termination for pod in pods if pod.termination is not None]
        _finish_or_try(state, run, plan, endings)
        if run.finished_at is not None:
            plan.records.append(_record(run, run.finished_at, endings))


def _finish_or_try(state: State, run: Run, plan: Plan, endings: list[Termination]) -> None:
    if run.ending:
        _finish(state, run, plan.now, _ENDING_MESSAGES[Why(run.ending)], run.ending)
    elif endings and _is_success(endings[-1]):
        _finish(state, run, endings[-1].finished_at)
    elif len(endings) > state.workload_of(run).backoff_limit:
        _fail(state, run, endings)
    elif not endings or plan.at(endings[-1].finished_at + _seconds(retry_delay(len(endings)))):
        plan.start(new_pod(state, plan.now, run))


def _fail(state: State, run: Run, endings: list[Termination]) -> None:
    last = endings[-1]
    if last.reason == Why.SHUTDOWN:
        _finish(state, run, last.finished_at, last.message, last.reason)
        return
    tries = "its pod failed" if len(endings) == 1 else f"its {len(endings)} pods failed"
    _finish(state, run, last.finished_at, tries, "BackoffLimitExceeded")


def _finish(
    state: State, run: Run, time: datetime.datetime, message: str = "", reason: str = ""
) -> None:
    run.finished_at, run.succeeded = time, not reason
    run.reason, run.message = reason, message
    if run.succeeded:
        state.last_successful = time


def _record(run: Run, finished: datetime.datetime, endings: list[Termination]) -> RunRecord:
    return RunRecord(
        run=run.name,
        finished_at=finished,
        manual=run.manual,
        scheduled_for=run.scheduled_for,
        started_at=run.created_at,
        exit_code=endings[-1].exit_code if endings else None,
        reason=run.reason,
        message=run.message,
    )


def _is_success(ending: Termination) -> bool:
    return ending.reason == "Completed"


def _seconds(number: float) -> datetime.timedelta:
    return datetime.timedelta(seconds=number)


_STILL_GOING_ON = "the previous run was still going on"
_ENDING_MESSAGES = {
    Why.DEADLINE: "it ran longer than its time limit",
    Why.REPLACED: "another run took its place",
}
