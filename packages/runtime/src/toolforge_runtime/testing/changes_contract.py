"""What every runtime does when workloads are replaced and suspended, and what it tells of past runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from toolforge_common.errors import Conflict, InvalidRequest, NotFound, Unsupported
from toolforge_runtime.ports import (
    Container,
    RunRecord,
    Runtime,
    Schedule,
    Workload,
)
from toolforge_runtime.testing.trials_contract import (
    DEMO,
    FOREVER,
    OTHER,
    RESOURCES,
    RuntimeTrials,
    continuous,
    one_off,
    scheduled,
)


class ChangesContract(RuntimeTrials):
    """The part of `RuntimeContract` about replacement, suspension and history."""

    # --- replacement ---------------------------------------------------------------------------------

    @pytest.mark.parametrize("make", [scheduled, continuous])
    def test_a_replacement_is_there(self, runtime: Runtime, make: Callable[..., Workload]) -> None:
        runtime.create(make("a", FOREVER))
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
        runtime.create(make("a", FOREVER))
        before = runtime.get(DEMO, "a").last_changed
        runtime.replace(make("a", FOREVER))

        assert runtime.get(DEMO, "a").last_changed == before

    def test_what_cannot_be_replaced(self, runtime: Runtime) -> None:
        runtime.create(one_off("once", FOREVER))
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
        runtime.create(continuous("a", FOREVER))
        container = Container("no-such-image", ("true",), RESOURCES)

        with pytest.raises(Unsupported):
            runtime.replace(dataclasses.replace(continuous("a", FOREVER), container=container))
        assert runtime.get(DEMO, "a").workload == continuous("a", FOREVER)

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
        runtime.create(continuous("a", FOREVER, replicas=2))
        before = self.available(runtime, "a", 2)
        runtime.replace(continuous("a", FOREVER, replicas=3, **changes))
        after = self.available(runtime, "a", 3)

        assert {pod.name for pod in before} < {pod.name for pod in after}
        assert {pod.restarts for pod in after} == {0}

    def test_surplus_pods_go_and_the_others_stay(self, runtime: Runtime) -> None:
        runtime.create(continuous("a", FOREVER, replicas=3))
        before = {pod.name for pod in self.available(runtime, "a", 3)}
        runtime.replace(continuous("a", FOREVER, replicas=1))
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

    # --- suspension ----------------------------------------------------------------------------------

    def test_a_suspended_continuous_workload_has_no_pods(self, runtime: Runtime) -> None:
        runtime.create(continuous("a", FOREVER, replicas=2))
        self.available(runtime, "a", 2)
        runtime.replace(continuous("a", FOREVER, replicas=2, suspended=True))
        self.until(runtime, lambda: not runtime.get(DEMO, "a").pods)

        runtime.replace(continuous("a", FOREVER, replicas=2))
        assert self.available(runtime, "a", 2)

    def test_what_is_suspended_from_the_beginning_can_be_resumed(self, runtime: Runtime) -> None:
        runtime.create(continuous("a", FOREVER, suspended=True))
        assert runtime.get(DEMO, "a").workload.suspended
        runtime.replace(continuous("a", FOREVER))

        assert self.available(runtime, "a", 1)

    def test_a_suspended_schedule_runs_when_asked(self, runtime: Runtime) -> None:
        runtime.create(scheduled("a", "echo done", suspended=True))
        runtime.restart(DEMO, "a")

        assert self.finished(runtime, "a").succeeded

    # --- history -------------------------------------------------------------------------------------

    def test_what_never_ran_has_no_history(self, runtime: Runtime) -> None:
        runtime.create(scheduled("a", "true"))
        runtime.create(one_off("b", FOREVER))
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
        runtime.create(scheduled("a", FOREVER))
        runtime.restart(DEMO, "a")
        self.until(runtime, lambda: runtime.get(DEMO, "a").runs)
        (first,) = runtime.get(DEMO, "a").runs
        runtime.restart(DEMO, "a")
        (record,) = self.until(runtime, lambda: runtime.history(DEMO, "a"))

        assert (record.run, record.manual, record.reason) == (first.name, True, "Replaced")
