"""What every runtime does.

Programs of these tests need nothing but a shell's `echo`, `exit`, `true` and `sleep`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest

from toolforge_common.errors import Conflict, InvalidRequest, NotFound, Unsupported
from toolforge_common.names import ToolName
from toolforge_runtime.ports import (
    ConcurrencyPolicy,
    Container,
    ContainerState,
    LogLine,
    PodObservation,
    PodPhase,
    Port,
    Resources,
    RunObservation,
    RunRecord,
    Runtime,
    Schedule,
    Workload,
    WorkloadKind,
)

DEMO, OTHER, NOBODY = ToolName("demo"), ToolName("other"), ToolName("nobody")

_RESOURCES = Resources(2**26, 2**27, Decimal("0.1"), Decimal(1))
_NEVER = Schedule("0 0 31 2 *")
_FOREVER = "sleep 1000"


def one_off(name: str, script: str, **more: Any) -> Workload:
    """Return a workload that runs the script once."""
    return _workload(name, script, WorkloadKind.RUN_TO_COMPLETION, **more)


def scheduled(name: str, script: str, **more: Any) -> Workload:
    """Return a workload that runs the script when it is asked to."""
    return _workload(name, script, WorkloadKind.SCHEDULED, **{"schedule": _NEVER, **more})


def continuous(name: str, script: str, **more: Any) -> Workload:
    """Return a workload that keeps the script running."""
    return _workload(name, script, WorkloadKind.CONTINUOUS, **more)


def _workload(name: str, script: str, kind: WorkloadKind, **more: Any) -> Workload:
    container = Container(
        image="bookworm",
        command=("/bin/sh", "-c", "--", script),
        resources=_RESOURCES,
        ports=more.pop("ports", ()),
    )
    defaults: dict[str, Any] = {"tool": DEMO, "ttl_after_finished": None, **more}
    return Workload(name=name, kind=kind, container=container, **defaults)


class RuntimeContract:
    """Subclass it, named Test…, with a fixture `runtime` that gives one without workloads.

    The tools `demo` and `other` exist, the image `bookworm` does, and following a log gives a
    heartbeat every fraction of a second.
    """

    patience = 30.0

    @pytest.fixture
    def runtime(self) -> Runtime:
        """Give a runtime without workloads."""
        raise NotImplementedError

    def pass_time(self, runtime: Runtime) -> None:
        """Let a moment pass; a runtime with a clock of its own moves it."""
        time.sleep(0.01)

    def until(self, runtime: Runtime, condition: Callable[[], Any]) -> Any:
        """Wait until the condition gives something true, and return that."""
        deadline = time.monotonic() + self.patience
        while not (result := condition()):
            assert time.monotonic() < deadline, "it did not come true"
            self.pass_time(runtime)
        return result

    def finished(self, runtime: Runtime, name: str) -> RunObservation:
        """Wait until the newest run of the workload has finished, and return it."""

        def newest() -> RunObservation | None:
            runs = runtime.get(DEMO, name).runs
            return runs[0] if runs and runs[0].finished_at is not None else None

        run: RunObservation = self.until(runtime, newest)
        return run

    def available(self, runtime: Runtime, name: str, count: int) -> tuple[PodObservation, ...]:
        """Wait until so many pods of a continuous workload are available, and return them."""
        self.until(runtime, lambda: runtime.get(DEMO, name).available == count)
        return runtime.get(DEMO, name).pods

    # --- all workloads ----------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "workload",
        [
            one_off("a", _FOREVER, labels={"x": "1"}, annotations={"y": "2"}, backoff_limit=2),
            scheduled("a", _FOREVER, active_deadline=7.5),
            continuous("a", _FOREVER, replicas=2, ports=(Port(8000),), published=True),
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
        runtime.create(one_off("a", _FOREVER))

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
        container = Container("no-such-image", workload.container.command, _RESOURCES)

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
        runtime.create(make("a", _FOREVER))
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
        runtime.create(one_off("a", _FOREVER))

        (run,) = runtime.get(DEMO, "a").runs
        assert (run.finished_at, run.succeeded) == (None, None)
        assert runtime.get(DEMO, "a").pods == ()

    def test_a_running_pod(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", _FOREVER))

        def running() -> PodObservation | None:
            pods = runtime.get(DEMO, "a").runs[0].pods
            return pods[0] if pods and pods[0].phase is PodPhase.RUNNING else None

        pod = self.until(runtime, running)
        assert (pod.state, pod.reason, pod.termination) == (ContainerState.RUNNING, "", None)
        assert pod.started_at is not None
        assert pod.isolation == runtime.describe().isolation

    def test_a_run_that_takes_too_long_is_ended(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", _FOREVER, active_deadline=0.5, backoff_limit=3))
        run = self.finished(runtime, "a")

        assert (run.succeeded, run.reason, len(run.pods)) == (False, "DeadlineExceeded", 1)
        assert run.pods[0].phase is PodPhase.FAILED

    def test_a_finished_run_is_forgotten_in_time(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "echo done", ttl_after_finished=0))
        self.until(runtime, lambda: not runtime.list(DEMO))

        assert [line.message for line in runtime.logs(DEMO, "a")] == ["done"]

    def test_a_run_to_completion_cannot_be_restarted(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", _FOREVER))

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
        runtime.create(scheduled("a", _FOREVER))
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
        runtime.create(continuous("a", _FOREVER, replicas=2))
        pods = self.available(runtime, "a", 2)

        assert [(pod.phase, pod.state, pod.ready, pod.restarts) for pod in pods] == [
            (PodPhase.RUNNING, ContainerState.RUNNING, True, 0)
        ] * 2
        assert len({pod.name for pod in pods}) == 2
        assert runtime.get(DEMO, "a").runs == ()

    def test_no_pod_may_be_wanted(self, runtime: Runtime) -> None:
        runtime.create(continuous("a", _FOREVER, replicas=0))

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
        runtime.create(continuous("a", _FOREVER, replicas=replicas))
        before = {pod.name for pod in self.available(runtime, "a", replicas)}
        runtime.restart(DEMO, "a")

        def replaced() -> bool:
            pods = runtime.get(DEMO, "a").pods
            new = {pod.name for pod in pods if pod.ready}
            return len(pods) == len(new) == replicas and not new & before

        self.until(runtime, replaced)

    def test_published_workloads_have_an_address(self, runtime: Runtime) -> None:
        ports = (Port(8000),)
        runtime.create(continuous("a", _FOREVER, ports=ports, published=True))
        runtime.create(continuous("b", _FOREVER, ports=ports))

        (endpoint,) = runtime.get(DEMO, "a").endpoints
        assert endpoint.port == Port(8000)
        assert DEMO in endpoint.url
        assert runtime.get(DEMO, "b").endpoints == ()

    # --- replacement ------------------------------------------------------------------------------

    @pytest.mark.parametrize("make", [scheduled, continuous])
    def test_a_replacement_is_there(self, runtime: Runtime, make: Callable[..., Workload]) -> None:
        runtime.create(make("a", _FOREVER))
        created = runtime.get(DEMO, "a").created_at
        new = make("a", "sleep 1001", labels={"x": "1"}, annotations={"y": "2"})
        runtime.replace(new)

        seen = runtime.get(DEMO, "a")
        assert (seen.workload, seen.created_at) == (new, created)
        assert seen.last_changed >= created

    @pytest.mark.parametrize("make", [scheduled, continuous])
    def test_replacing_by_the_same_changes_nothing(
        self, runtime: Runtime, make: Callable[..., Workload]
    ) -> None:
        runtime.create(make("a", _FOREVER))
        before = runtime.get(DEMO, "a").last_changed
        runtime.replace(make("a", _FOREVER))

        assert runtime.get(DEMO, "a").last_changed == before

    def test_what_cannot_be_replaced(self, runtime: Runtime) -> None:
        runtime.create(one_off("once", _FOREVER))
        runtime.create(scheduled("cron", "true"))

        with pytest.raises(Unsupported):
            runtime.replace(one_off("once", "true"))
        with pytest.raises(Conflict):
            runtime.replace(continuous("cron", "true"))
        with pytest.raises(NotFound):
            runtime.replace(continuous("none", "true"))
        with pytest.raises(NotFound):
            runtime.replace(scheduled("cron", "true", tool=OTHER))
        with pytest.raises(InvalidRequest):
            runtime.replace(scheduled("cron", "true", schedule=Schedule("never")))
        assert runtime.get(DEMO, "cron").workload == scheduled("cron", "true")

    def test_a_replacement_with_an_unknown_image_is_unsupported(self, runtime: Runtime) -> None:
        runtime.create(continuous("a", _FOREVER))
        container = Container("no-such-image", ("true",), _RESOURCES)

        with pytest.raises(Unsupported):
            runtime.replace(dataclasses.replace(continuous("a", _FOREVER), container=container))
        assert runtime.get(DEMO, "a").workload == continuous("a", _FOREVER)

    @pytest.mark.parametrize("replicas", [1, 2])
    def test_pods_are_replaced_if_what_they_run_has_changed(
        self, runtime: Runtime, replicas: int
    ) -> None:
        runtime.create(continuous("a", "echo old; sleep 1000", replicas=replicas))
        before = {pod.name for pod in self.available(runtime, "a", replicas)}
        runtime.replace(continuous("a", "echo new; sleep 1000", replicas=replicas))

        def replaced() -> bool:
            pods = runtime.get(DEMO, "a").pods
            new = {pod.name for pod in pods if pod.ready}
            return len(pods) == len(new) == replicas and not new & before

        self.until(runtime, replaced)

        def written() -> set[str]:
            return {line.message for line in runtime.logs(DEMO, "a") if line.pod not in before}

        self.until(runtime, written)
        assert written() == {"new"}

    @pytest.mark.parametrize(
        "changes", [{"labels": {"x": "1"}}, {"annotations": {"x": "1"}}, {"published": True}]
    )
    def test_pods_stay_if_what_they_run_has_not_changed(
        self, runtime: Runtime, changes: dict[str, Any]
    ) -> None:
        runtime.create(continuous("a", _FOREVER, replicas=2))
        before = self.available(runtime, "a", 2)
        runtime.replace(continuous("a", _FOREVER, replicas=3, **changes))
        after = self.available(runtime, "a", 3)

        assert {pod.name for pod in before} < {pod.name for pod in after}
        assert {pod.restarts for pod in after} == {0}

    def test_surplus_pods_go_and_the_others_stay(self, runtime: Runtime) -> None:
        runtime.create(continuous("a", _FOREVER, replicas=3))
        before = {pod.name for pod in self.available(runtime, "a", 3)}
        runtime.replace(continuous("a", _FOREVER, replicas=1))
        self.until(runtime, lambda: len(runtime.get(DEMO, "a").pods) == 1)

        (pod,) = runtime.get(DEMO, "a").pods
        assert pod.name in before
        assert (pod.ready, pod.restarts) == (True, 0)

    def test_a_present_run_goes_on_and_the_next_one_is_as_replaced(self, runtime: Runtime) -> None:
        runtime.create(scheduled("a", "echo old; sleep 1000"))
        runtime.restart(DEMO, "a")
        (before,) = self.until(runtime, lambda: list(runtime.logs(DEMO, "a")))
        runtime.replace(scheduled("a", "echo new"))
        (run,) = runtime.get(DEMO, "a").runs
        assert (run.finished_at, [pod.name for pod in run.pods]) == (None, [before.pod])
        runtime.restart(DEMO, "a")

        self.finished(runtime, "a")
        assert [line.message for line in runtime.logs(DEMO, "a")] == ["old", "new"]

    # --- suspension -------------------------------------------------------------------------------

    def test_a_suspended_continuous_workload_has_no_pods(self, runtime: Runtime) -> None:
        runtime.create(continuous("a", _FOREVER, replicas=2))
        self.available(runtime, "a", 2)
        runtime.replace(continuous("a", _FOREVER, replicas=2, suspended=True))
        self.until(runtime, lambda: not runtime.get(DEMO, "a").pods)

        runtime.replace(continuous("a", _FOREVER, replicas=2))
        assert self.available(runtime, "a", 2)

    def test_what_is_suspended_from_the_beginning_can_be_resumed(self, runtime: Runtime) -> None:
        runtime.create(continuous("a", _FOREVER, suspended=True))
        assert runtime.get(DEMO, "a").workload.suspended
        runtime.replace(continuous("a", _FOREVER))

        assert self.available(runtime, "a", 1)

    def test_a_suspended_schedule_runs_when_asked(self, runtime: Runtime) -> None:
        runtime.create(scheduled("a", "echo done", suspended=True))
        runtime.restart(DEMO, "a")

        assert self.finished(runtime, "a").succeeded

    # --- history ----------------------------------------------------------------------------------

    def test_what_never_ran_has_no_history(self, runtime: Runtime) -> None:
        runtime.create(scheduled("a", "true"))
        runtime.create(one_off("b", _FOREVER))
        runtime.create(continuous("c", "exit 1"))

        assert [list(runtime.history(DEMO, name)) for name in "abc"] == [[], [], []]

    def test_a_history_tells_how_runs_ended(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "exit 3"))
        run = self.finished(runtime, "a")

        assert list(runtime.history(DEMO, "a")) == [
            RunRecord(
                run=run.name,
                finished_at=run.finished_at or run.created_at,
                started_at=run.created_at,
                exit_code=3,
                reason=run.reason,
                message=run.message,
            )
        ]

    def test_a_history_outlasts_the_runs_and_ends_with_the_workload(self, runtime: Runtime) -> None:
        runtime.create(scheduled("a", "true"))
        runtime.create(scheduled("a", "true", tool=OTHER))
        names: list[str] = []

        def has_another() -> bool:
            return len(runtime.history(DEMO, "a")) > len(names)

        for _ in range(3):
            runtime.restart(DEMO, "a")
            self.until(runtime, has_another)
            names.append(self.finished(runtime, "a").name)

        history = runtime.history(DEMO, "a")
        assert len(set(names)) == len(names)
        assert [(run.run, run.manual, run.exit_code) for run in history] == [
            (name, True, 0) for name in reversed(names)
        ]
        assert list(runtime.history(DEMO, "a", limit=2)) == list(history)[:2]
        assert list(runtime.history(DEMO, "a", limit=0)) == []
        assert list(runtime.history(OTHER, "a")) == []
        runtime.delete(DEMO, "a")
        with pytest.raises(NotFound):
            runtime.history(DEMO, "a")
        runtime.create(scheduled("a", "true"))
        assert list(runtime.history(DEMO, "a")) == []

    def test_a_run_whose_place_is_taken_is_in_the_history(self, runtime: Runtime) -> None:
        runtime.create(scheduled("a", _FOREVER))
        runtime.restart(DEMO, "a")
        self.until(runtime, lambda: runtime.get(DEMO, "a").runs)
        (first,) = runtime.get(DEMO, "a").runs
        runtime.restart(DEMO, "a")
        (record,) = self.until(runtime, lambda: runtime.history(DEMO, "a"))

        assert (record.run, record.manual, record.reason) == (first.name, True, "Replaced")

    # --- logs -------------------------------------------------------------------------------------

    def test_a_log_has_the_lines_in_order(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "echo one; echo two; echo three; exit 1"))
        run = self.finished(runtime, "a")

        lines = list(runtime.logs(DEMO, "a"))
        assert [line.message for line in lines] == ["one", "two", "three"]
        assert {line.pod for line in lines} == {run.pods[0].name}
        assert all(line.container for line in lines)
        assert [line.time for line in lines] == sorted(line.time for line in lines)
        assert len({line.cursor for line in lines}) == 3

    @pytest.mark.parametrize(
        ("last", "expected"),
        [(0, []), (1, ["three"]), (2, ["two", "three"]), (9, ["one", "two", "three"])],
    )
    def test_only_the_newest_lines(self, runtime: Runtime, last: int, expected: list[str]) -> None:
        runtime.create(one_off("a", "echo one; echo two; echo three"))
        self.finished(runtime, "a")

        assert [line.message for line in runtime.logs(DEMO, "a", last=last)] == expected

    def test_nothing_written_gives_nothing(self, runtime: Runtime) -> None:
        assert list(runtime.logs(DEMO, "never-there")) == []
        assert list(runtime.logs(DEMO, "../a")) == []

    def test_logs_outlive_their_workload(self, runtime: Runtime) -> None:
        for word in ("first", "second"):
            runtime.create(one_off("a", f"echo {word}"))
            self.finished(runtime, "a")
            runtime.delete(DEMO, "a")

        assert [line.message for line in runtime.logs(DEMO, "a")] == ["first", "second"]
        assert [line.message for line in runtime.logs(DEMO, "a", last=1)] == ["second"]

    async def test_following_gives_old_lines_then_those_of_new_pods(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "echo old"))
        self.finished(runtime, "a")
        runtime.delete(DEMO, "a")
        lines = runtime.follow(DEMO, "a")

        assert (await self.next_line(lines)).message == "old"
        runtime.create(one_off("a", "echo new"))
        assert (await self.next_line(lines)).message == "new"
        await _close(lines)

    async def test_following_what_is_not_there_yet(self, runtime: Runtime) -> None:
        lines = runtime.follow(DEMO, "a")
        assert await self.next_item(lines) is None

        runtime.create(one_off("a", "echo new"))
        assert (await self.next_line(lines)).message == "new"
        await _close(lines)

    async def test_following_may_begin_with_the_newest_lines(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "echo one; echo two; echo three"))
        self.finished(runtime, "a")
        lines = runtime.follow(DEMO, "a", last=1)

        assert (await self.next_line(lines)).message == "three"
        await _close(lines)

    async def test_a_cursor_continues_after_its_line(self, runtime: Runtime) -> None:
        runtime.create(one_off("a", "echo one; echo two; echo three"))
        self.finished(runtime, "a")
        second = list(runtime.logs(DEMO, "a"))[1]
        lines = runtime.follow(DEMO, "a", after=second.cursor)

        third = await self.next_line(lines)
        assert third.message == "three"
        await _close(lines)
        rest = runtime.follow(DEMO, "a", after=third.cursor)
        assert await self.next_item(rest) is None
        await _close(rest)

    async def test_a_cursor_of_a_shortened_log_does_not_bring_the_rest_back(
        self, runtime: Runtime
    ) -> None:
        for word in ("first", "second"):
            runtime.create(one_off("a", f"echo {word}"))
            self.finished(runtime, "a")
            runtime.delete(DEMO, "a")
        (line,) = runtime.logs(DEMO, "a", last=1)
        rest = runtime.follow(DEMO, "a", after=line.cursor)

        assert await self.next_item(rest) is None
        await _close(rest)

    async def test_what_is_not_a_cursor_is_refused(self, runtime: Runtime) -> None:
        with pytest.raises(InvalidRequest):
            await self.next_item(runtime.follow(DEMO, "a", after="not a cursor"))

    async def test_silence_has_a_heartbeat(self, runtime: Runtime) -> None:
        lines = runtime.follow(DEMO, "a")

        assert [await self.next_item(lines), await self.next_item(lines)] == [None, None]
        await _close(lines)

    async def next_item(self, lines: AsyncIterator[LogLine | None]) -> LogLine | None:
        """Return what the log gives next, a heartbeat or a line."""
        async with asyncio.timeout(self.patience):
            return await anext(lines)

    async def next_line(self, lines: AsyncIterator[LogLine | None]) -> LogLine:
        """Return the next line, whatever heartbeats come before it."""
        while (line := await self.next_item(lines)) is None:
            pass
        return line


async def _close(lines: AsyncIterator[LogLine | None]) -> None:
    close = getattr(lines, "aclose", None)
    if close is not None:
        await close()
