import datetime

import pytest

from toolforge_common.errors import InvalidRequest
from toolforge_runtime.timing import crash_delay, next_time, retry_delay

NEW_YEAR = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def at(*parts):
    return datetime.datetime(*parts, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("* * * * *", at(2026, 1, 1, 0, 1)),
        ("0 0 * * *", at(2026, 1, 2)),
        ("5/10 * * * *", at(2026, 1, 1, 0, 5)),
        ("0 12 * * 0", at(2026, 1, 4, 12)),
        ("0 0 13 * 5", at(2026, 1, 2)),  # a Friday: day or weekday, whichever comes first
        ("0 0 29 2 *", at(2028, 2, 29)),
        ("0 0 31 2 *", None),  # valid, no such date
        ("0 0 30,31 2 *", None),
    ],
)
def test_the_next_time_of_a_schedule(cron, expected):
    assert next_time(cron, NEW_YEAR) == expected


@pytest.mark.parametrize(
    "cron", ["", "* * * *", "61 * * * *", "0 0 32 * *", "0 0 31 13 *", "x * * * *"]
)
def test_what_is_no_schedule_is_refused(cron):
    with pytest.raises(InvalidRequest, match="is not a schedule"):
        next_time(cron, NEW_YEAR)


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("30 2 * * *", at(2026, 3, 27, 12), at(2026, 3, 28, 1, 30)),
        # In the night of 29 March 2026, 02:00 to 03:00 does not come; 03:00 is 01:00 UTC.
        ("30 2 * * *", at(2026, 3, 28, 12), at(2026, 3, 29, 1)),
        ("30 2 * * *", at(2026, 3, 29, 1), at(2026, 3, 30, 0, 30)),
        ("*/30 * * * *", at(2026, 3, 29, 0, 30), at(2026, 3, 29, 1)),
        # In the night of 25 October 2026, 02:00 to 03:00 comes twice; the first one is 00:00 to 01:00 UTC.
        ("30 2 * * *", at(2026, 10, 24, 12), at(2026, 10, 25, 0, 30)),
        ("30 2 * * *", at(2026, 10, 25, 0, 30), at(2026, 10, 26, 1, 30)),
        ("30 2 * * *", at(2026, 10, 25, 1), at(2026, 10, 26, 1, 30)),
        ("30 * * * *", at(2026, 10, 25, 0, 30), at(2026, 10, 25, 1, 30)),
        ("30 * * * *", at(2026, 10, 25, 1, 30), at(2026, 10, 25, 2, 30)),
        ("0 3 * * *", at(2026, 10, 25, 0, 30), at(2026, 10, 25, 2)),
        ("0 0 31 2 *", at(2026, 1, 1), None),
    ],
)
def test_schedules_follow_the_clocks_of_their_zone(cron, after, expected):
    assert next_time(cron, after, "Europe/Berlin") == expected


@pytest.mark.parametrize(
    "zone", ["", "Europe", "Europe/Atlantis", "/etc/localtime", "a\0b", "x" * 9999]
)
def test_an_unknown_zone_is_refused(zone):
    with pytest.raises(InvalidRequest, match="there is no time zone"):
        next_time("* * * * *", NEW_YEAR, zone)


def test_retries_wait_twice_as_long_each_time_up_to_six_minutes():
    assert [retry_delay(n) for n in (1, 2, 3, 6, 7, 100)] == [10, 20, 40, 320, 360, 360]


def test_a_crashing_container_starts_again_at_once_and_then_ever_later():
    assert [crash_delay(n) for n in (1, 2, 3, 6, 7, 100)] == [0, 10, 20, 160, 300, 300]
