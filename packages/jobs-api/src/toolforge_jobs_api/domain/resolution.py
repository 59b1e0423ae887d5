"""From what somebody asked for to a job with a value for everything, and what is refused on the way."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import PurePosixPath

from toolforge_common.errors import InvalidRequest, Unsupported
from toolforge_common.names import ToolName
from toolforge_common.quantities import cpu_in_cores, memory_in_gibibytes, parse_quantity
from toolforge_jobs_api.domain.images import ImageKind, JobImage
from toolforge_jobs_api.domain.jobs import (
    DEFAULT_CPU,
    DEFAULT_MEMORY,
    Emails,
    HealthCheckType,
    Job,
    JobType,
    Mount,
    NewJob,
    require_consistent,
)
from toolforge_jobs_api.domain.schedule import parse_schedule
from toolforge_runtime.ports import Protocols


@dataclasses.dataclass(frozen=True, slots=True)
class ContainerLimits:
    """What one container may ask for, as Kubernetes quantities: they are shown as they are."""

    min_memory: str = "100Mi"
    max_memory: str = "6Gi"
    min_cpu: str = "50m"
    max_cpu: str = "3"


def tool_home(tool: ToolName) -> PurePosixPath:
    """Return the tool's home, as its jobs see it."""
    return PurePosixPath("/data/project", tool)


def accept(job: NewJob, limits: ContainerLimits) -> NewJob:
    """Return what was asked for, with quantities in the form they are kept in.

    Raises InvalidRequest where it cannot be right, Unsupported where it is not offered yet.
    """
    if job.job_type is JobType.WEBSERVICE:
        raise Unsupported(
            "jobs of type webservice are not offered yet",
            hint="run a continuous job with --port and --publish instead",
        )
    require_consistent(job)
    if job.health_check is not None and job.health_check.type is HealthCheckType.SCRIPT:
        raise Unsupported(
            "health checks by a script are not offered yet",
            hint="check over HTTP with --health-check-http, or leave it at the port",
        )
    memory, cpu = job.memory, job.cpu
    if memory is not None:
        amount = _within("memory", memory, limits.min_memory, limits.max_memory)
        memory = memory_in_gibibytes(amount)
    if cpu is not None:
        cpu = cpu_in_cores(_within("cpu", cpu, limits.min_cpu, limits.max_cpu))
    return dataclasses.replace(job, memory=memory, cpu=cpu)


def resolve(tool: ToolName, asked: NewJob, image: JobImage) -> Job:
    """Return the job with every default filled in."""
    is_standard = image.kind is ImageKind.STANDARD
    mount = asked.mount or (Mount.ALL if is_standard else Mount.NONE)
    filelog = is_standard if asked.filelog is None else asked.filelog
    home = tool_home(tool)
    stdout = home / (asked.filelog_stdout or f"{asked.name}.out")
    stderr = home / (asked.filelog_stderr or f"{asked.name}.err")
    schedule = asked.schedule
    return Job(
        tool=tool,
        asked=asked,
        image=image,
        filelog=filelog,
        stdout=stdout if filelog else None,
        stderr=stderr if filelog else None,
        emails=asked.emails or Emails.NONE,
        mount=mount,
        memory=asked.memory or DEFAULT_MEMORY,
        cpu=asked.cpu or DEFAULT_CPU,
        retry=asked.retry or 0,
        schedule=None if schedule is None else parse_schedule(schedule, tool, asked.name),
        timeout=asked.timeout or 0,
        replicas=1 if asked.replicas is None else asked.replicas,
        port=asked.port,
        port_protocol=asked.port_protocol or Protocols.TCP,
        health_check=asked.health_check,
        publish=asked.publish or "",
    )


def require_startable(job: Job) -> None:
    """Raise InvalidRequest if the job, with all its defaults, does not hang together."""
    if job.mount is Mount.NONE and job.image.kind is ImageKind.STANDARD:
        raise InvalidRequest(
            "Mount type none is only supported for build service images",
            hint="leave the mount option out, or use --mount all",
        )
    if job.filelog and job.mount is not Mount.ALL:
        raise InvalidRequest(
            "File logging is only available with --mount=all",
            hint="add --mount all, or leave file logging out",
        )


def _within(what: str, text: str, least: str, most: str) -> Decimal:
    amount = parse_quantity(text)
    if amount < parse_quantity(least):
        raise InvalidRequest(
            f"requested {what} {text} is less than minimum required per container ({least})"
        )
    if amount > parse_quantity(most):
        raise InvalidRequest(
            f"requested {what} {text} is over maximum allowed per container ({most})"
        )
    return amount
