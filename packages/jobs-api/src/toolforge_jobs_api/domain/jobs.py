"""Jobs: as somebody asks for one, and as it is once everything left unset has its value."""

from __future__ import annotations

import dataclasses
import enum
from pathlib import PurePosixPath

from toolforge_common.errors import InvalidRequest
from toolforge_common.names import ToolName
from toolforge_jobs_api.domain.images import JobImage
from toolforge_jobs_api.domain.schedule import CronSchedule
from toolforge_runtime.ports import Protocols

DEFAULT_MEMORY = "0.5Gi"
DEFAULT_CPU = "0.1"


class JobType(enum.StrEnum):
    """How a job lives."""

    ONE_OFF = "one-off"
    SCHEDULED = "scheduled"
    CONTINUOUS = "continuous"
    WEBSERVICE = "webservice"


class Emails(enum.StrEnum):
    """When mail about a job is sent."""

    NONE = "none"
    ALL = "all"
    ONFINISH = "onfinish"
    ONFAILURE = "onfailure"


class Mount(enum.StrEnum):
    """Whether a job sees the tool's home."""

    ALL = "all"
    NONE = "none"


class HealthCheckType(enum.StrEnum):
    """How a continuous job is checked."""

    HTTP = "http"
    SCRIPT = "script"


@dataclasses.dataclass(frozen=True, slots=True)
class HealthCheck:
    """What tells whether a job works: a path that answers, or a script that ends with 0."""

    type: HealthCheckType
    path: str | None = None
    script: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job as somebody asked for it. What they did not say is None, and stays so when it is kept."""

    name: str
    job_type: JobType
    cmd: str
    imagename: str
    filelog: bool | None = None
    filelog_stdout: str | None = None
    filelog_stderr: str | None = None
    emails: Emails | None = None
    mount: Mount | None = None
    memory: str | None = None
    cpu: str | None = None
    retry: int | None = None
    schedule: str | None = None
    timeout: int | None = None
    replicas: int | None = None
    port: int | None = None
    port_protocol: Protocols | None = None
    health_check: HealthCheck | None = None
    publish: str | None = None

    @property
    def said(self) -> frozenset[str]:
        """The names of the fields that were set."""
        fields = (field.name for field in dataclasses.fields(self))
        return frozenset(name for name in fields if getattr(self, name) is not None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job with a value for everything.

    `asked` is what it came from. Fields of other types have the value that does nothing. `memory` and
    `cpu` are texts, as people see them; `stdout` and `stderr` are None unless output goes to files.
    """

    tool: ToolName
    asked: NewJob
    image: JobImage
    filelog: bool
    stdout: PurePosixPath | None
    stderr: PurePosixPath | None
    emails: Emails
    mount: Mount
    memory: str
    cpu: str
    retry: int
    schedule: CronSchedule | None
    timeout: int
    replicas: int
    port: int | None
    port_protocol: Protocols
    health_check: HealthCheck | None
    publish: str

    @property
    def name(self) -> str:
        """Its name, unique within the tool."""
        return self.asked.name

    @property
    def job_type(self) -> JobType:
        """How it lives."""
        return self.asked.job_type


def no_such_job(name: str) -> str:
    """Return the sentence about a job that is not there; scripts look for it."""
    return f"Job '{name}' does not exist"


def require_consistent(job: NewJob) -> None:
    """Raise InvalidRequest where fields that are right alone do not go together."""
    if job.health_check is not None:
        _require_checkable(job, job.health_check)
    if job.publish and (job.port is None or job.port_protocol is Protocols.UDP):
        raise InvalidRequest(
            "only a job with a TCP port can be published", hint="add a port, such as --port 8000"
        )


def _require_checkable(job: NewJob, check: HealthCheck) -> None:
    if check.type is HealthCheckType.SCRIPT:
        if check.script is None or check.path is not None:
            raise InvalidRequest("a health check of type script has a script, and no path")
        return
    if check.path is None or check.script is not None:
        raise InvalidRequest("a health check of type http has a path, and no script")
    if job.port is None or job.port_protocol is Protocols.UDP:
        raise InvalidRequest(
            "a health check over HTTP needs a TCP port", hint="add a port, such as --port 8000"
        )
