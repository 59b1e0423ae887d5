"""What a tool may use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolforge_common.errors import Unsupported


class QuotaHandlers:
    """Answers about quotas."""

    def get_quotas(self, toolname: str) -> Mapping[str, Any]:
        """Raise Unsupported: runtimes do not tell what a tool may use yet."""
        raise Unsupported(
            f"the quotas of the tool {toolname} cannot be shown yet",
            hint="see the jobs that count towards them with `toolforge jobs list`",
        )
