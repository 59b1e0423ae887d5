"""The use cases of jobs against ports in memory: what is kept, what runs, and what is left behind."""

import dataclasses
import datetime
import threading
from decimal import Decimal

import pytest

from toolforge_common.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    Unavailable,
    Unsupported,
)
from toolforge_common.names import ToolName
from toolforge_jobs_api.domain.jobs import Emails, JobType, NewJob
from toolforge_jobs_api.domain.service import JobService, Rules
from toolforge_jobs_api.domain.status import Short
from toolforge_jobs_api.domain.views import StatusView, out_of_sync
from toolforge_runtime.ports import WorkloadKind
from toolforge_runtime.testing import InMemoryRuntime, InMemoryStore

DEMO = ToolName("demo")
KINDS = ("scheduled-jobs", "continuous-jobs")


def one_off(name="job", **fields):
    return NewJob(
        **{"name": name, "job_type": JobType.ONE_OFF, "cmd": "x", "imagename": "bookworm", **fields}
    )


def scheduled(name="job", **fields):
    return one_off(name, **{"job_type": JobType.SCHEDULED, "schedule": "0 4 * * *", **fields})


def continuous(name="job", **fields):
    return one_off(name, job_type=JobType.CONTINUOUS, **fields)


def names(service):
    return [view.job.name for view in service.list(DEMO)]


def left(runtime, store):
    """What is there of jobs, anywhere."""
    records = [(kind, record.name) for kind in KINDS for record in store.list(DEMO, kind)]
    return records + [one.workload.name for one in runtime.list(DEMO)]


# --- create ---------------------------------------------------------------------------------------


KEPT_AS = {
    WorkloadKind.RUN_TO_COMPLETION: [],
    WorkloadKind.SCHEDULED: [("scheduled-jobs", "job")],
    WorkloadKind.CONTINUOUS: [("continuous-jobs", "job")],
}


@pytest.mark.parametrize(
    ("job", "kind"), list(zip((one_off(), scheduled(), continuous()), KEPT_AS, strict=True))
)
def test_a_new_job_is_kept_and_runs(service, runtime, store, job, kind):
    view, notes = service.create(DEMO, job)

    assert (view.job.asked, notes) == (job, [])
    assert left(runtime, store) == [*KEPT_AS[kind], "job"]
    assert runtime.get(DEMO, "job").workload.kind is kind


def test_a_job_has_the_short_name_of_its_image(service):
    view, _ = service.create(DEMO, one_off(imagename="tf-python311"))

    assert (view.job.asked.imagename, view.job.image.name) == ("python3.11", "python3.11")


def test_the_creator_is_told_what_is_not_as_asked(service):
    view, notes = service.create(DEMO, one_off(imagename="php7.4", emails=Emails.ALL))

    assert notes == [
        "this runtime has no php7.4",
        "this installation does not send mail about jobs yet; the choice is kept",
    ]
    assert view.status.messages == ("this runtime has no php7.4",)


def test_rules_are_the_installations(runtime, store):
    service = JobService(runtime, store, lambda: runtime.now, Rules(Decimal(2)))

    service.create(DEMO, one_off())

    assert runtime.get(DEMO, "job").workload.container.resources.cpu_limit == 2


@pytest.mark.parametrize("first", [one_off(), scheduled(), continuous()])
@pytest.mark.parametrize("second", [one_off(), scheduled(), continuous()])
def test_a_name_is_taken_once(service, runtime, store, first, second):
    service.create(DEMO, first)
    before = left(runtime, store)

    with pytest.raises(Conflict, match="a job with the name 'job' already exists") as caught:
        service.create(DEMO, second)

    assert "toolforge jobs delete job" in caught.value.hint
    assert left(runtime, store) == before
    assert service.get(DEMO, "job").job.asked == first


def test_another_tool_may_use_the_name(service):
    service.create(DEMO, continuous())
    service.create(ToolName("other"), continuous())

    assert names(service) == ["job"]


@pytest.mark.parametrize("second", [one_off(cmd="y"), scheduled(), continuous()])
def test_a_completed_one_off_job_makes_room(service, runtime, second):
    service.create(DEMO, one_off())
    runtime.finish(DEMO, "job")

    service.create(DEMO, second)

    assert service.get(DEMO, "job").job.asked == second


def test_a_failed_one_off_job_stays(service, runtime):
    service.create(DEMO, one_off())
    runtime.finish(DEMO, "job", exit_code=1)

    with pytest.raises(Conflict):
        service.create(DEMO, one_off())


@pytest.mark.parametrize(
    ("job", "error"),
    [
        (one_off(imagename="no-such"), InvalidRequest),
        (one_off(memory="1Ki"), InvalidRequest),
        (scheduled(schedule="never"), InvalidRequest),
        (continuous(publish="/"), InvalidRequest),
        (one_off(job_type=JobType.WEBSERVICE), Unsupported),
    ],
)
def test_what_is_refused_leaves_nothing_behind(service, runtime, store, job, error):
    with pytest.raises(error):
        service.create(DEMO, job)

    assert left(runtime, store) == []


@pytest.mark.parametrize("job", [one_off(), scheduled(), continuous()])
@pytest.mark.parametrize("error", [Unavailable("it sleeps"), Unsupported("it cannot")])
def test_what_cannot_be_started_leaves_nothing_behind(service, runtime, store, job, error):
    runtime.fail_next(error)

    with pytest.raises(type(error)):
        service.create(DEMO, job)

    assert left(runtime, store) == []
    service.create(DEMO, job)


class HalfMaking(InMemoryRuntime):
    """Makes the workload and fails afterwards; `trouble` is what deleting it meets."""

    trouble = None

    def create(self, workload):
        super().create(workload)
        raise Unavailable("the second half failed")

    def delete(self, tool, name, timeout=30):
        if self.trouble:
            raise self.trouble
        super().delete(tool, name, timeout)


def test_what_a_runtime_made_half_is_taken_back(store):
    runtime = HalfMaking()
    service = JobService(runtime, store, lambda: runtime.now, Rules())

    with pytest.raises(Unavailable, match="the second half failed"):
        service.create(DEMO, continuous())

    assert left(runtime, store) == []


def test_the_first_error_is_told_if_taking_back_fails_too(store):
    runtime = HalfMaking()
    runtime.trouble = Unavailable("nothing works")
    service = JobService(runtime, store, lambda: runtime.now, Rules())

    with pytest.raises(Unavailable, match="the second half failed"):
        service.create(DEMO, continuous())

    assert store.list(DEMO, "continuous-jobs") == []


@pytest.mark.parametrize("job", [one_off(), scheduled(), continuous()])
def test_a_left_over_workload_makes_room(service, runtime, store, job):
    service.create(DEMO, continuous(cmd="old"))
    store.delete(DEMO, "continuous-jobs", "job")
    assert names(service) == []

    service.create(DEMO, job)

    assert service.get(DEMO, "job").job.asked == job


class Racing(InMemoryRuntime):
    """Lets somebody else create a job just before ours gets here."""

    def __init__(self, rival):
        super().__init__()
        self.rival = rival

    def create(self, workload):
        rival, self.rival = self.rival, None
        if rival:
            rival()
        super().create(workload)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (one_off(), continuous()),
        (one_off(), one_off(cmd="y")),
        (scheduled(), continuous()),
        (continuous(), one_off()),
    ],
)
def test_who_comes_second_goes_away_without_a_trace(store, ours, theirs):
    runtime = Racing(None)
    service = JobService(runtime, store, lambda: runtime.now, Rules())
    # The rival saw the name free, too: it does not look again.
    rival = JobService(runtime, store, lambda: runtime.now, Rules())
    rival._make_room = lambda tool, name: None
    runtime.rival = lambda: rival.create(DEMO, theirs)

    with pytest.raises(Conflict, match="already exists"):
        service.create(DEMO, ours)

    assert service.get(DEMO, "job").job.asked == theirs
    service.delete(DEMO, "job")
    assert left(runtime, store) == []


class Crowded(InMemoryStore):
    """Lets somebody else keep a record just before ours gets here."""

    def create(self, tool, kind, name, data):
        super().create(tool, kind, name, data)
        return super().create(tool, kind, name, data)


def test_a_record_that_appears_in_the_meantime_is_a_conflict(runtime):
    service = JobService(runtime, Crowded(), lambda: runtime.now, Rules())

    with pytest.raises(Conflict, match="a job with the name 'job' already exists"):
        service.create(DEMO, scheduled())


# --- published jobs -------------------------------------------------------------------------------


def published(name, **fields):
    return continuous(name, port=80, publish="/", **fields)


def test_there_is_one_published_job_per_tool(service, runtime, store):
    service.create(DEMO, published("web"))
    service.create(DEMO, continuous("bot"))
    service.create(ToolName("other"), published("web"))

    with pytest.raises(
        InvalidRequest, match="are already in use by another public job or webservice"
    ) as caught:
        service.create(DEMO, published("site"))

    assert "'web'" in caught.value.message
    assert names(service) == ["bot", "web"]
    assert "site" not in left(runtime, store)


def test_the_address_is_free_again_when_its_job_is_gone(service):
    service.create(DEMO, published("web"))
    service.delete(DEMO, "web")

    service.create(DEMO, published("site"))

    assert names(service) == ["site"]


def test_a_published_job_counts_also_if_the_runtime_lost_it(service, runtime):
    service.create(DEMO, published("web"))
    runtime.delete(DEMO, "web")

    with pytest.raises(InvalidRequest, match="already in use"):
        service.create(DEMO, published("site"))


def test_of_two_at_once_one_gets_the_address(service):
    barrier = threading.Barrier(2)
    outcomes = []

    def create(name):
        barrier.wait(10)
        try:
            service.create(DEMO, published(name))
            outcomes.append("created")
        except InvalidRequest:
            outcomes.append("refused")

    threads = [threading.Thread(target=create, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert sorted(outcomes) == ["created", "refused"]


# --- show and list --------------------------------------------------------------------------------


def test_jobs_of_all_types_are_listed_by_name(service):
    for job in (scheduled("b"), one_off("c"), continuous("a")):
        service.create(DEMO, job)

    assert names(service) == ["a", "b", "c"]


def test_a_job_is_shown_as_it_is_now(service, runtime):
    service.create(DEMO, one_off())
    runtime.advance(65)

    view = service.get(DEMO, "job")

    assert view.status == StatusView(Short.RUNNING, "1m5s")
    assert (view.status_short, view.warnings) == ("Running for 1m5s", ())


def test_a_finished_one_off_job_vanishes_with_its_workload(service, runtime):
    service.create(DEMO, one_off())
    runtime.finish(DEMO, "job")
    assert service.get(DEMO, "job").status.short is Short.SUCCEEDED

    runtime.advance(31)

    with pytest.raises(NotFound, match="Job 'job' does not exist"):
        service.get(DEMO, "job")


def test_a_scheduled_job_says_when_it_comes(service, runtime):
    service.create(DEMO, scheduled())
    runtime.advance(4 * 3600 + 60)

    status = service.get(DEMO, "job").status

    first = datetime.datetime(2026, 1, 1, 4, tzinfo=datetime.UTC)
    assert (status.previous_schedule, status.next_schedule) == (
        first,
        first + datetime.timedelta(days=1),
    )


@pytest.mark.parametrize("job", [scheduled(), continuous()])
def test_a_job_that_the_runtime_lost_is_out_of_date(service, runtime, job):
    service.create(DEMO, job)
    runtime.delete(DEMO, "job")

    (view,) = service.list(DEMO)

    assert view.status == StatusView(Short.UNKNOWN, up_to_date=False)
    assert view.warnings == (out_of_sync("job"),)
    assert (view.status_short, view.status_long) == ("Unknown", out_of_sync("job"))
    assert service.get(DEMO, "job") == view


def test_a_job_that_runs_in_another_form_is_out_of_date(service, runtime):
    service.create(DEMO, continuous())
    seen = runtime.get(DEMO, "job").workload
    runtime.delete(DEMO, "job")
    runtime.create(dataclasses.replace(seen, replicas=3))

    view = service.get(DEMO, "job")

    assert (view.status.short, view.status.up_to_date) == (Short.RUNNING, False)
    assert view.status_long == out_of_sync("job")
    assert "please recreate or redeploy" in view.warnings[0]


def test_a_job_whose_image_is_gone_is_still_shown(service, store):
    service.create(DEMO, continuous(imagename="python3.11"))
    runtime = InMemoryRuntime(images=())
    service = JobService(runtime, store, lambda: runtime.now, Rules())

    (view,) = service.list(DEMO)

    assert (view.job.image.name, view.job.image.state) == ("python3.11", "unknown")


def test_what_is_no_job_is_not_shown(service, runtime):
    service.create(DEMO, one_off("ours"))
    seen = runtime.get(DEMO, "ours").workload
    runtime.create(dataclasses.replace(seen, name="foreign", labels={}))
    runtime.create(dataclasses.replace(seen, name="unwritten", annotations={}))

    assert names(service) == ["ours"]
    for name in ("foreign", "unwritten", "nobody"):
        with pytest.raises(NotFound, match=f"Job '{name}' does not exist"):
            service.get(DEMO, name)


def test_a_one_off_job_shadows_a_kept_one(service, runtime):
    service.create(DEMO, continuous())
    runtime.delete(DEMO, "job")
    other = JobService(runtime, InMemoryStore(), lambda: runtime.now, Rules())
    other.create(DEMO, one_off(cmd="shadow"))

    assert [view.job.asked.cmd for view in service.list(DEMO)] == ["shadow"]
    assert service.get(DEMO, "job").job.asked.cmd == "shadow"


class Broken(InMemoryRuntime):
    """Answers nothing, in a way that is none of ours."""

    def list(self, tool):
        raise RuntimeError("the machine is on fire")

    def get(self, tool, name):
        raise RuntimeError("the machine is on fire")


def test_jobs_are_shown_even_if_the_runtime_does_not_answer(service, store, log):
    service.create(DEMO, scheduled("a", imagename="python3.11"))
    service.create(DEMO, one_off("b"))
    service = JobService(Broken(), store, None, Rules())

    (view,) = service.list(DEMO)

    assert view == service.get(DEMO, "a")
    assert (view.job.name, view.status) == ("a", StatusView(Short.UNKNOWN))
    assert (view.status_short, view.status_long) == ("Toolforge error", "Failed retrieving status")
    failures = [line for line in log if line["log_level"] == "error"]
    assert [line["event"] for line in failures] == ["runtime_does_not_answer"] * 2


def test_a_job_that_only_the_runtime_would_know_is_a_failure(store):
    service = JobService(Broken(), store, None, Rules())

    with pytest.raises(RuntimeError, match="on fire"):
        service.get(DEMO, "b")


class Forgetful(InMemoryRuntime):
    """Runs what it is given, and cannot say so."""

    def get(self, tool, name):
        if (tool, name) in self._entries:
            raise Unavailable("ask later")
        return super().get(tool, name)


def test_a_job_is_created_even_if_nothing_can_be_said_about_it(store):
    runtime = Forgetful()
    service = JobService(runtime, store, lambda: runtime.now, Rules())

    view, _ = service.create(DEMO, one_off())

    assert (view.job.name, view.status.short) == ("job", Short.UNKNOWN)


# --- delete and flush -----------------------------------------------------------------------------


@pytest.mark.parametrize("job", [one_off(), scheduled(), continuous()])
def test_a_deleted_job_is_gone_everywhere(service, runtime, store, job):
    service.create(DEMO, job)

    service.delete(DEMO, "job")

    assert left(runtime, store) == []


def test_a_job_that_the_runtime_lost_can_be_deleted(service, runtime, store):
    service.create(DEMO, scheduled())
    runtime.delete(DEMO, "job")

    service.delete(DEMO, "job")

    assert left(runtime, store) == []


def test_a_job_that_is_not_there_cannot_be_deleted(service, runtime):
    service.create(DEMO, one_off("ours"))
    seen = runtime.get(DEMO, "ours").workload
    runtime.create(dataclasses.replace(seen, name="foreign", labels={}))

    for name in ("nobody", "foreign"):
        with pytest.raises(NotFound, match=f"Job '{name}' does not exist"):
            service.delete(DEMO, name)
    assert runtime.get(DEMO, "foreign")


def test_a_flush_leaves_nothing_but_what_is_no_job(service, runtime, store):
    for job in (scheduled("a"), one_off("b"), continuous("c"), continuous("left-over")):
        service.create(DEMO, job)
    service.create(ToolName("other"), continuous("d"))
    seen = runtime.get(DEMO, "b").workload
    runtime.create(dataclasses.replace(seen, name="foreign", labels={}))
    store.delete(DEMO, "continuous-jobs", "left-over")

    service.flush(DEMO)

    assert left(runtime, store) == ["foreign"]
    assert [view.job.name for view in service.list(ToolName("other"))] == ["d"]


def test_a_flush_of_nothing_succeeds(service):
    service.flush(DEMO)


def test_a_flush_deletes_what_it_can(service, runtime, store):
    for name in ("a", "b", "c"):
        service.create(DEMO, continuous(name))
    runtime.fail_next(Unavailable("pods are still ending"))

    with pytest.raises(Unavailable):
        service.flush(DEMO)

    assert len(left(runtime, store)) == 1
    service.flush(DEMO)
    assert left(runtime, store) == []


# --- restart --------------------------------------------------------------------------------------


def test_a_restarted_continuous_job_has_new_pods(service, runtime):
    service.create(DEMO, continuous())
    before = runtime.get(DEMO, "job").pods

    service.restart(DEMO, "job")

    assert runtime.get(DEMO, "job").pods != before


def test_a_restarted_scheduled_job_runs_now(service, runtime):
    service.create(DEMO, scheduled())

    service.restart(DEMO, "job")

    assert service.get(DEMO, "job").status.short is Short.RUNNING


@pytest.mark.parametrize("job", [scheduled(), continuous()])
def test_a_job_that_the_runtime_lost_is_restarted_into_being(service, runtime, job):
    service.create(DEMO, job)
    runtime.delete(DEMO, "job")

    service.restart(DEMO, "job")

    assert service.get(DEMO, "job").status.short is Short.RUNNING
    assert service.get(DEMO, "job").status.up_to_date


def test_a_one_off_job_cannot_be_restarted(service):
    service.create(DEMO, one_off())

    with pytest.raises(InvalidRequest, match="one-off job and cannot be restarted") as caught:
        service.restart(DEMO, "job")
    assert caught.value.hint


def test_a_job_that_is_not_there_cannot_be_restarted(service):
    with pytest.raises(NotFound, match="Job 'job' does not exist"):
        service.restart(DEMO, "job")


def test_images_to_choose_from(service):
    assert [image.name for image in service.images()] == ["bookworm", "php7.4", "python3.11"]
