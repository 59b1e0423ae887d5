"""Whether the service works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolforge_runtime.ports import Runtime


class HealthHandlers:
    """Answers those who watch over the service."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def healthz(self) -> Mapping[str, Any]:
        """Say that the service works, if its runtime answers."""
        self._runtime.describe()
        return {"health": {"status": "OK", "message": "OK"}, "messages": {}}
