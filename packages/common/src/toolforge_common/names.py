"""Names of tools and jobs: their grammar, and the names derived from them."""

from __future__ import annotations

import re
from typing import NewType

from toolforge_common.errors import InvalidRequest

ToolName = NewType("ToolName", str)
Namespace = NewType("Namespace", str)

NAMESPACE_PREFIX = "tool-"

# Tool accounts have fewer than 54 characters, so that "tool-" and a suffix fit a Kubernetes label value.
_TOOL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,51}[a-z0-9])?")


def parse_tool_name(text: str) -> ToolName:
    """Return the text as a tool name. Raises InvalidRequest if it cannot be one."""
    if not _TOOL.fullmatch(text):
        raise InvalidRequest(
            f"{text!r} cannot be the name of a tool",
            hint="use lower-case letters, digits and inner hyphens, at most 53 characters",
        )
    return ToolName(text)


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
