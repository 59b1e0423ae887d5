"""Names of tools and jobs: their grammar, and the names derived from them."""

from __future__ import annotations

import re
from typing import NewType

from toolforge_common.errors import InvalidRequest

ToolName = NewType("ToolName", str)
JobName = NewType("JobName", str)
Namespace = NewType("Namespace", str)

NAMESPACE_PREFIX = "tool-"

# Tool accounts have fewer than 54 characters, so that "tool-" and a suffix fit a Kubernetes label value.
_TOOL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,51}[a-z0-9])?")

_LONGEST_JOB_NAME = 52
_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_JOB = re.compile(rf"{_LABEL}(?:[.]{_LABEL})*")


def parse_tool_name(text: str) -> ToolName:
    """Return the text as a tool name. Raises InvalidRequest if it cannot be one."""
    if not _TOOL.fullmatch(text):
        raise InvalidRequest(
            f"{text!r} cannot be the name of a tool",
            hint="use lower-case letters, digits and inner hyphens, at most 53 characters",
        )
    return ToolName(text)


def parse_job_name(text: str) -> JobName:
    """Return the text as the name of a job. Raises InvalidRequest, in the jobs service's words, if it cannot be one."""
    # The length first: the grammar is for short texts.
    if len(text) > _LONGEST_JOB_NAME or not _JOB.fullmatch(text):
        raise InvalidRequest(
            "the name of a job has 1 to 52 characters: lower-case letters, digits, and between them "
            "hyphens and dots",
            hint="choose a name such as my-job",
            doc="https://w.wiki/6YL8",
        )
    return JobName(text)


def namespace_of(tool: ToolName) -> Namespace:
    """Return the namespace that holds the tool's workloads."""
    return Namespace(f"{NAMESPACE_PREFIX}{tool}")


def tool_of(namespace: str) -> ToolName:
    """Return the tool a namespace belongs to. Raises InvalidRequest if it is no tool's."""
    if not namespace.startswith(NAMESPACE_PREFIX):
        raise InvalidRequest(
            f"the namespace {namespace!r} is not a tool's",
            hint="did you forget to run `become <tool>`?",
        )
    return parse_tool_name(namespace[len(NAMESPACE_PREFIX) :])
