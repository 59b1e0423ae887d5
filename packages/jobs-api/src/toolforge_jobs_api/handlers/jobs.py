"""Jobs: created, shown, restarted, deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from toolforge_common.errors import Unsupported
from toolforge_common.names import ToolName
from toolforge_jobs_api.domain.service import JobService
from toolforge_jobs_api.schemas import dump_job, load_new_job

Answer = Mapping[str, Any]


class JobHandlers:
    """Answers about the jobs of a tool."""

    def __init__(self, service: JobService) -> None:
        self._service = service

    def list_jobs(self, toolname: str, *, include_unset: bool) -> Answer:
        """Return all jobs."""
        views = self._service.list(ToolName(toolname))
        warnings = [warning for view in views for warning in view.warnings]
        return {
            "jobs": [dump_job(view, include_unset=include_unset) for view in views],
            "messages": _messages(warnings, complete=include_unset),
        }

    def create_job(self, toolname: str, body: Mapping[str, Any]) -> tuple[Answer, int]:
        """Create a job."""
        view, notes = self._service.create(ToolName(toolname), load_new_job(body))
        answer = {
            "job": dump_job(view, include_unset=True),
            "messages": _messages([*notes, *view.warnings]),
        }
        return answer, 201

    def create_job_as_of_old(self, toolname: str, body: Mapping[str, Any]) -> tuple[Answer, int]:
        """Create a job."""
        return self.create_job(toolname, body)

    def update_job(self, toolname: str, body: Mapping[str, Any]) -> Answer:
        """Raise Unsupported: jobs cannot be changed yet."""
        raise Unsupported(
            f"jobs of the tool {toolname} cannot be updated yet",
            hint=f"delete the job {body.get('name', 'webservice')} and create it again",
        )

    def flush_jobs(self, toolname: str) -> Answer:
        """Delete all jobs."""
        self._service.flush(ToolName(toolname))
        return {"messages": _messages([])}

    def get_job(self, toolname: str, name: str, *, include_unset: bool) -> Answer:
        """Return one job."""
        view = self._service.get(ToolName(toolname), name)
        return {
            "job": dump_job(view, include_unset=include_unset),
            "messages": _messages(view.warnings, complete=include_unset),
        }

    def delete_job(self, toolname: str, name: str) -> Answer:
        """Delete one job."""
        self._service.delete(ToolName(toolname), name)
        return {"messages": _messages([])}

    def restart_job(self, toolname: str, name: str) -> Answer:
        """Start a job anew."""
        self._service.restart(ToolName(toolname), name)
        return {"messages": _messages([])}


def _messages(warnings: Iterable[str], *, complete: bool = True) -> Mapping[str, list[str]]:
    """Return the envelope: `complete` with every list, else with those that have something in them."""
    messages: dict[str, list[str]] = {"info": [], "warning": list(warnings), "error": []}
    return messages if complete else {kind: texts for kind, texts in messages.items() if texts}
