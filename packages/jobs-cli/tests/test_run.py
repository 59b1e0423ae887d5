"""`toolforge jobs run`, from what is typed to what is sent and said."""

import pytest

from toolforge_common.cli.console import Console
from toolforge_common.errors import NotFound, Unavailable
from toolforge_common.testing import FakeService, Finished, Terminal, answer
from toolforge_jobs_cli import wait
from toolforge_jobs_cli.commands.run import AfterRun, run_job
from toolforge_jobs_cli.new_job import RunOptions

PATH = "/jobs/v1/tool/demo/jobs/"
RUN = ["run", "hello", "--image", "python3.11", "--command", "./hello.py"]
SENT = {
    "name": "hello",
    "job_type": "one-off",
    "imagename": "python3.11",
    "cmd": "./hello.py",
}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    # What is typed offers no other way to hurry; `test_wait` is about the pauses.
    monkeypatch.setattr(wait, "_FIRST_PAUSE", 0)


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ([], SENT),
        (["--schedule", "@daily"], {**SENT, "job_type": "scheduled", "schedule": "@daily"}),
        (["--continuous", "--replicas=2"], {**SENT, "job_type": "continuous", "replicas": 2}),
        (
            ["--continuous", "-p", "80/tcp", "--publish"],
            {
                **SENT,
                "job_type": "continuous",
                "port": "80",
                "port_protocol": "tcp",
                "publish": "/",
            },
        ),
        (
            ["--continuous", "--publish", "/", "--port=80"],
            {**SENT, "job_type": "continuous", "port": "80", "publish": "/"},
        ),
        (["--filelog"], {**SENT, "filelog": True}),
        (["--no-filelog"], {**SENT, "filelog": False}),
        (["-o", "a", "-e", "b"], {**SENT, "filelog_stdout": "a", "filelog_stderr": "b"}),
        (["--retry", "5", "--emails", "onfailure"], {**SENT, "retry": 5, "emails": "onfailure"}),
        (
            ["--mem", "1Gi", "--cpu", "500m", "--mount", "none"],
            {**SENT, "memory": "1Gi", "cpu": "500m", "mount": "none"},
        ),
    ],
)
def test_options_become_a_request(jobs, wire, words, sent):
    service = FakeService((201, {"job": wire(), "messages": {}}))

    finished = jobs(*RUN, *words, service=service)

    assert finished == Finished(0)
    assert service.asked == [("POST", PATH, sent)]


@pytest.mark.parametrize(
    "words",
    [
        ["run", "x"],  # no image
        ["run", "x", "y", "--image", "z"],
        [*RUN, "--nonsense"],
        [*RUN, "--retry", "6"],
        [*RUN, "--retry", "some"],
        [*RUN, "--emails", "sometimes"],
        [*RUN, "--mount", "some"],
        [*RUN, "--publish", "/path"],
        [*RUN, "--wait", "soon"],
        [*RUN, "--wait", "--continuous"],
        [*RUN, "--wait", "0", "--continuous"],
        [*RUN, "--schedule", "@daily", "--continuous"],
        [*RUN, "--schedule", "@daily", "--wait"],
        [*RUN, "--webservice", "--continuous"],
        [*RUN, "--filelog", "--no-filelog"],
        [*RUN, "--continuous", "--health-check-script", "x", "--health-check-http", "/"],
    ],
)
def test_what_cannot_be_parsed_is_a_usage_error(jobs, words):
    service = FakeService()

    finished = jobs(*words, service=service)

    assert (finished.exit_code, finished.stdout) == (2, "")
    assert "\nError: " in finished.stderr
    assert service.requests == []


def test_options_that_exclude_each_other_are_named(jobs):
    finished = jobs(*RUN, "--wait", "--continuous")

    assert finished.stderr.endswith("Error: --continuous and --wait exclude each other.\n")


def test_what_cannot_be_right_is_refused_before_anything_is_asked(jobs):
    service = FakeService()

    finished = jobs("run", "--image", "python3.11", service=service)

    assert finished == Finished(
        1,
        "",
        "ERROR: the job needs a name\n"
        "Hint: toolforge jobs run NAME --image IMAGE --command COMMAND\n",
    )
    assert service.requests == []


def test_a_refusal_of_the_service_is_told(jobs):
    body = {
        "error": ["a job with that name exists already"],
        "code": "conflict",
        "hint": "toolforge jobs delete hello",
        "doc": "",
    }

    assert jobs(*RUN, service=FakeService((409, body))) == Finished(
        1,
        "",
        "ERROR: a job with that name exists already\nHint: toolforge jobs delete hello\n",
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("memory must not be empty", "--mem must not be empty"),
        ("cmd must have at most 30000 characters", "--command must have at most 30000 characters"),
        ("imagename must not be empty", "--image must not be empty"),
        ("filelog_stdout must not be empty", "--filelog-stdout must not be empty"),
        ("health_check.path must match ^/", "--health-check-http must match ^/"),
        ("body.timeout: too long", "--timeout: too long"),
        ("something must be", "something must be"),
        ("memoryless is no word", "memoryless is no word"),
        ("the memory is short", "the memory is short"),
    ],
)
def test_a_refusal_speaks_of_options_and_never_of_the_document(jobs, said, told):
    hint = "the service's /openapi.json says what it takes"
    body = {"error": [said, said], "code": "invalid", "hint": hint}

    assert jobs(*RUN, service=FakeService((422, body))) == Finished(
        1, "", f"ERROR: {told}\n  - {told}\n"
    )


@pytest.mark.parametrize("option", ["--retry", "--timeout", "--replicas", "--wait"])
def test_what_is_no_number_is_told_in_plain_words(jobs, option):
    finished = jobs(*RUN, option, "x1")

    assert finished.exit_code == 2
    assert f"Invalid value for '{option}': 'x1' is not a whole number" in finished.stderr
    assert "INTEGER" not in jobs("run", "--help").stdout


def test_an_empty_name_is_no_webservice(jobs):
    service = FakeService()

    finished = jobs("run", "", "--image", "i", "--command", "c", service=service)

    assert finished.exit_code == 1
    assert finished.stderr.startswith("ERROR: the name of a job has 1 to 52 characters")
    assert service.asked == []


def test_what_the_service_says_is_shown(jobs, wire):
    messages = {"info": ["created"], "warning": ["no mail is sent"], "error": []}
    service = FakeService((201, {"job": wire(), "messages": messages}))

    assert jobs(*RUN, service=service) == Finished(0, "created\n", "Warning: no mail is sent\n")


def test_machines_get_the_new_job_and_nothing_else(jobs, wire):
    messages = {"info": ["created"], "warning": ["no mail is sent"]}
    service = FakeService((201, {"job": wire(), "messages": messages}))

    finished = jobs(*RUN, "--output", "json", service=service)

    assert finished.stdout.startswith('{\n  "name": "hello",\n  "job_type": "one-off",\n')
    assert finished.stderr == ""


@pytest.mark.parametrize(
    ("words", "changes", "hint"),
    [
        ([], {}, "`toolforge jobs logs hello` shows its output."),
        (
            [],
            {
                "filelog": True,
                "filelog_stdout": "/data/project/demo/x.out",
                "filelog_stderr": "/elsewhere/x.err",
            },
            "Its output is in ~/x.out and /elsewhere/x.err",
        ),
        (
            ["--schedule", "@daily"],
            {"job_type": "scheduled"},
            "`toolforge jobs restart hello` runs it now, without waiting for its time.",
        ),
        (
            ["--continuous"],
            {"job_type": "continuous"},
            "`toolforge jobs show hello` says how it is.",
        ),
        (
            ["--continuous"],
            {"job_type": "continuous", "publish": "/"},
            "It will answer at https://demo.toolforge.org/",
        ),
    ],
)
def test_people_are_told_the_next_step(jobs, wire, words, changes, hint):
    def service():
        return FakeService((201, {"job": wire(**changes), "messages": {}}))

    watched = jobs(*RUN, *words, service=service(), is_terminal=True)
    piped = jobs(*RUN, *words, service=service())

    assert watched == Finished(0, "", f"{hint}\n")
    assert piped == Finished(0)


def test_waiting_ends_with_the_job(jobs, wire):
    done = wire(status={"short": "succeeded"})
    service = FakeService((201, {"job": wire()}), answer(job=done))

    finished = jobs(*RUN, "--wait", service=service)

    assert finished == Finished(0, "", "INFO: job 'hello' has finished\n")
    assert [asked[:2] for asked in service.asked] == [("POST", PATH), ("GET", f"{PATH}hello")]


def test_a_job_that_is_gone_has_finished(jobs, wire):
    service = FakeService((201, {"job": wire()}), (404, {"error": ["gone"], "code": "not_found"}))

    assert jobs(*RUN, "--wait", "30", service=service) == Finished(
        0, "", "INFO: job 'hello' has finished and is removed already\n"
    )


def test_waiting_for_a_job_that_fails_fails_and_shows_it(jobs, wire):
    failed = wire(status={"short": "failed", "messages": ["exitcode 3"]})
    service = FakeService((201, {"job": wire()}), answer(job=failed))

    finished = jobs(*RUN, "--wait", service=service)

    assert (finished.exit_code, finished.stderr) == (1, "ERROR: job 'hello' failed\n")
    assert "| Hints:        | exitcode 3 |\n" in finished.stdout


def test_waiting_too_long_is_our_failure(jobs, wire):
    finished = jobs(*RUN, "--wait", "0", service=FakeService((201, {"job": wire()})))

    assert finished.exit_code == 2
    assert finished.stderr == "ERROR: job 'hello' has not finished after 0 seconds\n"
    assert "| Status:       | Running for 5s |\n" in finished.stdout


def test_a_machine_that_waits_gets_the_job_at_its_end(jobs, wire):
    failed = wire(status={"short": "failed"})
    service = FakeService((201, {"job": wire()}), answer(job=failed))

    finished = jobs(*RUN, "--wait", "--output", "json", service=service)

    assert finished.exit_code == 1
    assert '"short": "failed"' in finished.stdout
    assert "+--" not in finished.stdout


class Client:
    """The jobs service, as far as waiting needs it."""

    public_url = "https://demo.toolforge.org"

    def __init__(self, job, *answers):
        self._job = job
        self._answers = list(answers)

    def create(self, _payload):
        return self._job

    def get(self, _name):
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


OPTIONS = RunOptions(image="python3.11", name="hello", command="./hello.py")


@pytest.fixture
def watched():
    stderr = Terminal()
    return Console(Terminal(), stderr, {"NO_COLOR": "1"}), stderr


def test_somebody_who_stops_waiting_is_told_that_the_job_goes_on(watched, job):
    console, stderr = watched

    with pytest.raises(KeyboardInterrupt):
        run_job(Client(job, KeyboardInterrupt()), console, OPTIONS, AfterRun(wait=9))

    assert stderr.getvalue() == "The job goes on; `toolforge jobs show hello` says how it is.\n"


def test_a_platform_that_is_away_for_a_moment_does_not_end_the_waiting(watched, job):
    console, stderr = watched
    client = Client(job, Unavailable("down"), NotFound("gone"))

    assert run_job(client, console, OPTIONS, AfterRun(wait=9)) == 0
    assert stderr.getvalue().startswith("WARNING: the jobs service does not answer; ")


@pytest.fixture
def job(wire):
    from toolforge_jobs_cli.client import _job

    return _job(wire())
