"""What `toolforge dev` prints."""

import datetime

import pytest

from toolforge_dev import render

NOW = datetime.datetime(2026, 11, 24, 13, 2, 3, tzinfo=datetime.UTC)


def test_the_status_names_everything_and_ends_with_the_notes(platform):
    assert render.status(platform.description, NOW) == (
        "State:         running\n"
        "Gateway:       https://127.0.0.1:30003\n"
        "Web traffic:   http://127.0.0.1:30000\n"
        "Up for:        1d 1h\n"
        "Process:       4711\n"
        "Version:       0.1.0\n"
        "State folder:  /var/lib/toolforge\n"
        "Runtime:       local\n"
        "Isolation:     sandbox\n"
        "Tools:         2\n"
        "Pods:          3\n"
        "Note: pods have no network"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),  # clocks are set back
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (61, "1m 1s"),
        (3600, "1h"),
        (3605, "1h 5s"),
        (90061, "1d 1h"),
    ],
)
def test_durations_have_two_units(seconds, text):
    assert render.duration(seconds) == text


def test_tools_are_a_table(platform):
    platform.create_tool("demo")

    assert render.tools(platform.tools()).splitlines() == [
        "Tool    Enabled      Number  Created                    Home",
        "------  ---------  --------  -------------------------  -----------------",
        "demo    yes           52000  2026-11-23T12:00:00+00:00  /state/tools/demo",
    ]


def test_a_check_that_needs_something_says_what_to_type():
    found = [
        {"name": "Python", "level": "ok", "text": "3.11.2", "fix": ""},
        {"name": "bubblewrap", "level": "fail", "text": "missing", "fix": "apt install"},
    ]

    assert render.checks(found) == (
        "ok   Python: 3.11.2\nfail bubblewrap: missing\n       -> apt install"
    )
