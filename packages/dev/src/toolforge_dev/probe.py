"""Tries out, in a process of its own, how well this machine keeps pods apart: `python -m toolforge_dev.probe`.

The runtime decides by running a pod, not by asking for versions; so does this, in a state folder that is
removed again. Prints what it found as JSON.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from toolforge_common.errors import ToolforgeError
from toolforge_runtime.local.cgroups import Group
from toolforge_runtime.local.isolation import Isolation, find_isolation
from toolforge_runtime.local.launching import Launcher
from toolforge_runtime.local.spawning import Spawner
from toolforge_runtime.local.state import StateFolder


def main() -> int:
    """Print the isolation level with its notes, or why there is none."""
    spawner = Spawner()
    try:
        with tempfile.TemporaryDirectory(prefix="toolforge-") as folder:
            found = _try(Path(folder) / "state", spawner)
    finally:
        spawner.close()
    sys.stdout.write(json.dumps(found))
    return 0


def _try(root: Path, spawner: Spawner) -> dict[str, Any]:
    state = StateFolder(root)
    try:
        isolation = find_isolation(state, Launcher(spawner))
    except ToolforgeError as error:
        return {"error": error.message, "hint": error.hint}
    finally:
        state.close()
    _clean_up(isolation)
    return {"isolation": isolation.name, "notes": isolation.notes}


def _clean_up(isolation: Isolation) -> None:
    if isolation.limits is not None:
        with contextlib.suppress(OSError):  # an empty group does no harm
            Group(isolation.limits.parents).remove()


if __name__ == "__main__":
    sys.exit(main())
