"""When pods are probed, and what their answers mean. Who probes them is the runner."""

from __future__ import annotations

import dataclasses
import datetime

from toolforge_runtime.local.planning import Plan
from toolforge_runtime.local.states import Pod
from toolforge_runtime.ports import Container, Probe


@dataclasses.dataclass(slots=True)
class _Check:
    due: datetime.datetime
    failures: int = 0
    in_flight: bool = False


class Health:
    """Remembers the probes of running pods. After a restart of the platform it begins anew."""

    def __init__(self) -> None:
        self._checks: dict[str, _Check] = {}

    def due(self, pod: Pod, container: Container, plan: Plan) -> Probe | None:
        """Return the probe to make now, None if there is none; the plan learns when the next one is due."""
        probe = _current(pod, container)
        if probe is None or pod.started_at is None:
            return None
        check = self._checks.get(pod.id)
        if check is None:
            begin = pod.started_at + datetime.timedelta(seconds=probe.initial_delay)
            check = self._checks[pod.id] = _Check(begin)
        if check.in_flight or not plan.at(check.due):
            return None
        check.in_flight = True
        return probe

    def result(
        self, pod: Pod, container: Container, complaint: str, now: datetime.datetime
    ) -> bool:
        """Take a probe's result in; return False if the pod has failed too often and is to be stopped."""
        probe, check = _current(pod, container), self._checks.get(pod.id)
        if probe is None or check is None or not check.in_flight:
            return True
        check.in_flight = False
        check.due = now + datetime.timedelta(seconds=probe.period)
        if not complaint:
            check.failures = 0
            if not pod.ready:
                pod.ready, pod.last_change = True, now
                # From here on it is the other probe, which has its own beginning.
                del self._checks[pod.id]
            return True
        check.failures += 1
        return check.failures < probe.failure_threshold

    def forget(self, pod_id: str) -> None:
        """Forget a pod that has ended."""
        self._checks.pop(pod_id, None)


def _current(pod: Pod, container: Container) -> Probe | None:
    return container.liveness_probe if pod.ready else container.startup_probe
