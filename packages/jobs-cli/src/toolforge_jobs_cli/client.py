"""The jobs service as the program sees it: one method per operation, plain values in and out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from toolforge_common.cli.api_client import ApiClient, segment
from toolforge_common.cli.session import Session
from toolforge_common.names import parse_job_name
from toolforge_jobs_cli.settings import JobsSettings


class Status(NamedTuple):
    """What a job is doing. `duration` is since when, as text, or None; `messages` are reasons."""

    short: str = "unknown"
    duration: str | None = None
    up_to_date: bool = True
    messages: tuple[str, ...] = ()
    previous_schedule: str | None = None
    next_schedule: str | None = None


class Job(NamedTuple):
    """A job as the service describes it, under the service's names.

    What its type does not have is None.
    """

    name: str
    job_type: str
    cmd: str
    imagename: str
    image_state: str = "stable"
    schedule: str | None = None
    schedule_actual: str | None = None
    timeout: int | None = None
    retry: int | None = None
    replicas: int | None = None
    port: int | None = None
    port_protocol: str | None = None
    publish: str | None = None
    health_check: Mapping[str, Any] | None = None
    filelog: bool | None = None
    filelog_stdout: str | None = None
    filelog_stderr: str | None = None
    emails: str = "none"
    mount: str = "all"
    memory: str = ""
    cpu: str = ""
    status: Status = Status()


class Image(NamedTuple):
    """An image that jobs can run in: its short name, and where it is."""

    shortname: str
    image: str


class LogEntry(NamedTuple):
    """A line that a job wrote."""

    datetime: str
    pod: str
    container: str
    message: str


_JOB_FIELDS = frozenset(Job._fields)
_STATUS_FIELDS = frozenset(Status._fields)


class JobsClient:
    """The jobs of one tool. `public_url` is the tool's web address."""

    def __init__(self, api: ApiClient, prefix: str, public_url: str) -> None:
        self._api = api
        self._prefix = prefix
        self.public_url = public_url

    @classmethod
    def open(cls, session: Session) -> JobsClient:
        """Return the client for the tool of the session. Nothing connects yet."""
        config = session.config("jobs", JobsSettings)
        settings = config.section(JobsSettings)
        tool = session.account.tool
        return cls(
            session.api(config, "jobs", settings.timeout),
            prefix=f"{settings.jobs_endpoint.rstrip('/')}/tool/{segment(tool)}",
            public_url=settings.public_url(tool),
        )

    def create(self, new_job: Mapping[str, Any]) -> Job:
        """Create the job and return it. Raises what the service refuses it for."""
        return _job(self._api.post(f"{self._prefix}/jobs/", new_job)["job"])

    def list(self) -> Sequence[Job]:
        """Return all jobs of the tool."""
        return [_job(wire) for wire in self._api.get(f"{self._prefix}/jobs/")["jobs"]]

    def get(self, name: str) -> Job:
        """Return the job. Raises NotFound if there is none of that name."""
        return _job(self._api.get(self._path(name))["job"])

    def delete(self, name: str) -> None:
        """Remove the job. Raises NotFound if there is none of that name."""
        self._api.delete(self._path(name))

    def flush(self) -> None:
        """Remove all jobs of the tool."""
        self._api.delete(f"{self._prefix}/jobs/")

    def restart(self, name: str) -> None:
        """Restart a continuous job, run a scheduled one now. Raises NotFound if there is none."""
        self._api.post(f"{self._path(name)}/restart")

    def logs(
        self, name: str, *, last: int | None = None, follow: bool = False
    ) -> Iterator[LogEntry]:
        """Give what the job wrote, oldest first; only the `last` lines if given.

        With `follow`, new lines are given as they are written, until the caller stops. Raises NotFound
        if nothing was written.
        """
        query = {} if last is None else {"lines": str(last)}
        if follow:
            query["follow"] = "true"
        for wire in self._api.lines(f"{self._path(name)}/logs", query, follow=follow):
            yield LogEntry(wire["datetime"], wire["pod"], wire["container"], wire["message"])

    def images(self) -> Sequence[Image]:
        """Return the images that jobs can run in."""
        answer = self._api.get(f"{self._prefix}/images/")
        return [Image(wire["shortname"], wire["image"]) for wire in answer["images"]]

    def _path(self, name: str) -> str:
        """Return the path of one job. Raises InvalidRequest if no job can have that name.

        A path without a name would be that of all jobs.
        """
        return f"{self._prefix}/jobs/{segment(parse_job_name(name))}"


def _job(wire: Mapping[str, Any]) -> Job:
    fields = {key: value for key, value in wire.items() if key in _JOB_FIELDS}
    fields["status"] = _status(wire.get("status") or {})
    return Job(**fields)


def _status(wire: Mapping[str, Any]) -> Status:
    fields = {key: value for key, value in wire.items() if key in _STATUS_FIELDS}
    return Status(**{**fields, "messages": tuple(fields.get("messages") or ())})
