"""The use cases of jobs.

Scheduled and continuous jobs are kept as records, which are the truth, and handed to the runtime; one-off
jobs live in the runtime alone, with what was asked for written on the workload. What the runtime
has beyond that is nobody's job: it is not shown, and makes room when its name is wanted.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import datetime
import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

import structlog

from toolforge_common.errors import Conflict, InvalidRequest, NotFound, ToolforgeError
from toolforge_common.names import ToolName
from toolforge_jobs_api.domain.images import Catalogue
from toolforge_jobs_api.domain.jobs import JobType, NewJob, no_such_job
from toolforge_jobs_api.domain.mapping import (
    from_annotation,
    from_record,
    is_job,
    to_record,
    to_workload,
)
from toolforge_jobs_api.domain.resolution import (
    ContainerLimits,
    accept,
    require_startable,
    resolve,
)
from toolforge_jobs_api.domain.status import Short, derive_status
from toolforge_jobs_api.domain.views import JobView, notes_on, unknown_view, view_of
from toolforge_runtime.ports import (
    Image,
    Runtime,
    Store,
    Workload,
    WorkloadKind,
    WorkloadObservation,
)

logger = structlog.get_logger()

# The names of these kinds of records; one-off jobs have none.
RECORDS: Mapping[JobType, str] = {
    JobType.SCHEDULED: "scheduled-jobs",
    JobType.CONTINUOUS: "continuous-jobs",
}
# Deleting is waiting for pods to end, so many may wait at once.
_DELETERS = 32


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """What an installation decides: `default_cpu_limit` is what jobs get that do not ask for CPU."""

    default_cpu_limit: Decimal = Decimal(1)
    limits: ContainerLimits = dataclasses.field(default_factory=ContainerLimits)


class JobService:
    """Creates, shows, restarts and deletes the jobs of tools."""

    def __init__(
        self,
        runtime: Runtime,
        store: Store,
        clock: Callable[[], datetime.datetime],
        rules: Rules,
    ) -> None:
        self._runtime = runtime
        self._store = store
        self._clock = clock
        self._rules = rules
        # Looking for a free web address and taking it must be one step.
        self._publishing = threading.Lock()

    def create(self, tool: ToolName, new_job: NewJob) -> tuple[JobView, Sequence[str]]:
        """Create a job and hand it to the runtime; return it and what its owner should know.

        Raises InvalidRequest or Unsupported for what cannot be, Conflict if there is a job of that name
        that has not completed. What could not be started leaves nothing behind.
        """
        asked = accept(new_job, self._rules.limits)
        image = self._catalogue().require(asked.imagename)
        job = resolve(tool, dataclasses.replace(asked, imagename=image.name), image)
        require_startable(job)
        workload = to_workload(job, self._rules.default_cpu_limit)
        with self._address(workload):
            self._make_room(tool, job.name)
            with self._kept(tool, job.asked):
                self._place(workload, job.job_type)
        logger.info("job_created", job=job.name, job_type=job.job_type)
        try:
            view = self.get(tool, job.name)
        except ToolforgeError:
            # It is created, whatever the runtime says about it at this moment.
            view = unknown_view(tool, job.asked)
        return view, notes_on(job)

    def list(self, tool: ToolName) -> Sequence[JobView]:
        """Return all jobs of the tool, by name. If the runtime does not answer, their status is unknown."""
        stored = self._stored(tool)
        try:
            seen = {one.workload.name: one for one in self._runtime.list(tool)}
            catalogue = self._catalogue()
        except Exception:  # people must see their jobs, whatever is wrong with the runtime
            logger.exception("runtime_does_not_answer")
            return [unknown_view(tool, stored[name]) for name in sorted(stored)]
        asked = {**stored, **_one_offs(seen)}
        view = functools.partial(self._view, tool, catalogue)
        return [view(asked[name], seen.get(name)) for name in sorted(asked)]

    def get(self, tool: ToolName, name: str) -> JobView:
        """Return the job. Raises NotFound if there is none."""
        stored = self._stored_one(tool, name)
        try:
            seen = self._observe(tool, name)
            catalogue = self._catalogue()
        except Exception:  # see above, unless it is the runtime alone that would know the job
            if stored is None:
                raise
            logger.exception("runtime_does_not_answer")
            return unknown_view(tool, stored)
        asked = _one_off(seen) or stored
        if asked is None:
            raise NotFound(no_such_job(name), hint="toolforge jobs list")
        return self._view(tool, catalogue, asked, seen)

    def delete(self, tool: ToolName, name: str) -> None:
        """Forget the job and end what runs of it. Raises NotFound if there is none."""
        if self._find(tool, name) is None:
            raise NotFound(no_such_job(name), hint="toolforge jobs list")
        self._forget(tool, name)
        self._runtime.delete(tool, name)
        logger.info("job_deleted", job=name)

    def flush(self, tool: ToolName) -> None:
        """Delete all jobs of the tool, and what the runtime has left over of former ones."""
        for name in self._stored(tool):
            self._forget(tool, name)
        names = [one.workload.name for one in self._runtime.list(tool) if is_job(one.workload)]
        with concurrent.futures.ThreadPoolExecutor(_DELETERS) as pool:
            deletions = [pool.submit(self._runtime.delete, tool, name) for name in names]
        for deletion in deletions:
            deletion.result()
        logger.info("jobs_flushed", count=len(names))

    def restart(self, tool: ToolName, name: str) -> None:
        """Start a continuous job anew, run a scheduled one now.

        What the runtime has lost is created again. Raises NotFound if there is no such job,
        InvalidRequest for a one-off job.
        """
        asked = self._find(tool, name)
        if asked is None:
            raise NotFound(no_such_job(name), hint="toolforge jobs list")
        if asked.job_type is JobType.ONE_OFF:
            raise InvalidRequest(
                f"Job '{name}' is a one-off job and cannot be restarted",
                hint="delete it and create it again",
            )
        self._restart(tool, asked)
        logger.info("job_restarted", job=name)

    def images(self) -> Sequence[Image]:
        """Return the images that jobs can run in, by name."""
        return self._catalogue().advertised()

    def _restart(self, tool: ToolName, asked: NewJob) -> None:
        try:
            self._runtime.restart(tool, asked.name)
        except NotFound:
            image = self._catalogue().require(asked.imagename)
            workload = to_workload(resolve(tool, asked, image), self._rules.default_cpu_limit)
            self._runtime.create(workload)
            if asked.job_type is JobType.SCHEDULED:
                self._runtime.restart(tool, asked.name)

    def _catalogue(self) -> Catalogue:
        return Catalogue(self._runtime.images())

    def _view(
        self,
        tool: ToolName,
        catalogue: Catalogue,
        asked: NewJob,
        seen: WorkloadObservation | None,
    ) -> JobView:
        job = resolve(tool, asked, catalogue.find(asked.imagename))
        workload = to_workload(job, self._rules.default_cpu_limit)
        return view_of(job, workload, seen, self._clock())

    # --- who has a name -----------------------------------------------------------------------------

    def _find(self, tool: ToolName, name: str) -> NewJob | None:
        return self._stored_one(tool, name) or _one_off(self._observe(tool, name))

    def _stored(self, tool: ToolName) -> Mapping[str, NewJob]:
        kinds = RECORDS.values()
        records = (record for kind in kinds for record in self._store.list(tool, kind))
        return {record.name: from_record(record.data) for record in records}

    def _stored_one(self, tool: ToolName, name: str) -> NewJob | None:
        for kind in RECORDS.values():
            with contextlib.suppress(NotFound):
                return from_record(self._store.get(tool, kind, name).data)
        return None

    def _observe(self, tool: ToolName, name: str) -> WorkloadObservation | None:
        try:
            return self._runtime.get(tool, name)
        except NotFound:
            return None

    # --- taking and leaving it ----------------------------------------------------------------------

    @contextlib.contextmanager
    def _address(self, workload: Workload) -> Iterator[None]:
        """Hold the tool's web address while a published job is created. Raises InvalidRequest if it is taken."""
        if not workload.published:
            yield
            return
        with self._publishing:
            stored = self._stored(workload.tool)
            holders = {name for name, asked in stored.items() if asked.publish}
            seen = self._runtime.list(workload.tool)
            holders |= {one.workload.name for one in seen if one.workload.published}
            for holder in sorted(holders - {workload.name}):
                raise InvalidRequest(
                    "the host name and path of the tool are already in use by another public job "
                    f"or webservice: '{holder}'",
                    hint=f"delete '{holder}' first, or create this job without --publish",
                )
            yield

    def _make_room(self, tool: ToolName, name: str) -> None:
        """Remove a one-off job of that name if it has completed. Raises Conflict if there is another job."""
        seen = self._observe(tool, name)
        if self._stored_one(tool, name) is not None:
            raise _taken(name)
        if seen is None or _one_off(seen) is None:
            return
        if derive_status(seen, self._clock()).short is not Short.SUCCEEDED:
            raise _taken(name)
        self._runtime.delete(tool, name)

    @contextlib.contextmanager
    def _kept(self, tool: ToolName, asked: NewJob) -> Iterator[None]:
        """Keep what was asked for, and forget it again if it cannot be carried out."""
        kind = RECORDS.get(asked.job_type)
        if kind is None:
            yield
            return
        try:
            self._store.create(tool, kind, asked.name, to_record(asked))
        except Conflict as error:
            raise _taken(asked.name) from error
        with contextlib.ExitStack() as undo:
            undo.callback(self._forget, tool, asked.name, [kind])
            yield
            undo.pop_all()

    def _place(self, workload: Workload, job_type: JobType) -> None:
        """Hand the workload to the runtime, in place of a left-over one of its name."""
        try:
            self._runtime.create(workload)
        except Conflict as error:
            if self._is_anothers(workload, job_type):
                raise _taken(workload.name) from error
            self._runtime.delete(workload.tool, workload.name)
            self._runtime.create(workload)
        except ToolforgeError:
            # A runtime may have made a part of it. If it cannot take that back either, the first error tells more.
            with contextlib.suppress(ToolforgeError):
                self._runtime.delete(workload.tool, workload.name)
            raise

    def _is_anothers(self, workload: Workload, job_type: JobType) -> bool:
        """Whether somebody else created a job of that name since the name was free."""
        if _one_off(self._observe(workload.tool, workload.name)) is not None:
            return True
        others = (kind for other, kind in RECORDS.items() if other is not job_type)
        return any(
            record.name == workload.name
            for kind in others
            for record in self._store.list(workload.tool, kind)
        )

    def _forget(
        self, tool: ToolName, name: str, kinds: Iterable[str] = tuple(RECORDS.values())
    ) -> None:
        for kind in kinds:
            with contextlib.suppress(NotFound):
                self._store.delete(tool, kind, name)


def _taken(name: str) -> Conflict:
    return Conflict(
        f"a job with the name '{name}' already exists",
        hint=f"delete it first with `toolforge jobs delete {name}`, or choose another name",
    )


def _one_off(seen: WorkloadObservation | None) -> NewJob | None:
    """Return the one-off job that a workload is, None if it is none."""
    if seen is None or seen.workload.kind is not WorkloadKind.RUN_TO_COMPLETION:
        return None
    return from_annotation(seen.workload) if is_job(seen.workload) else None


def _one_offs(seen: Mapping[str, WorkloadObservation]) -> Mapping[str, NewJob]:
    found = ((name, _one_off(one)) for name, one in seen.items())
    return {name: asked for name, asked in found if asked is not None}
