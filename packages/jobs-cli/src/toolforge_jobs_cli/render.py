"""Jobs as people and as machines read them. Pure functions from values to text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from toolforge_common.cli import tables
from toolforge_jobs_cli.client import Image, Job, LogEntry

NOT_THERE = "N/A"

_HINTS_WIDTH = 70
_DEFAULT_MEMORY = "0.5Gi"
_DEFAULT_CPU = "0.1"

NORMAL_HEADERS = ("Job name:", "Job type:", "Status:")
LONG_HEADERS = (
    "Job name:",
    "Command:",
    "Job type:",
    "Image:",
    "Port:",
    "Public:",
    "File log:",
    "Output log:",
    "Error log:",
    "Emails:",
    "Resources:",
    "Replicas:",
    "Mounts:",
    "Retry:",
    "Timeout:",
    "Health check:",
    "Status:",
)


def jobs_table(jobs: Sequence[Job]) -> str:
    """Return the usual listing."""
    rows = [(job.name, _type(job), _status(job)) for job in jobs]
    return tables.pretty(NORMAL_HEADERS, rows)


def jobs_long_table(jobs: Sequence[Job], public_url: str) -> str:
    """Return the listing with everything; `public_url` is the web address of the tool."""
    return tables.pretty(LONG_HEADERS, [_long_row(job, public_url) for job in jobs])


def job_table(job: Job, public_url: str) -> str:
    """Return everything about one job."""
    rows = [*zip(LONG_HEADERS, _long_row(job, public_url), strict=True), ("Hints:", _hints(job))]
    return tables.grid(rows)


def images_table(images: Sequence[Image]) -> str:
    """Return the listing of images."""
    # The second header is the key of the API, and has always been.
    return tables.pretty(
        ("Short name", "image"), [(image.shortname, image.image) for image in images]
    )


def log_line(entry: LogEntry) -> str:
    """Return a line of a log with where and when it was written."""
    return f"{entry.datetime} [{entry.pod}] [{entry.container}] {entry.message}"


def as_json(value: Any) -> str:
    """Return a value of the client, or a list of them, as JSON under the names of the API."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False)


def as_json_line(value: Any) -> str:
    """Return a value of the client as JSON on one line."""
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {key: _plain(item) for key, item in value._asdict().items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _long_row(job: Job, public_url: str) -> tuple[str, ...]:
    return (
        job.name,
        job.cmd,
        _type(job),
        _image(job),
        _port(job),
        _public(job, public_url),
        _file_log(job),
        job.filelog_stdout or NOT_THERE,
        job.filelog_stderr or NOT_THERE,
        job.emails,
        _resources(job),
        _replicas(job),
        job.mount,
        _retry(job),
        _timeout(job),
        _health_check(job),
        _status(job),
    )


def _type(job: Job) -> str:
    return f"scheduled: {job.schedule}" if job.job_type == "scheduled" else job.job_type


def _image(job: Job) -> str:
    return job.imagename if job.image_state == "stable" else f"{job.imagename} ({job.image_state})"


def _port(job: Job) -> str:
    if job.job_type == "webservice":
        return str(job.port)
    if job.job_type != "continuous":
        return NOT_THERE
    return f"{job.port}/{job.port_protocol}" if job.port else "none"


def _public(job: Job, public_url: str) -> str:
    if job.job_type == "webservice":
        return f"{public_url}/"
    return f"{public_url}{job.publish}" if job.publish else NOT_THERE


def _file_log(job: Job) -> str:
    if job.job_type == "webservice" or job.filelog is None:
        return NOT_THERE
    return "yes" if job.filelog else "no"


def _resources(job: Job) -> str:
    memory = "default" if job.memory in ("", _DEFAULT_MEMORY) else job.memory
    cpu = "default" if job.cpu in ("", _DEFAULT_CPU) else job.cpu
    return "default" if memory == cpu == "default" else f"mem: {memory}, cpu: {cpu}"


def _replicas(job: Job) -> str:
    is_lasting = job.job_type in {"continuous", "webservice"}
    return str(job.replicas) if is_lasting and job.replicas is not None else NOT_THERE


def _retry(job: Job) -> str:
    if job.job_type not in {"one-off", "scheduled"}:
        return NOT_THERE
    return f"yes: {job.retry} time(s)" if job.retry else "no"


def _timeout(job: Job) -> str:
    if job.job_type != "scheduled":
        return NOT_THERE
    return f"yes: {job.timeout}s" if job.timeout else "no"


def _health_check(job: Job) -> str:
    if job.job_type not in {"continuous", "webservice"}:
        return NOT_THERE
    if not job.health_check:
        return "none"
    kind = job.health_check.get("type")
    return f"{kind}: {job.health_check.get('script') or job.health_check.get('path')}"


def _status(job: Job) -> str:
    short = job.status.short.capitalize()
    return f"{short} for {job.status.duration}" if job.status.duration else short


def _hints(job: Job) -> str:
    import textwrap  # noqa: PLC0415  for one job only; a listing does without

    hints = [*job.status.messages]
    if job.job_type == "scheduled":
        hints += (
            [f"Previous: {job.status.previous_schedule}"] if job.status.previous_schedule else []
        )
        hints += [f"Next: {job.status.next_schedule}"] if job.status.next_schedule else []
    return textwrap.fill(". ".join(hints), _HINTS_WIDTH) or NOT_THERE
