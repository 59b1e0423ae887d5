"""What the contract of runtimes tries: small workloads, and how to wait for what becomes of them.

Programs of these tests need nothing but a shell's `echo`, `exit`, `true` and `sleep`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from toolforge_common.names import ToolName
from toolforge_runtime.ports import (
    Container,
    PodObservation,
    Resources,
    RunObservation,
    Runtime,
    Schedule,
    Workload,
    WorkloadKind,
)

DEMO, OTHER, NOBODY = ToolName("demo"), ToolName("other"), ToolName("nobody")

RESOURCES = Resources(2**26, 2**27, Decimal("0.1"), Decimal(1))
NEVER = Schedule("0 0 31 2 *")
FOREVER = "sleep 1000"


def one_off(name: str, script: str, **more: Any) -> Workload:
    """Return a workload that runs the script once."""
    return _workload(name, script, WorkloadKind.RUN_TO_COMPLETION, **more)


def scheduled(name: str, script: str, **more: Any) -> Workload:
    """Return a workload that runs the script when it is asked to."""
    return _workload(name, script, WorkloadKind.SCHEDULED, **{"schedule": NEVER, **more})


def continuous(name: str, script: str, **more: Any) -> Workload:
    """Return a workload that keeps the script running."""
    return _workload(name, script, WorkloadKind.CONTINUOUS, **more)


def _workload(name: str, script: str, kind: WorkloadKind, **more: Any) -> Workload:
    container = Container(
        image="bookworm",
        command=("/bin/sh", "-c", "--", script),
        resources=RESOURCES,
        ports=more.pop("ports", ()),
    )
    defaults: dict[str, Any] = {"tool": DEMO, "ttl_after_finished": None, **more}
    return Workload(name=name, kind=kind, container=container, **defaults)


class RuntimeTrials:
    """How the tests of every runtime get one, and wait for what it does."""

    patience = 30.0

    @pytest.fixture
    def runtime(self) -> Runtime:
        """Give a runtime without workloads."""
        raise NotImplementedError

    def pass_time(self, runtime: Runtime) -> None:
        """Let a moment pass; a runtime with a clock of its own moves it."""
        time.sleep(0.01)

    def until(self, runtime: Runtime, condition: Callable[[], Any]) -> Any:
        """Wait until the condition gives something true, and return that."""
        deadline = time.monotonic() + self.patience
        while not (result := condition()):
            assert time.monotonic() < deadline, "it did not come true"
            self.pass_time(runtime)
        return result

    def finished(self, runtime: Runtime, name: str) -> RunObservation:
        """Wait until the newest run of the workload has finished, and return it."""

        def newest() -> RunObservation | None:
            runs = runtime.get(DEMO, name).runs
            return runs[0] if runs and runs[0].finished_at is not None else None

        run: RunObservation = self.until(runtime, newest)
        return run

    def available(self, runtime: Runtime, name: str, count: int) -> tuple[PodObservation, ...]:
        """Wait until so many pods of a continuous workload are available, and return them."""
        self.until(runtime, lambda: runtime.get(DEMO, name).available == count)
        return runtime.get(DEMO, name).pods
