"""The ports in memory keep the contracts, too; so what is tested on them is tested on something true."""

import pytest

from toolforge_common.errors import NotFound, Unavailable
from toolforge_runtime.ports import ConcurrencyPolicy, PodPhase, Schedule
from toolforge_runtime.testing import InMemoryRuntime, InMemoryStore, InMemoryTenancy
from toolforge_runtime.testing.runtime_contract import RuntimeContract
from toolforge_runtime.testing.store_contract import StoreContract
from toolforge_runtime.testing.tenancy_contract import TenancyContract
from toolforge_runtime.testing.trials_contract import continuous, one_off, scheduled


class TestInMemoryStore(StoreContract):
    @pytest.fixture
    def store(self):
        return InMemoryStore()


class TestInMemoryTenancy(TenancyContract):
    @pytest.fixture
    def tenancy(self):
        return InMemoryTenancy()


class TestInMemoryRuntime(RuntimeContract):
    @pytest.fixture
    def runtime(self):
        tenancy = InMemoryTenancy()
        tenancy.create("demo")
        tenancy.create("other")
        return InMemoryRuntime(tenancy, runs_commands=True, heartbeat=0.05)

    def pass_time(self, runtime):
        runtime.advance(0.25)


# --- what tests of services let happen in the runtime in memory ---------------------------------------


def observed(runtime, name="a"):
    return runtime.get("demo", name)


def test_the_test_says_how_a_pod_ends():
    runtime = InMemoryRuntime()
    runtime.create(one_off("a", "whatever", backoff_limit=1))
    runtime.finish("demo", "a", 7)
    assert observed(runtime).runs[0].succeeded is None
    runtime.advance(10)
    runtime.finish("demo", "a", 0)

    (run,) = observed(runtime).runs
    assert [pod.termination.exit_code for pod in run.pods] == [7, 0]
    assert run.succeeded


def test_what_does_not_run_cannot_finish():
    runtime = InMemoryRuntime()
    runtime.create(one_off("a", "whatever"))
    runtime.finish("demo", "a")

    with pytest.raises(NotFound):
        runtime.finish("demo", "a")


def test_schedules_follow_the_clock_of_the_test():
    runtime = InMemoryRuntime()
    runtime.create(scheduled("a", "whatever", schedule=Schedule("*/10 * * * *")))
    runtime.advance(1200)
    runtime.finish("demo", "a")
    runtime.advance(600)

    seen = observed(runtime)
    assert [run.name for run in seen.runs] == ["a-1767227400", "a-1767226200"]
    assert seen.last_scheduled == runtime.now


@pytest.mark.parametrize(
    ("policy", "unfinished", "history"),
    [
        (ConcurrencyPolicy.FORBID, 1, ["MissedSchedule"]),
        (ConcurrencyPolicy.ALLOW, 2, []),
        (ConcurrencyPolicy.REPLACE, 1, ["Replaced"]),
    ],
)
def test_a_run_may_be_due_while_one_goes_on(policy, unfinished, history):
    runtime = InMemoryRuntime()
    schedule = Schedule("*/10 * * * *", concurrency=policy)
    runtime.create(scheduled("a", "whatever", schedule=schedule))
    runtime.advance(1200)

    seen = observed(runtime)
    assert sum(run.finished_at is None for run in seen.runs) == unfinished
    records = runtime.history("demo", "a")
    assert [run.reason for run in records] == history
    assert [run.scheduled_for for run in records if run.missed] == [
        runtime.now for reason in history if reason == seen.reason
    ]


def test_a_suspended_schedule_rests_until_it_is_resumed():
    runtime = InMemoryRuntime()
    schedule = Schedule("*/10 * * * *")
    runtime.create(scheduled("a", "whatever", schedule=schedule, suspended=True))
    runtime.advance(1199)
    runtime.replace(scheduled("a", "whatever", schedule=schedule))
    assert observed(runtime).runs == ()
    runtime.advance(1)

    assert [run.created_at for run in observed(runtime).runs] == [runtime.now]
    assert runtime.history("demo", "a") == []


def test_a_history_ends_after_a_month():
    runtime = InMemoryRuntime()
    runtime.create(one_off("a", "whatever"))
    runtime.finish("demo", "a", 3)
    assert [run.exit_code for run in runtime.history("demo", "a")] == [3]
    runtime.advance(31 * 24 * 3600)

    assert runtime.history("demo", "a") == []


def test_a_pod_can_be_held_and_a_workload_refused():
    runtime = InMemoryRuntime()
    runtime.create(continuous("a", "whatever"))
    runtime.hold("demo", "a", "ContainerCreating", "pulling")
    (pod,) = observed(runtime).pods
    assert (pod.phase, pod.reason, pod.message) == (
        PodPhase.PENDING,
        "ContainerCreating",
        "pulling",
    )
    assert observed(runtime).available == 0

    runtime.refuse("demo", "a", "FailedCreate", "out of quota")
    seen = observed(runtime)
    assert (seen.pods, seen.reason, seen.message) == ((), "FailedCreate", "out of quota")


def test_the_next_call_can_fail():
    runtime = InMemoryRuntime()
    runtime.fail_next(Unavailable("not now"))
    with pytest.raises(Unavailable, match="not now"):
        runtime.create(one_off("a", "whatever"))
    runtime.create(one_off("a", "whatever"))
    runtime.fail_next(Unavailable("not now"))
    with pytest.raises(Unavailable, match="not now"):
        runtime.delete("demo", "a")
    runtime.delete("demo", "a")

    assert runtime.list("demo") == []


def test_lines_are_written_by_the_test():
    runtime = InMemoryRuntime()
    runtime.create(continuous("a", "whatever"))
    runtime.write("demo", "a", "hello")

    (line,) = runtime.logs("demo", "a")
    assert (line.time, line.pod, line.message) == (runtime.now, "a-00001", "hello")
