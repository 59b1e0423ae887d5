"""The image catalogue, and what this machine runs in an image's place.

Pods see the host's `/usr`, whatever image they name. Where that is not what the image promises,
`Image.substitute` says so in a sentence; nothing is replaced silently.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import re
import subprocess
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from toolforge_runtime.ports import Image

# Pods see only the host's own programs, not what the platform's user has on PATH.
_HOST_PROGRAMS = Path("/usr/bin")
# Where a program does not know --version, or prints the version in words of its own.
_VERSION_SCRIPTS = {
    "tclsh": ("-c", "puts $tcl_version"),
    "go": ("version",),
    "perl": ("-e", "print substr($^V, 1)"),
}
_VERSION = re.compile(r"\d+(?:\.\d+)+")


@dataclasses.dataclass(frozen=True, slots=True)
class Host:
    """What a machine can stand in for: its release's code name, and programs with their versions."""

    release: str
    pretty_name: str
    versions: Mapping[str, str]

    @classmethod
    def inspect(cls, programs: set[str]) -> Host:
        """Ask this machine. A program that is not there, or does not say its version, is left out."""
        facts = _os_release()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            found = dict(zip(programs, pool.map(_version, programs), strict=True))
        return cls(
            release=facts.get("VERSION_CODENAME", ""),
            pretty_name=facts.get("PRETTY_NAME", "this machine's system"),
            versions={name: version for name, version in found.items() if version},
        )


def load_catalogue(host: Host | None = None) -> tuple[Image, ...]:
    """Return the images of the catalogue by name, each with what `host` (default: this machine) runs instead."""
    text = resources.files("toolforge_runtime.local").joinpath("images.yaml").read_text("utf-8")
    document = yaml.safe_load(text)
    entries: dict[str, dict[str, Any]] = document["images"]
    needed = {entry["needs"]["program"] for entry in entries.values() if "needs" in entry}
    host = host or Host.inspect(needed)
    return tuple(
        _image(name, entries[name], document["registry"], host) for name in sorted(entries)
    )


def _image(name: str, entry: Mapping[str, Any], registry: str, host: Host) -> Image:
    state = entry.get("state", "stable")
    return Image(
        name=name,
        reference=f"{registry}/{entry['path']}:latest",
        aliases=_aliases(name, entry["path"], state),
        state=state,
        substitute=_substitute(name, entry, host),
    )


def _aliases(name: str, path: str, state: str) -> tuple[str, ...]:
    flat = name.replace(".", "")
    aliases = [
        f"tf-{flat}",
        f"toolforge-{flat}",
        f"toolforge-{flat}-sssd-base",
        f"toolforge-{flat}-sssd-web",
    ]
    if state == "deprecated":
        aliases.append(f"tf-{flat}-DEPRECATED")
    return tuple(dict.fromkeys([*aliases, path]))


def _substitute(name: str, entry: Mapping[str, Any], host: Host) -> str:
    if "os" in entry:
        if entry["os"] == host.release:
            return ""
        return f"the image {name!r} is not on this machine; jobs run on {host.pretty_name} instead"
    program, wanted = entry["needs"]["program"], entry["needs"]["version"]
    present = host.versions.get(program)
    if present is None:
        return f"the image {name!r} is not on this machine, and the machine has no {program}"
    if present == wanted or present.startswith(f"{wanted}."):
        return ""
    return f"the image {name!r} is not on this machine; jobs run {program} {present} instead"


def _version(program: str) -> str:
    path = _HOST_PROGRAMS / program
    if not path.exists():
        return ""
    try:
        result = subprocess.run(
            [path, *_VERSION_SCRIPTS.get(program, ("--version",))],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = _VERSION.search(result.stdout or result.stderr)
    return match[0] if match else ""


def _os_release() -> dict[str, str]:
    try:
        lines = Path("/etc/os-release").read_text("utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key: value.strip('"') for key, _, value in pairs}
