"""What `toolforge dev` prints: pure functions from what the platform says to text."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

from toolforge_common.cli import tables


def as_json(value: Any) -> str:
    """Return the value as JSON that people can read, too."""
    return json.dumps(value, indent=4, sort_keys=True)


def status(description: Mapping[str, Any], now: datetime.datetime) -> str:
    """Return what a running platform says about itself."""
    started = datetime.datetime.fromisoformat(description["started_at"])
    rows = [
        ("State", description["phase"]),
        ("Gateway", description["gateway_url"]),
        ("Web traffic", description["routes_url"]),
        ("Up for", duration((now - started).total_seconds())),
        ("Process", str(description["pid"])),
        ("Version", description["version"]),
        ("State folder", description["state"]),
        # These are not told any more by a platform that stops.
        *(
            (name.capitalize(), str(description[name]))
            for name in ("runtime", "isolation", "tools", "pods")
            if name in description
        ),
    ]
    width = max(len(label) for label, _ in rows) + len(":  ")
    lines = [f"{label + ':':{width}}{value}" for label, value in rows]
    return "\n".join([*lines, *(f"Note: {note}" for note in description.get("notes", ()))])


def tools(listed: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of tools."""
    rows = [
        (
            tool["name"],
            "yes" if tool["enabled"] else "no",
            str(tool["uid"]),
            tool["created_at"],
            tool["home"],
        )
        for tool in listed
    ]
    return tables.simple(["Tool", "Enabled", "Number", "Created", "Home"], rows)


def duration(seconds: float) -> str:
    """Return a time span in its two largest units: `3d 4h`, `2m 5s`."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def checks(found: Sequence[Mapping[str, str]]) -> str:
    """Return the findings of the doctor, each with what to type where something is to be done."""
    lines = []
    for check in found:
        lines.append(f"{check['level']:5}{check['name']}: {check['text']}")
        if check["fix"]:
            lines.append(f"       -> {check['fix']}")
    return "\n".join(lines)
