"""When a scheduled job runs: the grammar of schedules, narrower than cron's, and how macros spread load.

Five fields of lists of `*`, `*/n`, `a`, `a/n` and `a-b`; months as numbers, weekdays also as names.
A macro (`@daily`) leaves the time to the platform, which draws it from tool and job, so that the same
job always has the same time and different jobs do not all start at midnight.
"""

from __future__ import annotations

import dataclasses
import datetime
import random
import re

from toolforge_common.errors import InvalidRequest
from toolforge_common.names import ToolName
from toolforge_runtime.timing import next_time

# As single values only: a range of names, or one that ends with 7, is not understood.
_WEEKDAYS_AS_NUMBERS = {
    "sun": 0,
    "mon": 1,
    "tue": 2,
    "wed": 3,
    "thu": 4,
    "fri": 5,
    "sat": 6,
    "7": 0,
}
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
_DAY_OF_EVERY_MONTH = "28"
_ANY_TIME = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12),
    _Field("weekday", 0, 6),
)


@dataclasses.dataclass(frozen=True, slots=True)
class CronSchedule:
    """A schedule: `text` as the user wrote it, `expression` as five plain fields."""

    text: str
    expression: str


def parse_schedule(text: str, tool: ToolName, job: str) -> CronSchedule:
    """Return the schedule of that job. Raises InvalidRequest naming the field that cannot be."""
    plain = text.strip().lower()
    if plain.startswith("@"):
        return CronSchedule(text, _spread(_macro(plain), tool, job))
    words = plain.split()
    if len(words) != len(_FIELDS):
        raise _unparsable(f"it has {len(words)} fields instead of {len(_FIELDS)}")
    fields = (_field(word, field) for word, field in zip(words, _FIELDS, strict=True))
    return CronSchedule(text, " ".join(fields))


def _macro(text: str) -> str:
    if text not in _MACROS:
        raise _unparsable(f"{text!r} is not one of {', '.join(_MACROS)}")
    return _MACROS[text]


def _spread(base: str, tool: ToolName, job: str) -> str:
    # Seeding with a text and drawing left to right gives the times that jobs always had.
    draw = random.Random(f"{tool} {job}")  # noqa: S311  nothing depends on it being secret
    fields = [
        word if word == "*" else str(draw.randint(field.first, field.last))
        for word, field in zip(base.split(), _FIELDS, strict=True)
    ]
    if next_time(" ".join(fields), _ANY_TIME) is None:
        # 30 February and the like: nobody asked for a job that never runs.
        fields[2] = _DAY_OF_EVERY_MONTH
    return " ".join(fields)


def _field(word: str, field: _Field) -> str:
    return ",".join(_item(item, field) for item in word.split(","))


def _item(item: str, field: _Field) -> str:
    value, slash, step = item.partition("/")
    if slash:
        _check_step(step, field)
    if value == "*":
        return item
    if field.name == "weekday" and not slash and value in _WEEKDAYS_AS_NUMBERS:
        return str(_WEEKDAYS_AS_NUMBERS[value])
    first, dash, last = value.partition("-")
    if not dash:
        return f"{_number(first, field)}{slash}{step}"
    if slash:
        raise _unparsable(f"{item!r} in the {field.name} field: a range cannot have a step")
    low, high = _number(first, field), _number(last, field)
    if low > high:
        raise _unparsable(f"{item!r} in the {field.name} field ends before it begins")
    return f"{low}-{high}"


def _check_step(step: str, field: _Field) -> None:
    if not _is_number(step) or not 0 < int(step) <= field.last:
        raise _unparsable(f"a step of {step!r} in the {field.name} field")


def _number(text: str, field: _Field) -> int:
    if not _is_number(text) or not field.first <= int(text) <= field.last:
        raise _unparsable(
            f"{text!r} in the {field.name} field is not from {field.first} to {field.last}"
        )
    return int(text)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,4}", text) is not None


def _unparsable(reason: str) -> InvalidRequest:
    return InvalidRequest(
        f"unable to parse cron expression: {reason}",
        hint="write minute, hour, day, month and weekday, such as '5 4 * * *', or a macro such as @daily",
    )
