"""When the next thing happens: back-offs and cron times. Pure; whoever calls has the clock."""

from __future__ import annotations

import datetime
import zoneinfo

from cronsim import CronSim, CronSimError

from toolforge_common.errors import InvalidRequest
from toolforge_runtime.ports import Workload

# The numbers are Kubernetes': of the Job controller, then of the kubelet.
RETRY_FIRST = 10.0
RETRY_MAX = 360.0
CRASH_FIRST = 10.0
CRASH_MAX = 300.0
# A container that ran this long has recovered; its next crash counts as the first.
CRASH_RESET = 600.0


def retry_delay(failures: int) -> float:
    """Return how long to wait before a run's next pod, after its pods failed so many times (at least once)."""
    return _doubled(RETRY_FIRST, failures - 1, RETRY_MAX)


def crash_delay(crashes: int) -> float:
    """Return how long to wait before starting a container again that ended so often in a row.

    The first end is followed by a start at once.
    """
    return 0.0 if crashes <= 1 else _doubled(CRASH_FIRST, crashes - 2, CRASH_MAX)


def next_time(
    cron: str, after: datetime.datetime, time_zone: str = "UTC"
) -> datetime.datetime | None:
    """Return the first time after `after` that the cron text names, in UTC; None if there never is one.

    Raises InvalidRequest if the text is not five cron fields, or nobody knows the time zone.
    """
    try:
        times = CronSim(cron, after.astimezone(_zone(time_zone)))
    except CronSimError as error:
        if _names_no_date(cron, after):
            return None
        raise InvalidRequest(
            f"{cron!r} is not a schedule: {error}", hint="write five fields, such as '5 4 * * *'"
        ) from error
    # In an hour that comes twice, cronsim names times of the first one even after that is over.
    return next((time for local in times if (time := local.astimezone(datetime.UTC)) > after), None)


def first_time(workload: Workload, after: datetime.datetime) -> datetime.datetime | None:
    """Return the first time after `after` that the workload is due; None if it never is.

    Raises InvalidRequest if its schedule is not one.
    """
    schedule = workload.schedule
    return None if schedule is None else next_time(schedule.cron, after, schedule.time_zone)


def _zone(name: str) -> datetime.tzinfo:
    if name == "UTC":
        return datetime.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        # An unknown name, one that cannot be a file's, or a folder's.
        raise InvalidRequest(
            f"there is no time zone {name!r}", hint="write one such as 'Europe/Berlin'"
        ) from error


def _names_no_date(cron: str, after: datetime.datetime) -> bool:
    """Say whether the text is right but for days that its months do not have, such as 31 February."""
    fields = cron.split()
    if len(fields) != 5:  # noqa: PLR2004  a cron text has five
        return False
    try:
        CronSim(" ".join([*fields[:3], "*", fields[4]]), after)
        CronSim(" ".join([*fields[:2], "*", *fields[3:]]), after)
    except CronSimError:
        return False
    return True


def _doubled(first: float, times: int, limit: float) -> float:
    # Beyond ten doublings every limit is reached, and the number would grow without bound.
    return min(first * float(1 << min(max(times, 0), 10)), limit)
