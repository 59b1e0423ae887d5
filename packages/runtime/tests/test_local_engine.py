"""What the engine makes of workloads, with pods on paper and time that passes on demand."""

import contextlib
import datetime
import threading
from decimal import Decimal

import pytest

from toolforge_common.errors import Conflict, NotFound, Unavailable
from toolforge_runtime.local.engine import Engine
from toolforge_runtime.local.observing import observe
from toolforge_runtime.local.repository import Repository
from toolforge_runtime.ports import (
    ConcurrencyPolicy,
    Container,
    ContainerState,
    HttpProbe,
    PodPhase,
    Probe,
    Resources,
    RunRecord,
    Schedule,
    TcpProbe,
    Termination,
    Workload,
    WorkloadKind,
)

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_RESOURCES = Resources(2**26, 2**27, Decimal("0.1"), Decimal(1))


def workload(kind, name="a", **more):
    container = Container(
        more.pop("image", "bookworm"),
        ("/bin/true",),
        _RESOURCES,
        startup_probe=more.pop("startup_probe", None),
        liveness_probe=more.pop("liveness_probe", None),
    )
    return Workload("demo", name, kind, container, **more)


def one_off(name="a", **more):
    return workload(WorkloadKind.RUN_TO_COMPLETION, name, **more)


def scheduled(cron, name="a", **more):
    details = {key: more.pop(key) for key in ("time_zone", "concurrency") if key in more}
    return workload(WorkloadKind.SCHEDULED, name, schedule=Schedule(cron, **details), **more)


def continuous(name="a", **more):
    return workload(WorkloadKind.CONTINUOUS, name, **more)


class PaperPods:
    """Implements `PodRunner`. Pods start at once and stop when told, unless the test wants otherwise."""

    def __init__(self):
        self.started = []
        self.images = []
        self.live = {}
        self.stopped = []
        self.probed = []
        self.forgotten = []
        self.refusal = None
        self.deaf = False
        self.begun = set()
        self.machine = None

    def start(self, workload, pod):
        if self.refusal:
            raise Unavailable(self.refusal)
        self.started.append(pod.name)
        self.images.append(workload.container.image)
        self.begun.add(pod.id)
        self.live[pod.id] = pod.name
        self.machine.engine.pod_started(pod.id, self.machine.now)

    def stop(self, pod, grace):
        self.stopped.append((pod.name, pod.stopping, grace))
        if not self.deaf:
            self.end(pod.id, 143, pod.stopping)

    def probe(self, pod, action, timeout):
        self.probed.append((self.machine.seconds, action))

    def adopt(self, pod):
        return pod.id in self.begun

    def forget(self, pod_id):
        self.forgotten.append(pod_id)

    def end(self, pod_id, code, stop=""):
        self.live.pop(pod_id)
        reason = "Error" if code else "Completed"
        self.machine.engine.pod_ended(pod_id, Termination(code, reason, self.machine.now), stop)


class Machine:
    """The engine with its clock and pods."""

    def __init__(self, folder):
        self._folder = folder
        self.now = START
        self.pods = PaperPods()
        self.pods.machine = self
        self.repository = Repository(folder)
        self.engine = self._make_engine()

    def _make_engine(self):
        return Engine(self.repository, self.pods, lambda: None, self._clock)

    def _clock(self):
        return self.now.timestamp()

    @property
    def seconds(self):
        return (self.now - START).total_seconds()

    def crash(self):
        """Let the platform end without a word, and start again at the same moment."""
        self.repository.close()
        self.repository = Repository(self._folder)
        self.engine = self._make_engine()
        self.engine.resume()
        self.advance(0)

    def create(self, workload):
        self.engine.create(workload)
        self.advance(0)

    def advance(self, seconds):
        """Let time pass, doing everything that falls due at its time."""
        end = self.now + datetime.timedelta(seconds=seconds)
        while True:
            delay = self.engine.turn()
            due = end if delay is None else self.now + datetime.timedelta(seconds=delay)
            if due > end or (due == end == self.now and delay != 0):
                break
            self.now = due
        self.now = end
        self.engine.turn()

    def end(self, code=0, name=None):
        """Let the oldest live pod end, or the named one."""
        pod_id = next(id_ for id_, pod in self.pods.live.items() if name in {None, pod})
        self.pods.end(pod_id, code)
        self.advance(0)

    def see(self, name="a"):
        return observe(self.engine.get("demo", name), "http://{tool}.example", "paper")


@contextlib.contextmanager
def turning(machine):
    """Turn the engine in a thread of its own, as the platform does."""
    done = threading.Event()

    def turn():
        while not done.wait(0.001):
            machine.engine.turn()

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def deleted_while_turning(machine):
    with turning(machine):
        machine.engine.delete("demo", "a", timeout=30)


@pytest.fixture
def machine(state):
    machine = Machine(state)
    yield machine
    machine.repository.close()


def at(*parts):
    return datetime.datetime(2026, 1, *parts, tzinfo=datetime.UTC)


# --- runs to completion -------------------------------------------------------------------------------


def test_a_failed_pod_is_tried_again_ever_later(machine):
    machine.create(one_off(backoff_limit=7))
    waited = []
    for count in range(1, 8):
        machine.end(1)
        begin = machine.seconds
        while len(machine.pods.started) == count:
            machine.advance(1)
        waited.append(machine.seconds - begin)

    assert waited == [10, 20, 40, 80, 160, 320, 360]


def test_a_run_fails_when_its_tries_are_used_up(machine):
    machine.create(one_off(backoff_limit=1, ttl_after_finished=None))
    machine.end(1)
    machine.advance(10)
    machine.end(7)

    (run,) = machine.see().runs
    assert (run.succeeded, run.reason, run.message) == (
        False,
        "BackoffLimitExceeded",
        "its 2 pods failed",
    )
    assert [pod.termination.exit_code for pod in run.pods] == [1, 7]
    assert run.finished_at == START + datetime.timedelta(seconds=10)


def test_a_second_try_may_succeed(machine):
    machine.create(one_off(backoff_limit=3, ttl_after_finished=None))
    machine.end(1)
    machine.advance(10)
    machine.end(0)

    (run,) = machine.see().runs
    assert (run.succeeded, len(run.pods)) == (True, 2)


def test_a_finished_run_is_forgotten_after_its_time(machine):
    machine.create(one_off(ttl_after_finished=30))
    machine.end(0)
    machine.advance(29)
    assert machine.see().runs[0].succeeded

    machine.advance(1)
    with pytest.raises(NotFound):
        machine.see()


def test_the_time_limit_counts_from_the_beginning_over_all_tries(machine):
    machine.create(one_off(backoff_limit=5, active_deadline=15, ttl_after_finished=None))
    machine.end(1)
    machine.advance(15)

    (run,) = machine.see().runs
    assert (run.reason, run.succeeded, len(run.pods)) == ("DeadlineExceeded", False, 2)
    assert run.pods[1].termination.reason == "DeadlineExceeded"
    assert run.pods[1].termination.message == "it ran longer than its time limit"
    assert machine.pods.stopped == [(run.pods[1].name, "DeadlineExceeded", 15)]


def test_a_pod_that_cannot_be_started_waits_and_has_not_failed(machine):
    machine.pods.refusal = "the disk is full"
    machine.create(one_off())
    (pod,) = machine.see().runs[0].pods
    assert (pod.phase, pod.state) == (PodPhase.PENDING, ContainerState.WAITING)
    assert (pod.reason, pod.message) == ("CreateContainerError", "the disk is full")

    machine.pods.refusal = None
    machine.advance(9)
    assert machine.pods.started == []
    machine.advance(1)
    assert machine.pods.started == [pod.name]
    assert machine.see().runs[0].pods[0].phase is PodPhase.RUNNING


def test_a_lost_pod_has_failed(machine):
    machine.create(one_off(ttl_after_finished=None))
    (pod_id,) = machine.pods.live
    machine.engine.pod_ended(pod_id, Termination(137, "Lost", machine.now))
    machine.advance(0)

    (run,) = machine.see().runs
    assert (run.succeeded, run.pods[0].phase) == (False, PodPhase.LOST)


# --- schedules ----------------------------------------------------------------------------------------


def test_runs_begin_at_their_times(machine):
    machine.create(scheduled("*/10 * * * *"))
    machine.advance(599)
    assert machine.pods.started == []

    machine.advance(1)
    machine.end(0)
    machine.advance(600)
    seen = machine.see()
    assert seen.last_scheduled == at(1, 0, 20)
    assert [run.created_at for run in seen.runs] == [at(1, 0, 20), at(1, 0, 10)]
    assert [run.manual for run in seen.runs] == [False, False]


def test_one_run_of_each_outcome_stays_visible(machine):
    machine.create(scheduled("* * * * *"))
    for code in (0, 1, 0, 1, 0):
        machine.advance(60)
        machine.end(code)

    seen = machine.see()
    assert [(run.created_at, run.succeeded) for run in seen.runs] == [
        (at(1, 0, 5), True),
        (at(1, 0, 4), False),
    ]
    assert seen.last_successful == at(1, 0, 5)


def test_a_run_that_is_due_while_one_goes_on_is_missed(machine):
    machine.create(scheduled("* * * * *"))
    machine.advance(150)
    seen = machine.see()
    assert (len(seen.runs), seen.reason) == (1, "MissedSchedule")
    assert seen.message == (
        "the run of 2026-01-01 00:02 UTC was missed: the previous run was still going on"
    )

    machine.end(0)
    assert len(machine.pods.started) == 1
    machine.advance(30)
    assert (len(machine.pods.started), machine.see().reason) == (2, "")


@pytest.mark.parametrize(("late", "begins"), [(30, True), (31, False)])
def test_a_run_begins_late_only_within_its_deadline(machine, late, begins):
    machine.create(scheduled("0 1 * * *"))
    machine.now = at(1, 1, 0, late)
    machine.advance(0)

    seen = machine.see()
    assert bool(seen.runs) is begins
    assert seen.reason == ("" if begins else "MissedSchedule")
    assert seen.last_scheduled == (at(1, 1) if begins else None)


def test_after_a_month_of_absence_only_the_newest_time_counts(machine):
    machine.create(scheduled("* * * * *"))
    machine.now = at(31, 12, 0, 10)
    machine.advance(0)

    seen = machine.see()
    assert seen.last_scheduled == at(31, 12)
    assert len(machine.pods.started) == 1


def test_run_now_waits_for_the_run_that_goes_on_to_end(machine):
    machine.create(scheduled("0 1 * * *"))
    machine.advance(3600)
    machine.pods.deaf = True
    machine.engine.restart("demo", "a")
    machine.advance(5)
    ((pod_id, name),) = machine.pods.live.items()
    assert machine.pods.stopped == [(name, "Replaced", 15)]
    assert len(machine.pods.started) == 1

    machine.pods.end(pod_id, 143, "Replaced")
    machine.advance(0)
    (run,) = machine.see().runs
    assert (run.manual, run.finished_at) == (True, None)
    assert len(machine.pods.started) == 2


def test_runs_begin_by_the_clocks_of_their_zone(machine):
    machine.create(scheduled("30 2 * * *", time_zone="Europe/Berlin"))
    begins = []
    for day in (datetime.date(2026, 3, 28), datetime.date(2026, 10, 24)):
        machine.now = datetime.datetime.combine(day, datetime.time(12), datetime.UTC)
        for _ in range(2):
            machine.advance(24 * 3600)
            begins.append(machine.see().last_scheduled)
            machine.end(0)

    assert begins == [
        datetime.datetime(
            2026, 3, 29, 1, 0, tzinfo=datetime.UTC
        ),  # it was 03:00, 02:30 did not come
        datetime.datetime(2026, 3, 30, 0, 30, tzinfo=datetime.UTC),
        datetime.datetime(2026, 10, 25, 0, 30, tzinfo=datetime.UTC),  # the first 02:30 of two
        datetime.datetime(2026, 10, 26, 1, 30, tzinfo=datetime.UTC),
    ]


def test_a_time_that_came_before_its_hour_came_twice_is_not_missed(machine):
    machine.now = datetime.datetime(2026, 10, 25, 1, 5, tzinfo=datetime.UTC)
    machine.create(scheduled("30 2 * * *", time_zone="Europe/Berlin"))
    machine.advance(3600)

    assert (machine.pods.started, machine.see().reason) == ([], "")


def test_a_changed_zone_recomputes_the_next_time(machine):
    machine.create(scheduled("0 6 * * *"))
    machine.engine.replace(scheduled("0 6 * * *", time_zone="Europe/Berlin"))
    machine.advance(5 * 3600)

    assert machine.see().last_scheduled == at(1, 5)


def test_runs_may_be_allowed_beside_each_other(machine):
    machine.create(scheduled("* * * * *", concurrency=ConcurrencyPolicy.ALLOW))
    machine.advance(180)
    assert [run.created_at for run in machine.see().runs] == [at(1, 0, 3), at(1, 0, 2), at(1, 0, 1)]
    assert machine.see().reason == ""

    machine.end(0, machine.pods.started[1])
    seen = machine.see().runs
    assert [run.succeeded for run in seen] == [None, True, None]
    assert [len(run.pods) for run in seen] == [1, 1, 1]


def test_a_due_run_may_replace_the_one_that_goes_on(machine):
    machine.create(scheduled("* * * * *", concurrency=ConcurrencyPolicy.REPLACE))
    machine.advance(60)
    machine.pods.deaf = True
    machine.advance(70)
    assert [(reason, grace) for _, reason, grace in machine.pods.stopped] == [("Replaced", 15)]
    assert len(machine.pods.started) == 1

    (pod_id,) = machine.pods.live
    machine.pods.end(pod_id, 143, "Replaced")
    machine.advance(0)
    new, old = machine.see().runs
    assert (new.created_at, new.finished_at) == (at(1, 0, 2, 10), None)
    assert (old.succeeded, old.reason) == (False, "Replaced")
    assert (machine.see().last_scheduled, machine.see().reason) == (at(1, 0, 2), "")


def test_a_run_is_missed_if_the_one_that_it_replaces_does_not_end(machine):
    machine.create(scheduled("*/10 * * * *", concurrency=ConcurrencyPolicy.REPLACE))
    machine.advance(600)
    machine.pods.deaf = True
    machine.advance(631)
    (pod_id,) = machine.pods.live
    machine.pods.end(pod_id, 143, "Replaced")
    machine.advance(0)

    assert len(machine.pods.started) == 1
    assert machine.see().reason == "MissedSchedule"
    assert machine.engine.turn() == 569


# --- history ------------------------------------------------------------------------------------------


def test_every_end_of_a_run_is_recorded_once(machine):
    machine.create(scheduled("0 1 * * *", backoff_limit=1))
    machine.advance(3600)
    machine.end(3)
    machine.advance(10)
    machine.end(4)
    machine.crash()
    machine.engine.restart("demo", "a")
    machine.advance(60)
    machine.end(0)
    machine.crash()

    manual, failed = machine.engine.history("demo", "a", 10)
    (run,) = machine.see().runs
    assert manual == RunRecord(
        run=run.name,
        finished_at=at(1, 1, 1, 10),
        manual=True,
        started_at=at(1, 1, 0, 10),
        exit_code=0,
    )
    assert failed == RunRecord(
        run=f"a-{int(at(1, 1).timestamp())}",
        finished_at=at(1, 1, 0, 10),
        scheduled_for=at(1, 1),
        started_at=at(1, 1),
        exit_code=4,
        reason="BackoffLimitExceeded",
        message="its 2 pods failed",
    )


def test_runs_of_one_second_have_names_of_their_own(machine):
    machine.create(scheduled("0 1 * * *"))
    for _ in range(4):
        machine.engine.restart("demo", "a")
        machine.advance(0)
        machine.end(0)

    second = int(START.timestamp())
    assert [run.run for run in machine.engine.history("demo", "a", 10)] == [
        f"a-{second + number}" for number in (3, 2, 1, 0)
    ]


def test_missed_runs_are_recorded(machine):
    machine.create(scheduled("0 * * * *"))
    machine.advance(2 * 3600)
    machine.now = at(2, 12, 30)
    machine.advance(0)

    history = machine.engine.history("demo", "a", 10)
    assert [(run.scheduled_for, run.finished_at, run.missed, run.run) for run in history] == [
        (at(1, 3), at(2, 12, 30), True, ""),  # one for the whole absence
        (at(1, 2), at(1, 2), True, ""),
    ]
    assert [(run.reason, run.started_at, run.exit_code) for run in history] == [
        ("MissedSchedule", None, None),
        ("MissedSchedule", None, None),
    ]


def test_a_run_that_never_had_a_pod_has_no_exit_code(machine):
    machine.pods.refusal = "no room"
    machine.create(one_off(active_deadline=5, ttl_after_finished=None))
    machine.advance(5)

    (run,) = machine.engine.history("demo", "a", 10)
    assert (run.reason, run.started_at, run.finished_at) == (
        "DeadlineExceeded",
        START,
        at(1, 0, 0, 5),
    )


def test_an_end_that_could_not_be_written_is_recorded_later(machine, monkeypatch):
    machine.create(one_off(ttl_after_finished=None))

    def refuse(state, records=()):
        raise Unavailable("the disk is full")

    monkeypatch.setattr(machine.repository, "save", refuse)  # a full disk cannot be had in a test
    with pytest.raises(Unavailable):
        machine.end(0)
    monkeypatch.undo()
    assert machine.engine.history("demo", "a", 10) == []
    machine.advance(0)

    assert [run.exit_code for run in machine.engine.history("demo", "a", 10)] == [0]


def test_old_runs_are_forgotten(machine):
    machine.create(one_off(ttl_after_finished=None))
    machine.end(0)
    machine.now += datetime.timedelta(days=31)

    assert machine.engine.history("demo", "a", 10) == []
    assert machine.engine.prune() is False


# --- continuous workloads -----------------------------------------------------------------------------


def test_what_ends_is_started_again_ever_later(machine):
    machine.create(continuous())
    starts = []
    for _ in range(9):
        machine.end(1)
        begin, count = machine.seconds, len(machine.pods.started)
        while len(machine.pods.live) == 0:
            machine.advance(1)
        starts.append(machine.seconds - begin)
        assert len(machine.pods.started) <= count + 1

    assert starts == [0, 10, 20, 40, 80, 160, 300, 300, 300]
    (pod,) = machine.see().pods
    assert (pod.restarts, set(machine.pods.started)) == (9, {pod.name})


def test_who_ran_for_long_has_recovered(machine):
    machine.create(continuous())
    for _ in range(4):
        machine.end(1)
        machine.advance(300)
    machine.advance(600)
    machine.end(1)

    assert machine.see().pods[0].state is ContainerState.RUNNING


def test_a_single_pod_is_replaced_only_after_its_end(machine):
    machine.create(continuous())
    machine.pods.deaf = True
    machine.engine.restart("demo", "a")
    machine.advance(1)
    assert (len(machine.pods.started), machine.see().available) == (1, 1)

    (pod_id,) = machine.pods.live
    machine.pods.end(pod_id, 0, "Replaced")
    machine.advance(0)
    (pod,) = machine.see().pods
    assert machine.pods.started[1:] == [pod.name]


def test_several_pods_are_replaced_one_by_one_without_a_gap(machine):
    machine.create(continuous(replicas=3))
    before = {pod.name for pod in machine.see().pods}
    machine.pods.deaf = True
    machine.engine.restart("demo", "a")
    seen = []
    for _ in range(6):
        machine.advance(1)
        seen.append((machine.see().available, len(machine.pods.live)))
        told = {name for name, _, _ in machine.pods.stopped}
        for pod_id, name in list(machine.pods.live.items()):
            if name in told:
                machine.pods.end(pod_id, 143, "Replaced")
                break

    assert seen == [(4, 4), (4, 4), (4, 4), (3, 3), (3, 3), (3, 3)]
    assert not before & {pod.name for pod in machine.see().pods}


def test_a_crashing_pod_can_be_replaced_and_deleted(machine):
    machine.create(continuous())
    machine.end(1)
    machine.end(1)
    machine.engine.restart("demo", "a")
    machine.advance(0)
    (pod,) = machine.see().pods
    assert (pod.restarts, pod.state) == (0, ContainerState.RUNNING)

    machine.end(1)
    machine.end(1)
    deleted_while_turning(machine)
    assert machine.engine.states_of("demo") == []


# --- replacement --------------------------------------------------------------------------------------


def replaced(machine, workload):
    machine.engine.replace(workload)
    machine.advance(0)


def test_a_changed_schedule_counts_from_its_change(machine):
    machine.create(scheduled("0 * * * *"))
    machine.advance(1800)
    replaced(machine, scheduled("*/20 * * * *"))
    machine.advance(599)
    assert machine.pods.started == []

    machine.advance(1)
    assert machine.see().last_scheduled == at(1, 0, 40)


def test_an_unchanged_schedule_keeps_its_next_time(machine):
    machine.create(scheduled("0 1 * * *"))
    machine.now = at(1, 1, 0, 10)
    replaced(machine, scheduled("0 1 * * *", image="new"))

    assert machine.see().last_scheduled == at(1, 1)
    assert machine.pods.images == ["new"]


def test_all_tries_of_a_run_are_of_the_workload_that_it_began_with(machine):
    machine.create(scheduled("0 1 * * *", backoff_limit=1, active_deadline=60, image="old"))
    machine.advance(3600)
    replaced(machine, scheduled("0 1 * * *", image="new"))
    machine.crash()
    machine.end(1)
    machine.advance(10)
    assert machine.pods.images == ["old", "old"]

    machine.advance(50)
    (run,) = machine.see().runs
    assert (run.reason, run.finished_at) == ("DeadlineExceeded", at(1, 1, 1))
    machine.advance(24 * 3600)
    assert machine.pods.images == ["old", "old", "new"]


def test_a_pod_that_has_yet_to_be_replaced_is_probed_as_before(machine):
    machine.create(continuous(replicas=2, liveness_probe=Probe(TcpProbe(80), period=10)))
    machine.pods.deaf = True
    for pod_id in list(machine.pods.live):
        machine.engine.pod_probed(pod_id, "")
    new = Probe(TcpProbe(81), initial_delay=7)
    replaced(machine, continuous(replicas=2, startup_probe=new))
    machine.pods.probed.clear()
    machine.advance(10)

    assert machine.pods.probed == [(7, TcpProbe(81)), (10, TcpProbe(80)), (10, TcpProbe(80))]


def test_a_waiting_pod_of_the_old_workload_is_not_started_again(machine):
    machine.create(continuous(image="old"))
    machine.end(1)
    machine.end(1)
    replaced(machine, continuous(image="new"))

    assert machine.pods.images == ["old", "old", "new"]
    assert [pod.restarts for pod in machine.see().pods] == [0]


def test_surplus_pods_that_serve_nobody_go_first(machine):
    machine.create(continuous(replicas=3))
    machine.end(1, machine.pods.started[0])
    machine.end(1, machine.pods.started[0])
    kept = machine.pods.started[1]
    replaced(machine, continuous(replicas=1))

    assert [pod.name for pod in machine.see().pods] == [kept]
    assert list(machine.pods.live.values()) == [kept]


def test_fewer_and_then_more_pods_are_wanted_before_the_surplus_ones_have_gone(machine):
    machine.create(continuous(replicas=3))
    first, second, third = machine.pods.started
    machine.pods.deaf = True
    replaced(machine, continuous(replicas=1))
    replaced(machine, continuous(replicas=2))
    assert [name for name, _, _ in machine.pods.stopped] == [second, third]
    for pod_id in [id_ for id_, name in machine.pods.live.items() if name in {second, third}]:
        machine.pods.end(pod_id, 143, "Replaced")
    machine.advance(1000)

    assert list(machine.pods.live.values()) == [first, machine.pods.started[3]]
    assert len(machine.pods.started) == 4


def test_no_pods_are_wanted(machine):
    machine.create(continuous())
    replaced(machine, continuous(replicas=0))

    assert (machine.see().pods, machine.pods.live) == ((), {})


def test_a_refused_replacement_has_not_happened(machine, monkeypatch):
    machine.create(continuous(image="old"))

    def refuse(state, records=()):
        raise Unavailable("the disk is full")

    monkeypatch.setattr(machine.repository, "save", refuse)  # a full disk cannot be had in a test
    with pytest.raises(Unavailable):
        machine.engine.replace(continuous(image="new"))
    monkeypatch.undo()
    machine.advance(0)
    machine.end(1)

    assert machine.see().workload == continuous(image="old")
    assert machine.pods.images == ["old", "old"]


# --- suspension ---------------------------------------------------------------------------------------


def test_times_that_pass_during_a_suspension_are_neither_run_nor_missed(machine):
    machine.create(scheduled("0 * * * *"))
    replaced(machine, scheduled("0 * * * *", suspended=True))
    machine.advance(2 * 3600 + 10)
    assert (machine.pods.started, machine.see().reason) == ([], "")
    assert machine.engine.turn() is None

    replaced(machine, scheduled("0 * * * *"))
    assert (machine.pods.started, machine.see().reason) == ([], "")
    machine.advance(3590)
    assert machine.see().last_scheduled == at(1, 3)


def test_a_run_goes_on_through_a_suspension(machine):
    machine.create(scheduled("0 1 * * *", backoff_limit=1))
    machine.advance(3600)
    replaced(machine, scheduled("0 1 * * *", backoff_limit=1, suspended=True))
    machine.end(1)
    machine.advance(10)
    machine.end(0)

    assert [run.succeeded for run in machine.see().runs] == [True]


def test_a_restart_does_not_wake_a_suspended_workload(machine):
    machine.create(continuous(suspended=True))
    machine.engine.restart("demo", "a")
    machine.crash()

    assert machine.see().pods == ()


# --- health -------------------------------------------------------------------------------------------


def test_a_pod_is_ready_when_its_startup_probe_succeeds(machine):
    probe = Probe(TcpProbe(80), period=1, failure_threshold=3)
    machine.create(continuous(startup_probe=probe))
    for complaint in ("refused", "refused", ""):
        assert (machine.see().available, machine.see().pods[0].ready) == (0, False)
        machine.engine.pod_probed(next(iter(machine.pods.live)), complaint)
        machine.advance(1)

    assert machine.see().available == 1
    assert machine.pods.probed == [(0, TcpProbe(80)), (1, TcpProbe(80)), (2, TcpProbe(80))]


def test_a_pod_that_never_gets_ready_is_started_again(machine):
    probe = Probe(TcpProbe(80), period=1, failure_threshold=2)
    machine.create(continuous(startup_probe=probe))
    for _ in range(2):
        machine.engine.pod_probed(next(iter(machine.pods.live)), "refused")
        machine.advance(1)

    (pod,) = machine.see().pods
    assert machine.pods.stopped == [(pod.name, "Unhealthy", 15)]
    assert pod.restarts == 1
    assert pod.last_termination.message == "its health check failed"


def test_only_failures_in_a_row_count_against_a_running_pod(machine):
    probe = Probe(HttpProbe("/", 80), period=10, failure_threshold=2, initial_delay=5)
    machine.create(continuous(liveness_probe=probe))
    for complaint in ("slow", "", "slow"):
        machine.advance(10)
        machine.engine.pod_probed(next(iter(machine.pods.live)), complaint)
    assert machine.pods.stopped == []
    assert [seconds for seconds, _ in machine.pods.probed] == [5, 20, 30]

    machine.advance(10)
    machine.engine.pod_probed(next(iter(machine.pods.live)), "slow")
    machine.advance(0)
    assert [reason for _, reason, _ in machine.pods.stopped] == ["Unhealthy"]
    assert machine.see().pods[0].restarts == 1


# --- deletion -----------------------------------------------------------------------------------------


def test_deletion_waits_until_the_pods_are_gone(machine):
    machine.create(continuous(replicas=2))
    deleted_while_turning(machine)

    assert machine.pods.live == {}
    assert len(machine.pods.forgotten) == 2


def test_deletion_gives_up_waiting_but_goes_on(machine):
    machine.create(continuous())
    machine.pods.deaf = True
    with pytest.raises(Unavailable):
        machine.engine.delete("demo", "a", timeout=0)
    machine.advance(0)
    with pytest.raises(NotFound):
        machine.see()
    with pytest.raises(Conflict) as caught:
        machine.engine.create(continuous())
    assert caught.value.hint == "it is still being deleted, try again in a moment"

    (pod_id,) = machine.pods.live
    machine.pods.end(pod_id, 143, "Deleted")
    machine.advance(0)
    machine.create(continuous())
    assert machine.see().available == 1


# --- crashes and stops of the platform ----------------------------------------------------------------


def test_live_pods_are_taken_over(machine):
    machine.create(one_off(ttl_after_finished=None))
    machine.crash()
    assert len(machine.pods.started) == 1

    machine.end(0)
    assert machine.see().runs[0].succeeded


def test_a_pod_that_was_meant_to_start_is_started_under_its_name(machine):
    start = machine.pods.start
    machine.pods.start = lambda workload, pod: None  # the platform ends before anything happens
    machine.create(one_off())
    (pod,) = machine.see().runs[0].pods
    machine.pods.start = start
    machine.crash()

    assert machine.pods.started == [pod.name]
    assert [pod.name for pod in machine.see().runs[0].pods] == [pod.name]


def test_a_pod_that_was_told_to_stop_is_told_again(machine):
    machine.create(continuous())
    machine.pods.deaf = True
    with pytest.raises(Unavailable):
        machine.engine.delete("demo", "a", timeout=0)
    machine.advance(0)
    machine.crash()

    assert [reason for _, reason, _ in machine.pods.stopped] == ["Deleted", "Deleted"]


def test_what_the_states_hold_survives(machine):
    machine.create(scheduled("0 1 * * *", "b", labels={"x": "1"}, active_deadline=7.5))
    machine.create(
        continuous(
            startup_probe=Probe(TcpProbe(80)), liveness_probe=Probe(HttpProbe("/x", 81), 1, 2, 3, 4)
        )
    )
    machine.end(3)
    before = [machine.see(name) for name in "ab"]
    machine.crash()

    assert [machine.see(name) for name in "ab"] == before


def test_an_orderly_stop_ends_all_pods_and_says_so(machine):
    machine.create(one_off("once", ttl_after_finished=None))
    machine.create(one_off("thrice", backoff_limit=2))
    machine.create(continuous("always"))
    (before,) = machine.see("always").pods
    with turning(machine):
        assert machine.engine.shut_down(timeout=30)
    assert machine.pods.live == {}

    machine.crash()
    (run,) = machine.see("once").runs
    assert (run.succeeded, run.reason) == (False, "NodeShutdown")
    assert run.message == "the platform was stopped while it ran"
    assert run.pods[0].termination.reason == "NodeShutdown"
    (pod,) = machine.see("always").pods
    assert (pod.restarts, pod.ready, pod.name != before.name) == (0, True, True)
    machine.advance(10)
    assert [pod.phase for pod in machine.see("thrice").runs[0].pods] == [
        PodPhase.FAILED,
        PodPhase.RUNNING,
    ]


def test_a_stop_tells_of_pods_that_do_not_end(machine):
    machine.create(continuous())
    machine.pods.deaf = True

    assert not machine.engine.shut_down(timeout=0)


# --- trouble ------------------------------------------------------------------------------------------


def test_nothing_is_begun_that_is_not_on_disk(machine, monkeypatch):
    def full(state, records=()):
        raise Unavailable("the disk is full")

    save = machine.repository.save
    monkeypatch.setattr(machine.repository, "save", full)
    with pytest.raises(Unavailable):
        machine.engine.create(one_off())
    with pytest.raises(NotFound):
        machine.see()

    monkeypatch.setattr(machine.repository, "save", save)
    machine.engine.create(one_off())
    monkeypatch.setattr(machine.repository, "save", full)
    with pytest.raises(Unavailable):
        machine.engine.turn()
    assert machine.pods.started == []
    monkeypatch.setattr(machine.repository, "save", save)
    machine.advance(0)
    assert len(machine.pods.started) == 1


def test_a_defect_in_one_workload_leaves_the_others_alone(machine):
    start = machine.pods.start

    def defective(workload, pod):
        if workload.name == "a":
            raise ZeroDivisionError
        start(workload, pod)

    machine.pods.start = defective
    machine.engine.create(one_off("a"))
    machine.create(one_off("b"))

    assert machine.see("b").runs[0].pods[0].phase is PodPhase.RUNNING


def test_a_refused_change_has_not_happened(machine, monkeypatch):
    def full(state, records=()):
        raise Unavailable("the disk is full")

    machine.create(continuous())
    before = machine.see()
    monkeypatch.setattr(machine.repository, "save", full)
    for change in (machine.engine.restart, lambda *key: machine.engine.delete(*key, timeout=0)):
        with pytest.raises(Unavailable, match="the disk is full"):
            change("demo", "a")
    monkeypatch.undo()
    machine.advance(0)

    assert machine.see() == before
