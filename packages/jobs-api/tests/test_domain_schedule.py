import pytest

from toolforge_common.errors import InvalidRequest
from toolforge_jobs_api.domain.schedule import CronSchedule, parse_schedule


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("5 4 * * *", "5 4 * * *"),
        ("  5   4 * * * ", "5 4 * * *"),
        ("*/15 0-6 1,15 * MON", "*/15 0-6 1,15 * 1"),
        ("0 5/6 * * 7", "0 5/6 * * 0"),
        ("0 0 * * sun,wed", "0 0 * * 0,3"),
        ("05 04 * * *", "5 4 * * *"),
        ("0 0 31 2 *", "0 0 31 2 *"),  # valid, no such date: it never runs
    ],
)
def test_fields_are_read(text, expression):
    assert parse_schedule(text, "demo", "job") == CronSchedule(text, expression)


@pytest.mark.parametrize(
    ("tool", "job", "text", "expression"),
    [
        ("some-tool", "some-job", "@daily", "56 6 * * *"),
        ("some-tool", "some-job", "@hourly", "56 * * * *"),
        ("tf-test", "test", "@weekly", "36 13 * * 1"),
        ("tf-test", "test", " @Weekly ", "36 13 * * 1"),
    ],
)
def test_a_macro_always_gives_a_job_the_same_time(tool, job, text, expression):
    assert parse_schedule(text, tool, job).expression == expression


def test_macros_spread_jobs():
    times = {parse_schedule("@daily", "demo", f"job-{n}").expression for n in range(50)}

    assert len(times) > 40


@pytest.mark.parametrize("macro", ["@monthly", "@yearly"])
def test_rare_macros_draw_every_field_they_fix(macro):
    expression = parse_schedule(macro, "demo", "job").expression

    assert parse_schedule(expression, "demo", "job").expression == expression


@pytest.mark.parametrize(
    ("job", "expression"),
    [
        ("job-171", "17 13 28 2 *"),  # 30 February was drawn
        ("job-226", "52 22 28 11 *"),  # 31 November was drawn
    ],
)
def test_a_macro_never_gives_a_date_that_does_not_exist(job, expression):
    assert parse_schedule("@yearly", "demo", job).expression == expression


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has 0 fields"),
        ("* * * *", "it has 4 fields"),
        ("* * * * * *", "it has 6 fields"),
        ("@reboot", "'@reboot' is not one of @hourly"),
        ("60 * * * *", "'60' in the minute field is not from 0 to 59"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day"),
        ("* * * jan *", "month"),
        ("* * * * 8", "weekday"),
        ("* * * * mon-fri", "'mon' in the weekday field"),  # names stand alone
        ("* * * * mon/2", "'mon' in the weekday field"),
        ("* * * * 5-7", "'7' in the weekday field"),
        ("*/0 * * * *", "a step of '0'"),
        ("*/60 * * * *", "a step of '60'"),
        ("*/ * * * *", "a step of ''"),
        ("1-5/2 * * * *", "a range cannot have a step"),
        ("5-1 * * * *", "ends before it begins"),
        ("1,,2 * * * *", "'' in the minute field"),
        ("-1 * * * *", "'' in the minute field"),
        ("٣ * * * *", "minute"),  # a digit, but not one that cron reads
    ],
)
def test_what_cannot_be_is_named(text, reason):
    with pytest.raises(InvalidRequest, match="unable to parse cron expression") as refusal:
        parse_schedule(text, "demo", "job")

    assert reason in refusal.value.message
