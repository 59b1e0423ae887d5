"""The command line of a job's container: the user's command, its output where it belongs."""

from __future__ import annotations

import shlex

from toolforge_common.errors import InvalidRequest
from toolforge_jobs_api.domain.images import ImageKind
from toolforge_jobs_api.domain.jobs import Job

_SHELL = ("/bin/sh", "-c", "--")
# The entry point of images from the build service, which sets up their environment.
_LAUNCHER = "launcher "


def container_command(job: Job) -> tuple[str, ...]:
    """Return what the container runs. Raises InvalidRequest if the command cannot be split into words."""
    command = job.asked.cmd
    if job.image.kind is ImageKind.BUILD_SERVICE:
        command = _LAUNCHER + command.removeprefix(_LAUNCHER)
        if not job.filelog:
            # Without a shell around it, so that signals reach the program.
            return _split(command)
    return (*_SHELL, _redirections(job) + command)


def _redirections(job: Job) -> str:
    if job.stdout is None or job.stderr is None:
        return ""
    # Appending, since runs of a job share its files.
    return f"exec 1>>{shlex.quote(str(job.stdout))};exec 2>>{shlex.quote(str(job.stderr))};"


def _split(command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise InvalidRequest(
            f"the command cannot be split into words: {error}",
            hint="close every quotation mark, or escape it with a backslash",
        ) from error
