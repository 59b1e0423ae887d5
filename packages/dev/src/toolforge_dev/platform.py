"""The process of a platform: `python -m toolforge_dev.platform SETTINGS`.

It takes the state folder, starts the spawner while it is still small, and only then imports and starts
the rest (`composition`). Whoever started it learns on the readiness pipe how that went.
"""

from __future__ import annotations

import sys

from toolforge_common.errors import ToolforgeError
from toolforge_dev.readiness import Readiness
from toolforge_dev.settings import Settings
from toolforge_runtime.local.spawning import Spawner
from toolforge_runtime.local.state import StateFolder


def main() -> int:
    """Run the platform that the only argument describes, until it is told to stop."""
    settings = Settings.from_argument(sys.argv[1])
    readiness = Readiness(settings.ready)
    try:
        _run(settings, readiness)
    except ToolforgeError as error:
        readiness.failed(error)
        return 1
    return 0


def _run(settings: Settings, readiness: Readiness) -> None:
    state = StateFolder(settings.state)
    try:
        spawner = Spawner()
        try:
            # Half a second of imports, which the spawner must not carry and a taken folder not wait for.
            from toolforge_dev import composition  # noqa: PLC0415  as said above

            composition.run(settings, state, spawner, readiness)
        finally:
            spawner.close()
    finally:
        state.close()


if __name__ == "__main__":
    sys.exit(main())
