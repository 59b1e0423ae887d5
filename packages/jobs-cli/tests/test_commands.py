"""The small commands, from what is typed to what is printed."""

import io
import json

import pytest

from toolforge_common.cli.console import Console
from toolforge_common.testing import FakeService, Finished, Terminal, answer
from toolforge_jobs_cli.commands.logs import print_log

PREFIX = "/jobs/v1/tool/demo"
TABLE = (
    "+-----------+-----------+----------------+\n"
    "| Job name: | Job type: |    Status:     |\n"
    "+-----------+-----------+----------------+\n"
    "|     a     |  one-off  | Running for 5s |\n"
    "|     b     |  one-off  | Running for 5s |\n"
    "+-----------+-----------+----------------+\n"
)
LINE = b'{"datetime": "t", "pod": "p", "container": "job", "message": "%d"}\n'


@pytest.fixture
def two_jobs(wire):
    return lambda: FakeService(answer(jobs=[wire("a"), wire("b")]))


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_listing_is_the_same_for_people_and_in_a_pipe(jobs, two_jobs, is_terminal):
    assert jobs("list", service=two_jobs(), is_terminal=is_terminal) == Finished(0, TABLE)


@pytest.mark.parametrize("words", [["-o", "normal"], ["--output", "normal"], ["--output=normal"]])
def test_the_usual_listing_may_be_asked_for(jobs, two_jobs, words):
    assert jobs("list", *words, service=two_jobs()).stdout == TABLE


def test_a_listing_of_names(jobs, two_jobs):
    assert jobs("list", "-o", "name", service=two_jobs()) == Finished(0, "a\nb\n")


def test_a_listing_for_machines(jobs, two_jobs):
    finished = jobs("list", "-o", "json", service=two_jobs())

    assert [job["name"] for job in json.loads(finished.stdout)] == ["a", "b"]
    assert finished.stderr == ""


@pytest.mark.parametrize("words", [["-o", "long"], ["-l"], ["--long"]])
def test_a_long_listing(jobs, two_jobs, words):
    finished = jobs("list", *words, service=two_jobs())

    warning = "WARNING: --long is deprecated; use --output long\n" if len(words) == 1 else ""
    assert (finished.exit_code, finished.stderr) == (0, warning)
    assert finished.stdout.count("|") == 3 * 18


@pytest.mark.parametrize(
    ("output", "printed"), [("normal", ""), ("long", ""), ("name", ""), ("json", "[]\n")]
)
def test_no_jobs_are_no_output_and_no_failure(jobs, output, printed):
    assert jobs("list", "-o", output, service=FakeService(answer(jobs=[]))) == Finished(0, printed)


def test_people_without_jobs_are_told_how_to_make_one(jobs):
    finished = jobs("list", service=FakeService(answer(jobs=[])), is_terminal=True)

    assert finished == Finished(
        0, "", "There are no jobs. `toolforge jobs run --help` shows how to make one.\n"
    )


def test_one_job(jobs, wire):
    def service():
        return FakeService(answer(job=wire()))

    table = jobs("show", "hello", service=service())
    machine = jobs("show", "hello", "-o", "json", service=service())

    assert table.stdout.startswith("+---------------+----------------+\n| Job name:     | hello ")
    assert json.loads(machine.stdout)["name"] == "hello"


def test_an_unknown_job_is_told_in_the_words_of_the_service(jobs):
    body = {"error": ["Job 'hello' does not exist"], "code": "not_found"}

    assert jobs("show", "hello", service=FakeService((404, body))) == Finished(
        1, "", "ERROR: Job 'hello' does not exist\n"
    )


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["delete", "hello"], ("DELETE", f"{PREFIX}/jobs/hello", None)),
        (["flush"], ("DELETE", f"{PREFIX}/jobs/", None)),
        (["restart", "hello"], ("POST", f"{PREFIX}/jobs/hello/restart", None)),
    ],
)
def test_changes_are_silent_but_for_what_the_service_says(jobs, words, asked):
    quiet = FakeService(answer())
    talkative = FakeService((200, {"messages": {"info": ["done"], "warning": ["slowly"]}}))

    assert jobs(*words, service=quiet) == Finished(0)
    assert jobs(*words, service=talkative) == Finished(0, "done\n", "Warning: slowly\n")
    assert quiet.asked == [asked]


@pytest.mark.parametrize("command", ["show", "logs", "restart", "delete"])
@pytest.mark.parametrize("name", ["", ".", "../x", "a/b", "a%2fb"])
def test_a_name_that_no_job_can_have_is_refused_before_any_request(jobs, command, name):
    service = FakeService()

    assert jobs(command, name, service=service) == Finished(
        1,
        "",
        "ERROR: the name of a job has 1 to 52 characters: lower-case letters, digits, "
        "and between them hyphens and dots\n"
        "Hint: choose a name such as my-job\n"
        "See: https://w.wiki/6YL8\n",
    )
    assert service.asked == []


@pytest.mark.parametrize(
    "words", [["delete", "x\udcff"], ["run", "x", "--image", "i", "--command", "\udcff"]]
)
def test_arguments_that_are_not_utf_8_are_refused_before_any_request(jobs, words):
    service = FakeService()

    assert jobs(*words, service=service) == Finished(
        1, "", f"ERROR: the argument {words[-1]!r} is not UTF-8\n"
    )
    assert service.asked == []


def test_people_who_restart_are_told_where_to_look(jobs):
    assert jobs("restart", "bot", service=FakeService(answer()), is_terminal=True) == Finished(
        0, "", "`toolforge jobs show bot` says how it is.\n"
    )


def test_images(jobs):
    def service():
        return FakeService(answer(images=[{"shortname": "s", "image": "i"}]))

    assert jobs("images", service=service()).stdout.splitlines()[3] == "|     s      |   i   |"
    assert json.loads(jobs("images", "-o", "json", service=service()).stdout) == [
        {"shortname": "s", "image": "i"}
    ]


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ([], "?lines=501"),
        (["-l", "2"], "?lines=2"),
        (["--last", "2", "-f"], "?lines=2&follow=true"),
        (["--follow"], "?follow=true"),
    ],
)
def test_a_log_is_printed_line_by_line(jobs, words, query):
    service = FakeService((200, LINE % 1 + b"\n" + LINE % 2))

    assert jobs("logs", "hello", *words, service=service) == Finished(
        0, "t [p] [job] 1\nt [p] [job] 2\n"
    )
    assert service.asked == [("GET", f"{PREFIX}/jobs/hello/logs{query}", None)]


@pytest.mark.parametrize(
    ("words", "there", "shown", "notice"),
    [
        ([], 500, 500, ""),
        ([], 501, 500, "Only the newest 500 lines are shown; `--last 5000` shows more.\n"),
        (["--last", "501"], 501, 501, ""),
    ],
)
def test_lines_that_are_left_out_are_told(jobs, words, there, shown, notice):
    service = FakeService((200, b"\n".join(LINE % number for number in range(there))))

    finished = jobs("logs", "hello", *words, service=service)

    assert (finished.exit_code, finished.stderr) == (0, notice)
    assert len(finished.stdout.splitlines()) == shown
    assert finished.stdout.endswith(f" {there - 1}\n")


def test_more_lines_than_the_service_gives_are_refused_in_plain_words(jobs):
    service = FakeService()

    assert jobs("logs", "hello", "--last", "5001", service=service) == Finished(
        1, "", "ERROR: --last must be from 1 to 5000, not 5001\nHint: use --last 5000\n"
    )
    assert service.asked == []


def test_nobody_waits_for_the_log_of_a_job_that_is_not_there(jobs, wire):
    no_logs = (404, {"error": ["no logs"], "code": "not_found", "hint": "logs appear later"})
    no_job = (404, {"error": ["no job"], "code": "not_found", "hint": ""})

    not_there = jobs("logs", "nosuch", service=FakeService(no_logs, no_job))
    silent = jobs("logs", "hello", service=FakeService(no_logs, answer(job=wire())))

    assert not_there == Finished(
        1,
        "",
        "ERROR: no logs\n"
        "Hint: there is no job of that name; `toolforge jobs list` shows those there are\n",
    )
    assert silent == Finished(1, "", "ERROR: no logs\nHint: logs appear later\n")


@pytest.mark.parametrize(("kind", "written"), [(Terminal, "\n"), (io.StringIO, "")])
def test_following_ends_its_line_on_a_terminal(kind, written):
    class Interrupted:
        def logs(self, _name, **_options):
            raise KeyboardInterrupt

    stderr = kind()
    with pytest.raises(KeyboardInterrupt):
        print_log(
            Interrupted(),
            Console(io.StringIO(), stderr, {}),
            "bot",
            last=None,
            follow=True,
            output="normal",
        )

    assert stderr.getvalue() == written


def test_a_log_for_machines(jobs):
    finished = jobs("logs", "hello", "-o", "json", service=FakeService((200, LINE % 1)))

    assert json.loads(finished.stdout) == {
        "datetime": "t",
        "pod": "p",
        "container": "job",
        "message": "1",
    }


@pytest.mark.parametrize(
    "words", [["logs"], ["logs", "x", "-l", "0"], ["logs", "x", "--since", "1h"]]
)
def test_what_logs_does_not_know_is_a_usage_error(jobs, words):
    assert jobs(*words).exit_code == 2


def test_a_service_that_fails_is_named_with_the_id_of_the_request(jobs):
    body = {"error": ["something broke"], "code": "internal", "hint": "", "request_id": "r"}

    assert jobs("list", service=FakeService((500, body))) == Finished(
        2,
        "",
        "ERROR: Unavailable: something broke\n"
        "Request id: the-request-id\n"
        "If this goes on, please report it: https://w.wiki/6Zuu\n",
    )


def test_somebody_who_is_no_tool_is_told_what_to_do(jobs, home):
    (home / ".kube" / "config").unlink()

    finished = jobs("list")

    assert (finished.exit_code, finished.stdout) == (1, "")
    assert finished.stderr == (
        f"ERROR: there is no kubeconfig at {home}/.kube/config\n"
        "Hint: did you forget to run `become <tool>`? On your own machine, "
        "`toolforge dev shell TOOL` opens a shell that has everything\n"
    )
