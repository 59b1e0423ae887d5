"""From what the engine remembers to what services see."""

from __future__ import annotations

from toolforge_runtime.local.states import Phase, Pod, Run, State
from toolforge_runtime.ports import (
    ContainerState,
    Endpoint,
    PodObservation,
    PodPhase,
    RunObservation,
    WorkloadKind,
    WorkloadObservation,
)

_STATES = {
    Phase.STARTING: ContainerState.WAITING,
    Phase.RUNNING: ContainerState.RUNNING,
    Phase.WAITING: ContainerState.WAITING,
    Phase.ENDED: ContainerState.TERMINATED,
}


def observe(state: State, public_url: str, isolation: str) -> WorkloadObservation:
    """Return the workload as services see it; `public_url` has a place for the tool's name."""
    workload = state.workload
    continuous = workload.kind is WorkloadKind.CONTINUOUS
    pods = [(pod.run, _observe_pod(pod, isolation)) for pod in state.pods]
    return WorkloadObservation(
        workload=workload,
        created_at=state.created_at,
        last_changed=state.last_changed,
        pods=tuple(seen for _, seen in pods) if continuous else (),
        runs=tuple(
            _observe_run(run, tuple(seen for name, seen in pods if name == run.name))
            for run in state.runs
        ),
        available=sum(pod.ready for pod in state.pods) if continuous else 0,
        last_scheduled=state.last_scheduled,
        last_successful=state.last_successful,
        endpoints=tuple(
            Endpoint(public_url.format(tool=workload.tool), port)
            for port in workload.container.ports
            if workload.published
        ),
        reason=state.reason,
        message=state.message,
    )


def _observe_run(run: Run, pods: tuple[PodObservation, ...]) -> RunObservation:
    return RunObservation(
        name=run.name,
        created_at=run.created_at,
        pods=pods,
        manual=run.manual,
        finished_at=run.finished_at,
        succeeded=run.succeeded,
        reason=run.reason,
        message=run.message,
    )


def _observe_pod(pod: Pod, isolation: str) -> PodObservation:
    waits_silently = pod.phase is Phase.STARTING and not pod.reason
    return PodObservation(
        name=pod.name,
        phase=_phase(pod),
        created_at=pod.created_at,
        state=_STATES[pod.phase],
        reason="ContainerCreating" if waits_silently else pod.reason,
        message=pod.message,
        restarts=pod.restarts,
        ready=pod.ready,
        started_at=pod.started_at,
        last_change=pod.last_change,
        termination=pod.termination,
        last_termination=pod.last_termination,
        isolation=isolation,
    )


def _phase(pod: Pod) -> PodPhase:
    if pod.phase is Phase.RUNNING:
        return PodPhase.RUNNING
    if pod.phase is not Phase.ENDED:
        # A pod that has run before is running for Kubernetes, too, while its container waits.
        return PodPhase.PENDING if pod.last_termination is None else PodPhase.RUNNING
    reason = "" if pod.termination is None else pod.termination.reason
    return {"Completed": PodPhase.SUCCEEDED, "Lost": PodPhase.LOST}.get(reason, PodPhase.FAILED)
