"""How the names of plug-ins begin, as configured."""

from __future__ import annotations

import os

from toolforge_common.config import files

DEFAULT = "toolforge-"


def configured() -> str:
    """Return the prefix of plug-ins. Raises InvalidRequest, naming the file, if a file is wrong."""
    if not any(map(os.path.exists, files.candidates(_CLIENT))):
        return DEFAULT  # what nobody configured needs no parser
    from toolforge_common.config.client import load_config  # noqa: PLC0415  see above

    return load_config(_CLIENT).dispatcher.toolforge_prefix


_CLIENT = "toolforge"
