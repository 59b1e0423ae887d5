"""Jobs on the wire to jobs of the domain, and back. What is allowed is the document's business alone."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields, post_dump, post_load

from toolforge_jobs_api.domain.jobs import (
    Emails,
    HealthCheck,
    HealthCheckType,
    JobType,
    Mount,
    NewJob,
)
from toolforge_jobs_api.domain.status import Short
from toolforge_jobs_api.domain.views import JobView
from toolforge_runtime.ports import Image, LogLine, Protocols

# Only these fields of an answer were not asked for and are given all the same.
_ALWAYS = frozenset({"name", "cmd", "image", "imagename", "job_type", "continuous"})
_CONTINUOUS_ONLY = frozenset({"replicas", "port", "port_protocol", "health_check", "publish"})


def _enum(kind: Any, **options: Any) -> fields.Enum[Any]:
    return fields.Enum(kind, by_value=fields.String, **options)


def _in_utc(time: datetime.datetime) -> str:
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _to_the_second(time: datetime.datetime) -> str:
    return time.isoformat(timespec="seconds")


class Time(fields.DateTime):
    """A time to the second, in UTC."""

    SERIALIZATION_FUNCS = {"iso": _in_utc}  # noqa: RUF012  marshmallow declares it like this


class LogTime(fields.DateTime):
    """The time of a line to the second, with its offset, as logs have always had it."""

    SERIALIZATION_FUNCS = {"iso": _to_the_second}  # noqa: RUF012  see above


# --- requests ---------------------------------------------------------------------------------------


class NewHealthCheckSchema(Schema):
    """How a new job is to be checked."""

    type = _enum(HealthCheckType)
    health_check_type = _enum(HealthCheckType)
    path = fields.String()
    script = fields.String()

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> HealthCheck:
        """Return the check; without a type, the other field tells it."""
        kind = data.get("type") or data.get("health_check_type")
        guess = HealthCheckType.HTTP if "path" in data else HealthCheckType.SCRIPT
        return HealthCheck(kind or guess, data.get("path"), data.get("script"))


class _NewSchema(Schema):
    """What all types have."""

    job_type = fields.String()
    name = fields.String(required=True)
    cmd = fields.String(required=True)
    imagename = fields.String(required=True)
    emails = _enum(Emails)
    mount = _enum(Mount)
    memory = fields.String()
    cpu = fields.String()

    kind: JobType

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> NewJob:
        """Return the job as it was asked for."""
        # What told the types apart once.
        data.pop("continuous", None)
        return NewJob(**{**data, "job_type": self.kind})


class _NewFileLogSchema(_NewSchema):
    filelog = fields.Boolean()
    filelog_stdout = fields.String(allow_none=True)
    filelog_stderr = fields.String(allow_none=True)
    continuous = fields.Boolean()


class NewOneOffJobSchema(_NewFileLogSchema):
    """A new job that runs once."""

    kind = JobType.ONE_OFF
    retry = fields.Integer()


class NewScheduledJobSchema(_NewFileLogSchema):
    """A new job that runs at the times of a schedule."""

    kind = JobType.SCHEDULED
    schedule = fields.String(required=True)
    retry = fields.Integer()
    timeout = fields.Integer()


class NewContinuousJobSchema(_NewFileLogSchema):
    """A new job that is kept running."""

    kind = JobType.CONTINUOUS
    replicas = fields.Integer()
    port = fields.Integer(allow_none=True)
    port_protocol = _enum(Protocols)
    health_check = fields.Nested(NewHealthCheckSchema, allow_none=True)
    publish = fields.String()


class NewWebserviceJobSchema(_NewSchema):
    """A new continuous job with the tool's web address."""

    kind = JobType.WEBSERVICE
    job_type = fields.String(required=True)
    name = fields.String(load_default="webservice")
    cmd = fields.String(load_default="")
    replicas = fields.Integer()
    port = fields.Integer(allow_none=True)
    health_check = fields.Nested(NewHealthCheckSchema, allow_none=True)


_NEW_SCHEMAS: Mapping[str, Schema] = {
    JobType.ONE_OFF: NewOneOffJobSchema(),
    JobType.SCHEDULED: NewScheduledJobSchema(),
    JobType.CONTINUOUS: NewContinuousJobSchema(),
    JobType.WEBSERVICE: NewWebserviceJobSchema(),
}


def load_new_job(body: Mapping[str, Any]) -> NewJob:
    """Return the job that a body of the right shape asks for."""
    job: NewJob = _NEW_SCHEMAS[body.get("job_type") or _guess_type(body)].load(body)
    return job


def _guess_type(body: Mapping[str, Any]) -> JobType:
    """Return the only type whose fields these can be, for clients that do not say it."""
    if "schedule" in body:
        return JobType.SCHEDULED
    if body.get("continuous") or _CONTINUOUS_ONLY & body.keys():
        return JobType.CONTINUOUS
    return JobType.ONE_OFF


# --- answers ----------------------------------------------------------------------------------------


class HealthCheckSchema(Schema):
    """How a job is checked."""

    type = _enum(HealthCheckType, required=True)
    path = fields.String()
    script = fields.String()

    @post_dump
    def tidy(self, data: dict[str, Any], **_options: Any) -> dict[str, Any]:
        """Leave out what the type does not have."""
        return {name: value for name, value in data.items() if value is not None}


class JobStatusSchema(Schema):
    """What a job is doing."""

    short = _enum(Short, required=True)
    duration = fields.String(allow_none=True, required=True)
    up_to_date = fields.Boolean(required=True)
    messages = fields.List(fields.String(), required=True)


class ScheduledJobStatusSchema(JobStatusSchema):
    """What a job with a schedule is doing."""

    previous_schedule = Time(allow_none=True, required=True)
    next_schedule = Time(allow_none=True, required=True)


class _DefinedSchema(Schema):
    """What all types have. The attributes are those of `JobView`."""

    name = fields.String(attribute="job.name", required=True)
    job_type = fields.String(attribute="job.job_type", required=True)
    cmd = fields.String(attribute="job.asked.cmd", required=True)
    imagename = fields.String(attribute="job.image.name", required=True)
    image = fields.String(attribute="job.image.name", required=True, dump_only=True)
    image_state = fields.String(attribute="job.image.state")
    filelog = fields.Boolean(attribute="job.filelog")
    filelog_stdout = fields.String(attribute="job.stdout", allow_none=True)
    filelog_stderr = fields.String(attribute="job.stderr", allow_none=True)
    emails = _enum(Emails, attribute="job.emails")
    mount = _enum(Mount, attribute="job.mount")
    memory = fields.String(attribute="job.memory")
    cpu = fields.String(attribute="job.cpu")
    status_short = fields.String()
    status_long = fields.String()


class DefinedOneOffJobSchema(_DefinedSchema):
    """A job that runs once."""

    retry = fields.Integer(attribute="job.retry")
    status = fields.Nested(JobStatusSchema)


class DefinedScheduledJobSchema(_DefinedSchema):
    """A job that runs at the times of a schedule."""

    schedule = fields.String(attribute="job.schedule.text")
    schedule_actual = fields.String(attribute="job.schedule.expression")
    retry = fields.Integer(attribute="job.retry")
    timeout = fields.Integer(attribute="job.timeout")
    status = fields.Nested(ScheduledJobStatusSchema)


class DefinedContinuousJobSchema(_DefinedSchema):
    """A job that is kept running."""

    continuous = fields.Boolean(dump_default=True)
    replicas = fields.Integer(attribute="job.replicas")
    port = fields.Integer(attribute="job.port", allow_none=True)
    port_protocol = _enum(Protocols, attribute="job.port_protocol")
    health_check = fields.Nested(HealthCheckSchema, attribute="job.health_check", allow_none=True)
    publish = fields.String(attribute="job.publish")
    status = fields.Nested(JobStatusSchema)


class ImageSchema(Schema):
    """An image that jobs can run in."""

    shortname = fields.String(attribute="name", required=True)
    image = fields.String(attribute="reference", required=True)
    state = fields.String(required=True)


class LogLineSchema(Schema):
    """A line that a job wrote."""

    pod = fields.String(required=True)
    container = fields.String(required=True)
    datetime = LogTime(attribute="time", required=True)
    message = fields.String(required=True)
    cursor = fields.String(required=True)


_DEFINED_SCHEMAS: Mapping[JobType, Schema] = {
    JobType.ONE_OFF: DefinedOneOffJobSchema(),
    JobType.SCHEDULED: DefinedScheduledJobSchema(),
    JobType.CONTINUOUS: DefinedContinuousJobSchema(),
}
_IMAGES = ImageSchema(many=True)
_LOG_LINE = LogLineSchema()


def dump_job(view: JobView, *, include_unset: bool) -> dict[str, Any]:
    """Return the job on the wire: all of it, or only what was asked for."""
    job: dict[str, Any] = _DEFINED_SCHEMAS[view.job.job_type].dump(view)
    if include_unset:
        return job
    told = view.job.asked.said | _ALWAYS
    return {name: value for name, value in job.items() if name in told}


def dump_images(images: Sequence[Image]) -> list[dict[str, Any]]:
    """Return the images on the wire."""
    dumped: list[dict[str, Any]] = _IMAGES.dump(images)
    return dumped


def dump_log_line(line: LogLine) -> dict[str, Any]:
    """Return a line of a log on the wire."""
    dumped: dict[str, Any] = _LOG_LINE.dump(line)
    return dumped
