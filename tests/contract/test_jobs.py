"""`toolforge jobs` and the jobs service speak the same language."""

import json

import pytest

from toolforge_common.cli.console import Console
from toolforge_common.names import ToolName
from toolforge_common.testing import Finished, Terminal
from toolforge_jobs_cli.commands.logs import print_log

DEMO = ToolName("demo")
IMAGE = ["--image", "python3.11"]


def run(name, command, *options):
    return ["run", name, *IMAGE, "--command", command, *options]


TYPES = {
    "once": run("once", "sleep 60", "--retry", "2", "--no-filelog"),
    "nightly": run("nightly", "true", "--schedule", "@daily", "--timeout", "60"),
    "bot": run("bot", "sleep 60", "--continuous", "--port", "8000/tcp", "--publish"),
}


@pytest.mark.parametrize("name", TYPES)
def test_a_job_comes_and_goes(jobs, name):
    created = jobs(*TYPES[name])
    listed = jobs("list", "--output", "name")
    deleted = jobs("delete", name)
    gone = jobs("show", name)

    assert created == Finished(0)
    assert listed == Finished(0, f"{name}\n")
    assert deleted == Finished(0)
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert gone.stderr.startswith(f"ERROR: Job '{name}' does not exist\n")


def test_the_listing_of_all_types(jobs):
    for words in TYPES.values():
        jobs(*words)

    assert jobs("list") == Finished(
        0,
        "+-----------+-------------------+----------------+\n"
        "| Job name: |     Job type:     |    Status:     |\n"
        "+-----------+-------------------+----------------+\n"
        "|    bot    |    continuous     | Running for 0s |\n"
        "|  nightly  | scheduled: @daily | Pending for 0s |\n"
        "|   once    |      one-off      | Running for 0s |\n"
        "+-----------+-------------------+----------------+\n",
    )
    assert jobs("list", "--output", "long").stdout.count("\n") == 7


def test_everything_that_can_be_said_arrives(jobs, job):
    finished = jobs(
        *run("web", "sleep 60", "--continuous", "--filelog"),
        *["-o", "web.log", "-e", "/data/project/demo/web.err", "--mem", "1G", "--cpu", "500m"],
        *["--mount", "all", "--emails", "none", "-p", "8000", "--replicas", "2"],
        *["--health-check-http", "/healthz", "--publish", "/"],
    )

    assert finished == Finished(0)
    shown = job("web")
    del shown["status"]
    assert shown == {
        "name": "web",
        "job_type": "continuous",
        "cmd": "sleep 60",
        "imagename": "python3.11",
        "image_state": "stable",
        "schedule": None,
        "schedule_actual": None,
        "timeout": None,
        "retry": None,
        "replicas": 2,
        "port": 8000,
        "port_protocol": "tcp",
        "publish": "/",
        "health_check": {"type": "http", "path": "/healthz"},
        "filelog": True,
        "filelog_stdout": "/data/project/demo/web.log",
        "filelog_stderr": "/data/project/demo/web.err",
        "emails": "none",
        "mount": "all",
        "memory": "0.931Gi",
        "cpu": "0.5",
    }


def test_what_the_service_fills_in_is_shown(jobs):
    jobs(*TYPES["nightly"])

    cells = dict(
        [part.strip() for part in line.strip("| ").split("|")]
        for line in jobs("show", "nightly").stdout.splitlines()
        if line.startswith("| ") and not line.startswith("|  ")
    )
    assert cells == {
        "Job name:": "nightly",
        "Command:": "true",
        "Job type:": "scheduled: @daily",
        "Image:": "python3.11",
        "Port:": "N/A",
        "Public:": "N/A",
        "File log:": "yes",
        "Output log:": "/data/project/demo/nightly.out",
        "Error log:": "/data/project/demo/nightly.err",
        "Emails:": "none",
        "Resources:": "default",
        "Replicas:": "N/A",
        "Mounts:": "all",
        "Retry:": "no",
        "Timeout:": "yes: 60s",
        "Health check:": "N/A",
        "Status:": "Pending for 0s",
        "Hints:": cells["Hints:"],
    }
    assert cells["Hints:"].startswith("Next: 2026-01-01T")


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("echo hello", 0, "INFO: job 'x' has finished\n"),
        ("exit 3", 1, "ERROR: job 'x' failed\n"),
    ],
)
def test_waiting_tells_how_it_went(jobs, command, code, said):
    finished = jobs(*run("x", command, "--wait"))

    assert (finished.exit_code, finished.stderr) == (code, said)
    assert ("exitcode 3" in finished.stdout) is (code == 1)


def test_warnings_are_for_people(jobs):
    words = ["run", "x", "--image", "php7.4", "--command", "true"]

    for_people = jobs(*words)
    jobs("delete", "x")
    for_machines = jobs(*words, "--output", "json")

    assert for_people == Finished(0, "", "Warning: this runtime has no php7.4\n")
    assert for_machines.stderr == ""
    assert json.loads(for_machines.stdout)["imagename"] == "php7.4"


def test_restarting_replaces_pods_and_starts_runs(jobs, job, runtime):
    jobs(*TYPES["bot"])
    jobs(*TYPES["nightly"])
    before = runtime.get(DEMO, "bot").pods

    assert jobs("restart", "bot") == jobs("restart", "nightly") == Finished(0)
    assert runtime.get(DEMO, "bot").pods != before
    assert job("nightly")["status"]["short"] == "succeeded"


def test_flushing_leaves_nothing_and_needs_nothing(jobs):
    for words in TYPES.values():
        jobs(*words)

    assert jobs("flush") == jobs("flush") == Finished(0)
    assert jobs("list", "--output", "json") == Finished(0, "[]\n")


def test_images(jobs):
    assert jobs("images").stdout.splitlines()[3:-1] == [
        "|  bookworm  | example.org/bookworm:latest  |",
        "|   php7.4   |   example.org/php74:latest   |",
        "| python3.11 | example.org/python311:latest |",
    ]


def messages(finished) -> list[str]:
    return [line.partition("] [job] ")[2] for line in finished.stdout.splitlines()]


def test_logs_outlive_their_job(jobs):
    jobs(*run("x", "echo one; echo two; echo three", "--no-filelog"))
    jobs("delete", "x")

    everything, newest = jobs("logs", "x"), jobs("logs", "x", "--last", "2")

    assert messages(everything) == ["one", "two", "three"]
    assert messages(newest) == ["two", "three"]
    assert everything.stdout.startswith("2026-01-01T00:00:00")


def test_logs_are_followed_until_somebody_has_seen_enough(jobs, gateway, runtime):
    from toolforge_common.cli.api_client import ApiClient
    from toolforge_jobs_cli.client import JobsClient

    class Enough(Exception):
        pass

    class Screen(Terminal):
        def write(self, text):
            super().write(text)
            if "three" in text:
                raise Enough
            # What is written comes from the job; what the job writes next, from here.
            runtime.write(DEMO, "bot", "two" if "one" in text else "three")
            return len(text)

    jobs(*run("bot", "echo one; sleep 60", "--continuous", "--no-filelog"))
    screen = Screen()
    api = ApiClient(gateway, service="jobs", user_agent="tests")
    client = JobsClient(api, "/jobs/v1/tool/demo", "")

    with pytest.raises(Enough):
        print_log(
            client,
            Console(screen, Terminal(), {}),
            "bot",
            last=None,
            follow=True,
            output="normal",
        )

    written = [line.rpartition(" ")[2] for line in screen.getvalue().splitlines()]
    assert written == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (run("once", "true"), 1, "a job with the name 'once' already exists"),
        (["run", "x", "--image", "none", "--command", "x"], 1, "no such image"),
        (run("x", "x", "--schedule", "61 * * * *"), 1, "unable to parse cron expression"),
        (run("Bad_Name", "x"), 1, "https://w.wiki/6YL8"),
        (run("x", "x", "--mem", "100Gi"), 1, "over maximum"),
        (run("x", "x", "--cpu", "1m"), 1, "less than minimum"),
        (run("x", "x", "--mem", "much"), 1, "'much' is not a quantity"),
        (run("x", "x", "--mount", "none"), 1, "only supported for build service images"),
        (run("x", "x", "--continuous", "--port", "53/udp", "--publish"), 1, "TCP port"),
        (run("x", "x", "--continuous", "--replicas", "-1"), 1, "replicas"),
        (run("x", "x", "--continuous", "--health-check-script", "x"), 2, "not offered yet"),
        (["run", *IMAGE, "--webservice"], 2, "not offered yet"),
        (["show", "none"], 1, "Job 'none' does not exist"),
        (["delete", "none"], 1, "Job 'none' does not exist"),
        (["restart", "none"], 1, "Job 'none' does not exist"),
        (["restart", "once"], 1, "one-off"),
        (["show", "Bad_Name"], 1, "w.wiki/6YL8"),
        (["show", "../images"], 1, "w.wiki/6YL8"),
        (["logs", "none"], 1, "Job 'none' does not have any logs available"),
        (["logs", "nightly"], 1, "'nightly' has file logging enabled"),
        (["logs", "once", "--last", "5001"], 1, "5000"),
    ],
)
def test_refusals_have_the_words_and_the_exit_codes_of_old(jobs, words, code, said):
    jobs(*TYPES["once"])
    jobs(*TYPES["nightly"])

    finished = jobs(*words)

    assert (finished.exit_code, finished.stdout) == (code, "")
    assert finished.stderr.startswith("ERROR: ")
    assert said in finished.stderr
    # A refusal is no failure: nobody is asked to report it.
    assert "report" not in finished.stderr


def test_nobody_without_a_certificate_gets_in(jobs, gateway):
    gateway.certificate = None

    finished = jobs("list")

    assert (finished.exit_code, finished.stdout) == (1, "")
    assert finished.stderr.startswith("ERROR: this needs the client certificate of a tool")
    assert "\nHint: " in finished.stderr


def test_no_tool_reaches_another_tools_jobs(jobs, gateway, certificate, tenancy):
    tenancy.create(ToolName("other"))
    gateway.certificate = certificate("other")

    for words in (["list"], ["show", "once"], ["delete", "once"], ["flush"], TYPES["once"]):
        finished = jobs(*words)

        assert (finished.exit_code, finished.stdout) == (1, "")
        assert "the tool 'other' may not touch what belongs to 'demo'" in finished.stderr


def test_a_service_that_breaks_is_reported_with_the_id_that_the_log_has(jobs, gateway, runtime):
    # No input makes the service break, which is as it should be.
    runtime.images = None

    finished = jobs("images")

    assert finished.exit_code == 2
    assert finished.stderr.startswith("ERROR: Unavailable: ")
    assert f"Request id: {gateway.records[-1].request_id}\n" in finished.stderr


def test_every_request_can_be_found_in_the_log(jobs, gateway):
    finished = jobs("--verbose", "list")

    [record] = gateway.records
    assert f"request id {record.request_id}\n" in finished.stderr
    assert record.status == 200


@pytest.mark.parametrize("command", ["delete", "restart", "show", "logs"])
def test_an_empty_name_is_nobodys_and_changes_nothing(jobs, command):
    jobs(*TYPES["once"])
    jobs(*TYPES["nightly"])
    before = jobs("list", "-o", "name")

    refused = jobs(command, "")

    assert refused.exit_code == 1
    assert "the name of a job has 1 to 52 characters" in refused.stderr
    assert jobs("list", "-o", "name") == before
    assert before.stdout == "nightly\nonce\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mem", ""], '--mem must not be empty, not ""'),
        (["--cpu", ""], '--cpu must not be empty, not ""'),
        (["--image", ""], '--image must not be empty, not ""'),
        (["--filelog-stdout", ""], '--filelog-stdout must not be empty, not ""'),
        (["--schedule", "@daily", "--timeout", "-1"], "--timeout must be at least 0, not -1"),
        (["--continuous", "--replicas", "101"], "--replicas must be at most 100, not 101"),
    ],
)
def test_what_a_field_may_hold_is_told_about_the_option(jobs, words, said):
    finished = jobs("run", "x", "--image", "python3.11", "--command", "./x", *words)

    assert (finished.exit_code, finished.stderr) == (1, f"ERROR: {said}\n")
