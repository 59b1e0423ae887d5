"""Jobs to workloads, and jobs to the records and annotations they are kept in, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from toolforge_common.quantities import parse_quantity
from toolforge_jobs_api.domain.commands import container_command
from toolforge_jobs_api.domain.images import ImageKind
from toolforge_jobs_api.domain.jobs import (
    DEFAULT_CPU,
    Emails,
    HealthCheck,
    HealthCheckType,
    Job,
    JobType,
    Mount,
    NewJob,
)
from toolforge_jobs_api.domain.resolution import tool_home
from toolforge_runtime.ports import (
    Container,
    HttpProbe,
    Port,
    Probe,
    ProbeAction,
    Protocols,
    Resources,
    Schedule,
    TcpProbe,
    Workload,
    WorkloadKind,
)

MANAGED_BY = ("app.kubernetes.io/managed-by", "toolforge-jobs-framework")
DEFINITION = "jobs.toolforge.org/definition"
CRON_EXPRESSION = "jobs.toolforge.org/cron-expression"

_KINDS = {
    JobType.ONE_OFF: WorkloadKind.RUN_TO_COMPLETION,
    JobType.SCHEDULED: WorkloadKind.SCHEDULED,
    JobType.CONTINUOUS: WorkloadKind.CONTINUOUS,
}
_COMPONENTS = {
    JobType.ONE_OFF: "jobs",
    JobType.SCHEDULED: "cronjobs",
    JobType.CONTINUOUS: "deployments",
}
# Up to here all memory is guaranteed, beyond it half: most jobs ask for more than they use.
_GUARANTEED_MEMORY = 512 * 1024**2
# The whole of a slow start must fit in: two minutes, then the container is started again.
_STARTUP = {"initial_delay": 0, "period": 1, "failure_threshold": 120, "timeout": 5}
_LIVENESS = {"initial_delay": 0, "period": 10, "failure_threshold": 3, "timeout": 5}


def to_workload(job: Job, default_cpu_limit: Decimal) -> Workload:
    """Return what the runtime is to run for the job."""
    return Workload(
        tool=job.tool,
        name=job.name,
        kind=_KINDS[job.job_type],
        container=_container(job, default_cpu_limit),
        labels=_labels(job),
        annotations=_annotations(job),
        schedule=None if job.schedule is None else Schedule(job.schedule.expression),
        backoff_limit=job.retry,
        active_deadline=job.timeout or None,
        replicas=job.replicas,
        published=job.publish == "/",
    )


def is_job(workload: Workload) -> bool:
    """Whether a workload is one that came from a job."""
    name, value = MANAGED_BY
    return workload.labels.get(name) == value


def is_same(one: Workload, other: Workload) -> bool:
    """Whether two workloads run the same, whatever is written on them."""
    return _running_form(one) == _running_form(other)


def to_record(job: NewJob) -> dict[str, Any]:
    """Return what was asked for as plain data, without what was left unset."""
    data: dict[str, Any] = {name: getattr(job, name) for name in sorted(job.said)}
    if job.health_check is not None:
        check = job.health_check
        data["health_check"] = {"type": check.type, "path": check.path, "script": check.script}
    return data


def from_record(data: Mapping[str, Any]) -> NewJob:
    """Return what was asked for, from its plain data."""
    values = dict(data)
    for name, convert in _CONVERT.items():
        if name in values:
            values[name] = convert(values[name])
    return NewJob(**values)


def from_annotation(workload: Workload) -> NewJob | None:
    """Return what a workload came from, None if nobody wrote it down."""
    text = workload.annotations.get(DEFINITION)
    return None if text is None else from_record(json.loads(text))


def _health_check(data: Mapping[str, Any]) -> HealthCheck:
    return HealthCheck(HealthCheckType(data["type"]), data["path"], data["script"])


_CONVERT: Mapping[str, Any] = {
    "job_type": JobType,
    "emails": Emails,
    "mount": Mount,
    "port_protocol": Protocols,
    "health_check": _health_check,
}


def _container(job: Job, default_cpu_limit: Decimal) -> Container:
    is_standard = job.image.kind is ImageKind.STANDARD
    env = {} if is_standard else {"NO_HOME": "buildservice images have a home of their own"}
    if job.port is not None:
        env["PORT"] = str(job.port)
    action = _probe_action(job)
    return Container(
        image=job.image.name,
        command=container_command(job),
        resources=_resources(job, default_cpu_limit),
        env=env,
        working_dir=tool_home(job.tool) if is_standard else None,
        ports=() if job.port is None else (Port(job.port, job.port_protocol),),
        startup_probe=None if action is None else Probe(action, **_STARTUP),
        liveness_probe=None if action is None else Probe(action, **_LIVENESS),
        mount_storage=job.mount is Mount.ALL,
    )


def _probe_action(job: Job) -> ProbeAction | None:
    if job.port is None or job.port_protocol is not Protocols.TCP:
        return None
    if job.health_check is not None and job.health_check.path is not None:
        return HttpProbe(job.health_check.path, job.port)
    return TcpProbe(job.port)


def _resources(job: Job, default_cpu_limit: Decimal) -> Resources:
    memory = math.ceil(parse_quantity(job.memory))
    cpu = parse_quantity(job.cpu)
    return Resources(
        memory_request=memory if memory <= _GUARANTEED_MEMORY else memory // 2,
        memory_limit=memory,
        cpu_request=cpu,
        cpu_limit=default_cpu_limit if cpu == Decimal(DEFAULT_CPU) else cpu,
    )


def _labels(job: Job) -> Mapping[str, str]:
    labels = {
        "toolforge": "tool",
        MANAGED_BY[0]: MANAGED_BY[1],
        "app.kubernetes.io/created-by": str(job.tool),
        "app.kubernetes.io/version": "2",
        "app.kubernetes.io/component": _COMPONENTS[job.job_type],
        "app.kubernetes.io/name": job.name,
        "jobs.toolforge.org/emails": job.emails.value,
        "toolforge.org/mount-storage": job.mount.value,
    }
    if job.filelog:
        labels["jobs.toolforge.org/filelog"] = "yes"
    return labels


def _annotations(job: Job) -> Mapping[str, str]:
    annotations = {DEFINITION: json.dumps(to_record(job.asked))}
    if job.schedule is not None:
        annotations[CRON_EXPRESSION] = job.schedule.text
    return annotations


def _running_form(workload: Workload) -> tuple[Any, ...]:
    return (
        workload.kind,
        workload.container,
        workload.schedule,
        workload.backoff_limit,
        workload.active_deadline,
        workload.replicas,
        workload.published,
    )
