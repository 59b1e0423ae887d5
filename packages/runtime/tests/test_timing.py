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


def test_retries_wait_twice_as_long_each_time_up_to_six_minutes():
    assert [retry_delay(n) for n in (1, 2, 3, 6, 7, 100)] == [10, 20, 40, 320, 360, 360]


def test_a_crashing_container_starts_again_at_once_and_then_ever_later():
    assert [crash_delay(n) for n in (1, 2, 3, 6, 7, 100)] == [0, 10, 20, 160, 300, 300]
