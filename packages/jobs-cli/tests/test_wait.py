"""Waiting for a job, without waiting."""

import pytest

from toolforge_common.errors import Forbidden, NotFound, Unavailable
from toolforge_jobs_cli.client import Job, Status
from toolforge_jobs_cli.wait import Outcome, wait_for


def job(short: str) -> Job:
    return Job("x", "one-off", "./x", "python3.11", status=Status(short))


class Time:
    """A clock that goes on when somebody sleeps."""

    def __init__(self):
        self.now, self.pauses = 1000.0, []

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


class Client:
    """A service whose answers are prepared; the last one is given for ever."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = 0

    def get(self, _name):
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def wait(client, seconds=600, **callbacks):
    time = Time()
    result = wait_for(
        client, job("pending"), seconds, clock=time.clock, sleep=time.sleep, **callbacks
    )
    return result, time


@pytest.mark.parametrize(
    ("answers", "outcome", "last"),
    [
        ([job("running"), job("succeeded")], Outcome.SUCCEEDED, job("succeeded")),
        ([job("pending"), job("failed")], Outcome.FAILED, job("failed")),
        ([job("running"), NotFound("gone")], Outcome.GONE, job("running")),
        ([Unavailable("away"), job("succeeded")], Outcome.SUCCEEDED, job("succeeded")),
        ([job("unknown")], Outcome.TIMED_OUT, job("unknown")),
        ([Unavailable("away")], Outcome.TIMED_OUT, job("pending")),
    ],
)
def test_the_end_of_the_job_is_the_end_of_waiting(answers, outcome, last):
    assert wait(Client(*answers))[0] == (outcome, last)


def test_a_short_job_is_noticed_soon_and_a_long_one_costs_little():
    (_, _), time = wait(Client(job("running")), seconds=60)

    assert sum(time.pauses[:3]) < 1
    assert max(time.pauses) == 5
    assert sum(time.pauses) == pytest.approx(60)  # not a moment longer


def test_a_day_of_waiting_is_no_problem():
    (outcome, _), time = wait(Client(job("running")), seconds=86400)

    assert outcome is Outcome.TIMED_OUT
    assert time.now == pytest.approx(1000 + 86400)


def test_no_time_to_wait_is_no_question_to_ask():
    client = Client(job("succeeded"))

    assert wait(client, seconds=0)[0] == (Outcome.TIMED_OUT, job("pending"))
    assert client.asked == 0


def test_each_silence_is_reported_once_and_so_is_its_end():
    away, events = Unavailable("away"), []

    wait(
        Client(away, away, away, job("running"), job("running"), away, away, job("failed")),
        on_silence=lambda: events.append("silent"),
        on_answer=lambda: events.append("back"),
    )

    assert events == ["silent", "back", "silent", "back"]


def test_a_silence_that_does_not_end_is_reported_once():
    silences = []

    wait(Client(Unavailable("away")), on_silence=lambda: silences.append(1))

    assert silences == [1]


def test_other_refusals_end_the_waiting():
    with pytest.raises(Forbidden):
        wait(Client(Forbidden("no")))
