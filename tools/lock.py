#!/usr/bin/env python3
"""Write ci/constraints.txt, the one lock: every version of what our packages and tools need.

Run it with the oldest Python we support, so that what it finds also installs on newer ones::

    .venv/bin/python tools/lock.py            # take the newest versions that fit together
    .venv/bin/python tools/lock.py --keep     # keep what is locked, add what is missing, drop the rest
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "ci" / "constraints.txt"
OLDEST_PYTHON = (3, 11)
HEADER = """\
# The one lock. Written by tools/lock.py; every environment obeys it through PIP_CONSTRAINT.
"""


def main() -> int:
    """Resolve everything together and write the lock."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="keep versions that are locked already")
    keep = parser.parse_args().keep
    if sys.version_info[:2] != OLDEST_PYTHON:
        sys.exit("lock with Python {}.{}, the oldest we support".format(*OLDEST_PYTHON))
    LOCK.write_text(render(resolve(keep=keep)), encoding="utf-8")
    return 0


def resolve(*, keep: bool) -> dict[str, str]:
    """Return the version of each distribution that is not ours, by normalised name."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"]
        command += ["--ignore-installed", "--report", str(report)]
        command += ["--requirement", str(ROOT / "ci" / "requirements" / "dev.txt")]
        command += foreign_requirements()
        if keep:
            command += ["--constraint", str(LOCK)]
        subprocess.run(command, check=True, env=_environment())
        return versions(json.loads(report.read_text(encoding="utf-8")))


def foreign_requirements() -> list[str]:
    """Return what our packages require, with their extras, except one another."""
    required: set[str] = set()
    for path in ROOT.glob("packages/*/pyproject.toml"):
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        extras = project.get("optional-dependencies", {}).values()
        required.update(project["dependencies"], *extras)
    return sorted(text for text in required if not text.startswith("toolforge-"))


def versions(report: dict[str, Any]) -> dict[str, str]:
    """Read pip's report: the version of each distribution, by normalised name."""
    found = [item["metadata"] for item in report["install"]]
    return dict(sorted((normalise(item["name"]), item["version"]) for item in found))


def normalise(name: str) -> str:
    """Write the name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def render(locked: dict[str, str]) -> str:
    """Return the text of the lock."""
    return HEADER + "".join(f"{name}=={version}\n" for name, version in locked.items())


def _environment() -> dict[str, str]:
    """Return our environment without a constraint that would hold the resolution to the old lock."""
    return {name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"}


if __name__ == "__main__":
    sys.exit(main())
