"""The platform may be killed at any time; what runs goes on."""

import pytest
from trial_platform import eventually

WAIT = "echo started; until test -e go; do sleep 0.05; done; echo finished; touch done"


def test_a_job_that_runs_goes_on_while_the_platform_is_dead(own_platform, carol):
    carol.run_job("fails", f"{WAIT}; exit 7")
    carol.run_job("bot", "echo up; exec sleep infinity", "--continuous")
    eventually(lambda: carol.messages("fails") == ["started"])
    eventually(lambda: carol.messages("bot") == ["up"])

    own_platform.kill()
    (carol.home / "go").touch()
    eventually((carol.home / "done").exists)
    own_platform.up()
    carol = type(carol)("carol", own_platform)

    job = eventually(lambda: (found := carol.job("fails"))["status"]["short"] == "failed" and found)
    assert any("7" in message for message in job["status"]["messages"])
    assert carol.messages("fails") == ["started", "finished"]
    # It is the same pod as before: a new one would have said so again.
    assert carol.messages("bot") == ["up"]
    assert carol.job("bot")["status"]["short"] == "running"


def test_a_job_that_ended_while_the_platform_was_dead_has_succeeded(own_platform, carol):
    carol.run_job("works", WAIT)
    eventually(lambda: carol.messages("works") == ["started"])

    own_platform.kill()
    (carol.home / "go").touch()
    eventually((carol.home / "done").exists)
    own_platform.up()
    carol = type(carol)("carol", own_platform)

    eventually(lambda: carol.job("works")["status"]["short"] == "succeeded")
    assert carol.messages("works") == ["started", "finished"]


@pytest.mark.parametrize("options", [(), ("--keep-pods",)], ids=["down", "down --keep-pods"])
def test_a_continuous_job_is_there_again_after_down_and_up(own_platform, carol, options):
    carol.run_job("bot", "echo up; exec sleep infinity", "--continuous")
    eventually(lambda: carol.messages("bot") == ["up"])

    own_platform.dev("down", *options)
    own_platform.up()
    carol = type(carol)("carol", own_platform)

    starts = 1 if options else 2
    eventually(lambda: carol.messages("bot") == ["up"] * starts)
    eventually(lambda: carol.job("bot")["status"]["short"] == "running")


def test_a_second_platform_on_the_same_state_finds_the_first(own_platform):
    assert "running already" in own_platform.dev("up")
