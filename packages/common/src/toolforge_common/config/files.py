"""Which configuration files there are, and their contents put together.

A later file replaces whole top-level sections of an earlier one:

    1. /etc/toolforge/<client>.yaml
    2. /etc/toolforge/common.yaml
    3. ~/.toolforge.yaml
    4. ~/.config/toolforge.yaml
    5. $XDG_CONFIG_HOME/toolforge.yaml
"""

from __future__ import annotations

import os

from toolforge_common.errors import InvalidRequest

TYPE_CHECKING = False  # see cli.program: this is on the way of every command
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

SYSTEM_FOLDER = "/etc/toolforge"

BECOME_HINT = (
    "did you forget to run `become <tool>`? On your own machine, `toolforge dev shell TOOL` "
    "opens a shell that has everything"
)


def candidates(client_name: str, system_folder: str = SYSTEM_FOLDER) -> list[str]:
    """Return the files that configure the client, the strongest last, whether they exist or not."""
    files = [
        f"{system_folder}/{client_name}.yaml",
        f"{system_folder}/common.yaml",
        "~/.toolforge.yaml",
        "~/.config/toolforge.yaml",
    ]
    if os.environ.get("XDG_CONFIG_HOME"):
        files.append("$XDG_CONFIG_HOME/toolforge.yaml")
    return [expand(file) for file in files]


def expand(path: str) -> str:
    """Return the path with `~` and `$VARIABLES` filled in, absolute."""
    return os.path.abspath(os.path.expanduser(os.path.expandvars(path)))


def merge(files: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the sections of all files that exist, and which file each section is from.

    Raises InvalidRequest, naming the file, if one cannot be read.
    """
    sections: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for file in files:
        if os.path.exists(file):
            content = read_yaml(file)
            sections.update(content)
            origins.update(dict.fromkeys(content, file))
    return sections, origins


def read_yaml(file: str) -> dict[Any, Any]:
    """Return the mapping in a YAML file; an empty file is an empty one.

    Raises InvalidRequest, naming the file, if it cannot be read or holds something else.
    """
    import yaml  # noqa: PLC0415  only when the cache is out of date

    try:
        with open(file, "rb") as stream:
            content = yaml.safe_load(stream)
    except OSError as error:
        raise InvalidRequest(f"cannot read {file}: {error.strerror}", hint=BECOME_HINT) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place else ""
        raise InvalidRequest(
            f"{file} is not valid YAML{where}", hint="mend the file or move it away"
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InvalidRequest(
            f"{file} must be a mapping with `key: value` lines",
            hint="mend the file or move it away",
        )
    return content
