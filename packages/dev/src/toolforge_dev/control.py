"""The platform as its owner sees it: describes it, makes and removes tools. Implements `admin.Control`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog

from toolforge_common.errors import Conflict, NotFound
from toolforge_common.names import ToolName, parse_tool_name
from toolforge_dev.presence import RUNNING, STOPPING
from toolforge_runtime.ports import PodPhase, Ports, Tool, WorkloadObservation

logger = structlog.get_logger(__name__)

_LIVING = frozenset({PodPhase.PENDING, PodPhase.RUNNING})


class Forgetful(Protocol):
    """What an adapter offers beyond its port: to forget a tool."""

    def forget_tool(self, tool: ToolName, /) -> None:
        """Stop and remove whatever the adapter keeps for the tool. Nothing kept is fine."""


class PlatformControl:
    """Orders from the owner, carried out on the ports. Every method may block."""

    def __init__(
        self,
        ports: Ports,
        keepers: Sequence[Forgetful],
        description: Mapping[str, Any],
        stop: Callable[[bool], None],
        is_stopping: Callable[[], bool],
    ) -> None:
        """`keepers` are asked in their order to forget a tool that is deleted. `description` is what does not change while the platform
        runs; `stop` takes `keep_pods`; `is_stopping` says whether that was wished for.
        """
        self._ports = ports
        self._keepers = keepers
        self._description = description
        self._stop = stop
        self._is_stopping = is_stopping

    def status(self) -> dict[str, Any]:
        """See `Control.status`. A platform that stops says less: its parts end one after another."""
        if self._is_stopping():
            return {**self._description, "pid": os.getpid(), "phase": STOPPING}
        runtime = self._ports.runtime.describe()
        tools = self._ports.tenancy.list()
        return {
            **self._description,
            "pid": os.getpid(),
            "phase": RUNNING,
            "runtime": runtime.name,
            "isolation": runtime.isolation,
            "notes": list(runtime.notes),
            "tools": len(tools),
            "pods": sum(self._living_pods(tool.name) for tool in tools),
        }

    def tools(self) -> list[dict[str, Any]]:
        """See `Control.tools`."""
        self._require_running()
        return [self._describe(tool) for tool in self._ports.tenancy.list()]

    def tool(self, name: str) -> dict[str, Any]:
        """See `Control.tool`."""
        self._require_running()
        return self._describe(self._ports.tenancy.get(parse_tool_name(name)))

    def create_tool(self, name: str) -> dict[str, Any]:
        """See `Control.create_tool`."""
        self._require_running()
        tool = self._ports.tenancy.create(parse_tool_name(name))
        logger.info("tool_created", tool=tool.name, uid=tool.uid)
        return self._describe(tool)

    def delete_tool(self, name: str) -> None:
        """See `Control.delete_tool`.

        The order lets it be done again after a crash: the tool itself goes last. It is disabled first,
        so that nothing new comes while the old goes.
        """
        self._require_running()
        tool = self._ports.tenancy.set_enabled(parse_tool_name(name), enabled=False).name
        for keeper in self._keepers:
            keeper.forget_tool(tool)
        with contextlib.suppress(NotFound):  # somebody else did the same
            self._ports.tenancy.delete(tool)
        logger.info("tool_deleted", tool=tool)

    def stop(self, *, keep_pods: bool) -> None:
        """See `Control.stop`."""
        self._stop(keep_pods)

    def _require_running(self) -> None:
        if self._is_stopping():
            raise Conflict(
                "the platform is stopping",
                hint="`toolforge dev up` waits for its end and starts it again",
            )

    def _describe(self, tool: Tool) -> dict[str, Any]:
        return {
            "name": tool.name,
            "uid": tool.uid,
            "home": str(tool.home),
            "enabled": tool.enabled,
            "created_at": tool.created_at.isoformat(),
            # What a shell of the tool needs to know beside it.
            "gateway_url": self._description["gateway_url"],
            "publish_url_template": self._description["publish_url_template"],
        }

    def _living_pods(self, tool: ToolName) -> int:
        return sum(map(_count_living, self._ports.runtime.list(tool)))


def _count_living(observation: WorkloadObservation) -> int:
    pods = [*observation.pods, *(pod for run in observation.runs for pod in run.pods)]
    return sum(pod.phase in _LIVING for pod in pods)
