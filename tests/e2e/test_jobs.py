"""Jobs of each type, from the command line to a process and back."""

import json
import signal
import urllib.request

from trial_platform import eventually


def _names(user):
    return user.toolforge("jobs", "list", "--output", "name").output.split()


def test_a_one_off_job_runs_and_tells(alice):
    alice.run_job("hello", "echo hello $((6 * 7))", "--wait", "60")

    assert alice.toolforge("jobs", "logs", "hello").output.endswith("hello 42\n")


def test_waiting_for_a_job_that_fails_fails(alice):
    alice.toolforge(
        *["jobs", "run", "broken", "--image", "python3.11", "--no-filelog"],
        *["--command", "echo sorry; exit 3", "--wait", "60"],
        status=1,
    )

    assert alice.messages("broken") == ["sorry"]


def test_a_job_sees_the_home_of_its_tool_and_writes_its_logs_there(alice):
    (alice.home / "greet").write_text("#!/bin/sh\necho from a file in $PWD\n")
    (alice.home / "greet").chmod(0o755)
    words = ["jobs", "run", "greet", "--image", "python3.11", "--command", "./greet"]
    alice.toolforge(*words, "--wait", "60")

    assert (alice.home / "greet.out").read_text() == f"from a file in /data/project/{alice.name}\n"
    # What is in a file is not kept twice.
    alice.toolforge("jobs", "logs", "greet", status=1)


def test_a_scheduled_job_waits_for_its_time_and_runs_at_once_when_asked(alice):
    alice.run_job("tidy", "echo tidied", "--schedule", "@yearly")
    assert alice.messages("tidy") == []
    assert alice.job("tidy")["status"]["next_schedule"]

    alice.toolforge("jobs", "restart", "tidy")

    eventually(lambda: alice.messages("tidy") == ["tidied"])


def test_a_continuous_job_runs_on_and_comes_back_after_a_restart(alice):
    alice.run_job("bot", "echo up; exec sleep infinity", "--continuous")
    eventually(lambda: alice.messages("bot") == ["up"])
    eventually(lambda: alice.job("bot")["status"]["short"] == "running")

    alice.toolforge("jobs", "restart", "bot")

    eventually(lambda: alice.messages("bot") == ["up", "up"])


def test_a_published_job_answers_at_the_address_of_its_tool(alice):
    (alice.home / "index.html").write_text("made by alice")
    serve = "exec python3 -m http.server 8000"
    alice.run_job("web", serve, "--continuous", "--port", "8000", "--publish")

    eventually(lambda: _page_of(alice) == b"made by alice")


def _page_of(user):
    url = user.platform.description["routes_url"]
    request = urllib.request.Request(url, headers={"Host": f"{user.name}.localhost"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            return response.read()
    except OSError:
        return None


def test_followed_logs_come_as_they_are_written(alice):
    alice.run_job(
        "talker", "echo one; until test -e more; do sleep 0.05; done; echo two", "--continuous"
    )
    eventually(lambda: alice.messages("talker"))
    with alice.start("jobs", "logs", "talker", "--follow") as follower:
        assert follower.stdout.readline().endswith("one\n")
        (alice.home / "more").touch()

        assert follower.stdout.readline().endswith("two\n")
        follower.send_signal(signal.SIGINT)
        assert follower.wait(30) == 130


def test_jobs_are_listed_shown_and_deleted_by_name(alice):
    alice.run_job("tidy", "true", "--schedule", "@daily")
    alice.run_job("bot", "exec sleep infinity", "--continuous")
    assert _names(alice) == ["bot", "tidy"]
    listed = json.loads(alice.toolforge("jobs", "list", "--output", "json").output)
    assert {job["name"]: job["job_type"] for job in listed} == {
        "bot": "continuous",
        "tidy": "scheduled",
    }
    assert "scheduled: @daily" in alice.toolforge("jobs", "list").output

    alice.toolforge("jobs", "delete", "bot")

    assert _names(alice) == ["tidy"]
    assert "'bot'" in alice.toolforge("jobs", "show", "bot", status=1).errors


def test_flush_removes_everything_that_runs(alice):
    alice.run_job("bot", "echo up; exec sleep infinity", "--continuous")
    alice.run_job("tidy", "true", "--schedule", "@daily")

    alice.toolforge("jobs", "flush")

    assert _names(alice) == []
    assert alice.platform.status["pods"] == 0


def test_tools_do_not_see_one_anothers_homes(alice, bob):
    (bob.home / "secret").write_text("of bob")
    look = (
        f"ls -a /data/project; ls {bob.home} 2>/dev/null; cat {bob.home}/secret 2>/dev/null; true"
    )
    alice.run_job("look", look, "--wait", "60")

    assert alice.messages("look") == [".", "..", alice.name]


def test_the_shell_of_a_tool_works_as_the_tool(alice):
    alice.run_job("tidy", "true", "--schedule", "@daily")

    listed = alice.platform.dev(
        "shell", alice.name, "--", "toolforge", "jobs", "list", "-o", "name"
    )

    assert listed == "tidy\n"
    assert alice.platform.dev("shell", alice.name, "--", "pwd") == f"{alice.home}\n"
