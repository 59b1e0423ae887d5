"""What every runtime does: this module has the whole suite, and the part about workloads that just run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from toolforge_common.errors import Conflict, InvalidRequest, NotFound, Unsupported
from toolforge_runtime.ports import (
    ConcurrencyPolicy,
    Container,
    ContainerState,
    PodObservation,
    PodPhase,
    Port,
    Runtime,
    Schedule,
    Workload,
    WorkloadKind,
)
from toolforge_runtime.testing.changes_contract import ChangesContract
from toolforge_runtime.testing.logs_contract import LogsContract
from toolforge_runtime.testing.trials_contract import (
    DEMO,
    FOREVER,
    NOBODY,
    OTHER,
    RESOURCES,
    continuous,
    one_off,
    scheduled,
)


class RuntimeContract(ChangesContract, LogsContract):
    """Subclass it, named Test…, with a fixture `runtime` that gives one without workloads.

    The tools `demo` and `other` exist, the image `bookworm` does, and following a log gives a
    heartbeat every fraction of a second.
    """

    # --- all workloads ----------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "workload",
        [
            one_off("a", FOREVER, labels={"x": "1"}, annotations={"y": "2"}, backoff_limit=2),
            scheduled("a", FOREVER, active_deadline=7.5),
            continuous("a", FOREVER, replicas=2, ports=(Port(8000),), published=True),
        ],
        ids=lambda workload: workload.kind.value,
    )
    def test_what_was_created_is_there(self, runtime: Runtime, workload: Workload) -> None:
        runtime.create(workload)

        seen = runtime.get(DEMO, "a")
        assert seen.workload == workload
        assert seen.created_at.tzinfo is not None
        assert seen.last_changed >= seen.created_at
        assert (seen.reason, seen.message) == ("", "")
        assert [other.workload for other in runtime.list(DEMO)] == [workload]

    def test_a_second_one_of_the_same_name_is_a_conflict(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", FOREVER))

        with pytest.raises(Conflict):
            runtime.create(scheduled("a", "true"))
        assert runtime.get(DEMO, "a").workload.kind is WorkloadKind.RUN_TO_COMPLETION

    def test_tools_do_not_see_each_other(self, runtime: Runtime) -> None:
        runtime.create(scheduled("a", "echo demo"))
        runtime.create(scheduled("a", "echo other", tool=OTHER))
        runtime.create(scheduled("b", "true", tool=OTHER))

        assert [seen.workload.name for seen in runtime.list(DEMO)] == ["a"]
        assert [seen.workload.name for seen in runtime.list(OTHER)] == ["a", "b"]
        with pytest.raises(NotFound):
            runtime.get(DEMO, "b")

    def test_a_tool_that_does_not_exist_has_nothing(self, runtime: Runtime) -> None:
        with pytest.raises(NotFound):
            runtime.create(one_off("a", "true", tool=NOBODY))
        assert list(runtime.list(NOBODY)) == []
        assert list(runtime.logs(NOBODY, "a")) == []

    def test_what_is_not_there_is_not_found(self, runtime: Runtime) -> None:
        with pytest.raises(NotFound):
            runtime.get(DEMO, "a")
        with pytest.raises(NotFound):
            runtime.restart(DEMO, "a")

    def test_an_unknown_image_is_unsupported(self, runtime: Runtime) -> None:
        workload = one_off("a", "true")
        container = Container("no-such-image", workload.container.command, RESOURCES)

        with pytest.raises(Unsupported):
            runtime.create(Workload(DEMO, "a", WorkloadKind.RUN_TO_COMPLETION, container=container))
        assert list(runtime.list(DEMO)) == []

    def test_a_list_is_sorted_by_name(self, runtime: Runtime) -> None:
        for name in ("b", "a-2", "a", "c"):
            runtime.create(scheduled(name, "true"))

        assert [seen.workload.name for seen in runtime.list(DEMO)] == ["a", "a-2", "b", "c"]

    def test_deleting_nothing_does_nothing(self, runtime: Runtime) -> None:
        runtime.delete(DEMO, "a")

        assert list(runtime.list(DEMO)) == []

    @pytest.mark.parametrize("make", [one_off, scheduled, continuous])
    def test_what_was_deleted_is_gone_and_can_be_made_again(
        self, runtime: Runtime, make: Callable[..., Workload]
    ) -> None:
        runtime.create(make("a", FOREVER))
        runtime.delete(DEMO, "a")

        with pytest.raises(NotFound):
            runtime.get(DEMO, "a")
        runtime.create(make("a", "true"))
        assert runtime.get(DEMO, "a").workload == make("a", "true")

    def test_images_are_sorted_and_have_references(self, runtime: Runtime) -> None:
        images = list(runtime.images())

        assert [image.name for image in images] == sorted(image.name for image in images)
        assert "bookworm" in [image.name for image in images]
        assert all(image.reference for image in images)

    def test_it_says_what_it_is(self, runtime: Runtime) -> None:
        description = runtime.describe()

        assert description.name
        assert description.isolation

    # --- runs to completion -----------------------------------------------------------------------

    def test_a_run_that_succeeds(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "echo done"))
        run = self.finished(runtime, "a")

        assert (run.succeeded, run.manual, run.reason) == (True, False, "")
        assert len(runtime.get(DEMO, "a").runs) == 1
        (pod,) = run.pods
        assert (pod.phase, pod.state) == (PodPhase.SUCCEEDED, ContainerState.TERMINATED)
        assert pod.termination is not None
        assert (pod.termination.exit_code, pod.termination.reason) == (0, "Completed")
        assert runtime.get(DEMO, "a").last_successful == run.finished_at

    def test_a_run_that_fails(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "exit 3"))
        run = self.finished(runtime, "a")

        assert (run.succeeded, run.reason) == (False, "BackoffLimitExceeded")
        (pod,) = run.pods
        assert (pod.phase, pod.restarts, pod.ready) == (PodPhase.FAILED, 0, False)
        assert pod.termination is not None
        assert (pod.termination.exit_code, pod.termination.reason) == (3, "Error")
        assert runtime.get(DEMO, "a").last_successful is None

    def test_times_are_in_order(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "true"))
        run = self.finished(runtime, "a")

        (pod,) = run.pods
        assert pod.termination is not None
        assert pod.termination.started_at is not None
        assert run.finished_at is not None
        times = [
            runtime.get(DEMO, "a").created_at,
            run.created_at,
            pod.created_at,
            pod.termination.started_at,
            pod.termination.finished_at,
            run.finished_at,
        ]
        assert times == sorted(times)

    def test_a_run_exists_from_the_beginning(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", FOREVER))

        (run,) = runtime.get(DEMO, "a").runs
        assert (run.finished_at, run.succeeded) == (None, None)
        assert runtime.get(DEMO, "a").pods == ()

    def test_a_running_pod(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", FOREVER))

        def running() -> PodObservation | None:
            pods = runtime.get(DEMO, "a").runs[0].pods
            return pods[0] if pods and pods[0].phase is PodPhase.RUNNING else None

        pod = self.until(runtime, running)
        assert (pod.state, pod.reason, pod.termination) == (ContainerState.RUNNING, "", None)
        assert pod.started_at is not None
        assert pod.isolation == runtime.describe().isolation

    def test_a_run_that_takes_too_long_is_ended(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", FOREVER, active_deadline=0.5, backoff_limit=3))
        run = self.finished(runtime, "a")

        assert (run.succeeded, run.reason, len(run.pods)) == (False, "DeadlineExceeded", 1)
        assert run.pods[0].phase is PodPhase.FAILED

    def test_a_finished_run_is_forgotten_in_time(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "echo done", ttl_after_finished=0))
        self.until(runtime, lambda: not runtime.list(DEMO))

        assert [line.message for line in runtime.logs(DEMO, "a")] == ["done"]

    def test_a_run_to_completion_cannot_be_restarted(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", FOREVER))

        with pytest.raises(Unsupported):
            runtime.restart(DEMO, "a")

    # --- schedules --------------------------------------------------------------------------------

    def test_nothing_runs_before_its_time(self, runtime: Runtime) -> None:
        runtime.create(scheduled("a", "true"))

        seen = runtime.get(DEMO, "a")
        assert (seen.runs, seen.pods, seen.last_scheduled) == ((), (), None)

    @pytest.mark.parametrize(
        "schedule",
        [
            Schedule("five times a day"),
            Schedule("0 0 * * *", time_zone="Europe/Atlantis"),
            Schedule("0 0 * * *", time_zone="Europe"),  # a folder of zones
            Schedule("0 0 * * *", time_zone="../../etc/localtime"),
            Schedule("0 0 * * *", time_zone=""),
        ],
        ids=str,
    )
    def test_what_is_no_schedule_is_refused(self, runtime: Runtime, schedule: Schedule) -> None:
        with pytest.raises(InvalidRequest):
            runtime.create(scheduled("a", "true", schedule=schedule))
        assert list(runtime.list(DEMO)) == []

        runtime.create(scheduled("a", "true"))
        with pytest.raises(InvalidRequest):
            runtime.replace(scheduled("a", "true", schedule=schedule))
        assert runtime.get(DEMO, "a").workload == scheduled("a", "true")

    @pytest.mark.parametrize("policy", list(ConcurrencyPolicy))
    def test_a_zone_and_a_policy_are_kept(
        self, runtime: Runtime, policy: ConcurrencyPolicy
    ) -> None:
        schedule = Schedule("0 0 31 2 *", time_zone="Europe/Berlin", concurrency=policy)
        runtime.create(scheduled("a", "true", schedule=schedule))

        assert runtime.get(DEMO, "a").workload.schedule == schedule

    def test_a_restart_runs_now(self, runtime: Runtime) -> None:
        runtime.create(scheduled("a", "echo now"))
        runtime.restart(DEMO, "a")
        run = self.finished(runtime, "a")

        assert (run.manual, run.succeeded) == (True, True)
        seen = runtime.get(DEMO, "a")
        assert (seen.last_scheduled, seen.last_successful) == (None, run.finished_at)
        assert seen.last_changed >= seen.created_at

    def test_a_restart_ends_a_run_that_goes_on(self, runtime: Runtime) -> None:
        runtime.create(scheduled("a", FOREVER))
        runtime.restart(DEMO, "a")

        def running() -> list[str]:
            runs = runtime.get(DEMO, "a").runs
            return [pod.name for run in runs for pod in run.pods if pod.phase is PodPhase.RUNNING]

        before = self.until(runtime, running)
        runtime.restart(DEMO, "a")
        self.until(runtime, lambda: running() and running() != before)

        (run,) = runtime.get(DEMO, "a").runs
        assert (run.manual, run.finished_at, len(run.pods)) == (True, None, 1)

    # --- continuous workloads ---------------------------------------------------------------------

    def test_as_many_pods_run_as_are_wanted(self, runtime: Runtime) -> None:
        runtime.create(continuous("a", FOREVER, replicas=2))
        pods = self.available(runtime, "a", 2)

        assert [(pod.phase, pod.state, pod.ready, pod.restarts) for pod in pods] == [
            (PodPhase.RUNNING, ContainerState.RUNNING, True, 0)
        ] * 2
        assert len({pod.name for pod in pods}) == 2
        assert runtime.get(DEMO, "a").runs == ()

    def test_no_pod_may_be_wanted(self, runtime: Runtime) -> None:
        runtime.create(continuous("a", FOREVER, replicas=0))

        assert (runtime.get(DEMO, "a").pods, runtime.get(DEMO, "a").available) == ((), 0)

    def test_what_ends_again_and_again_is_started_ever_later(self, runtime: Runtime) -> None:
        runtime.create(continuous("a", "exit 4"))

        def crashing() -> PodObservation | None:
            pods = runtime.get(DEMO, "a").pods
            return pods[0] if pods and pods[0].reason == "CrashLoopBackOff" else None

        pod = self.until(runtime, crashing)
        assert (pod.phase, pod.state, pod.ready) == (
            PodPhase.RUNNING,
            ContainerState.WAITING,
            False,
        )
        assert pod.last_termination is not None
        assert (pod.last_termination.exit_code, pod.last_termination.reason) == (4, "Error")
        assert runtime.get(DEMO, "a").available == 0
        again = self.until(runtime, lambda: runtime.get(DEMO, "a").pods[0].restarts >= 1)
        assert again
        assert runtime.get(DEMO, "a").pods[0].name == pod.name

    @pytest.mark.parametrize("replicas", [1, 2])
    def test_a_restart_replaces_the_pods(self, runtime: Runtime, replicas: int) -> None:
        runtime.create(continuous("a", FOREVER, replicas=replicas))
        before = {pod.name for pod in self.available(runtime, "a", replicas)}
        runtime.restart(DEMO, "a")

        def replaced() -> bool:
            pods = runtime.get(DEMO, "a").pods
            new = {pod.name for pod in pods if pod.ready}
            return len(pods) == len(new) == replicas and not new & before

        self.until(runtime, replaced)

    def test_published_workloads_have_an_address(self, runtime: Runtime) -> None:
        ports = (Port(8000),)
        runtime.create(continuous("a", FOREVER, ports=ports, published=True))
        runtime.create(continuous("b", FOREVER, ports=ports))

        (endpoint,) = runtime.get(DEMO, "a").endpoints
        assert endpoint.port == Port(8000)
        assert DEMO in endpoint.url
        assert runtime.get(DEMO, "b").endpoints == ()
