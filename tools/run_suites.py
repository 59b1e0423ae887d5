#!/usr/bin/env python3
"""Run tox environments one after the other, and sum them up. `tools/test` calls this.

As root, the suites that start pods run a second time as an ordinary user: most people are one, and
for them pods are made in another way.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOX = [sys.executable, "-m", "tox"]
PYTEST_CLOSING = re.compile(
    r"^=*\s*(\d+ (?:passed|failed|error|skipped|deselected).* in [\d.]+s.*?)\s*=*$"
)

# Folder of the environment and tests of the suites to which it matters who runs them.
TWICE = {
    "contract": ("contract", "tests/packaging/test_bootstrap.py"),
    "runtime": ("runtime", "packages/runtime"),
    "dev": ("dev", "packages/dev"),
    "e2e": ("e2e", "tests/e2e"),
}


@dataclasses.dataclass(frozen=True)
class Result:
    """How a suite ended; `closing` is pytest's last word, if it was pytest."""

    name: str
    passed: bool
    seconds: float
    closing: str

    def __str__(self) -> str:
        word = "ok" if self.passed else "FAILED"
        return f"{self.name:<24} {word:<6} {self.seconds:7.1f} s  {self.closing}".rstrip()


def main() -> int:
    """Run what is asked for."""
    environments = tomllib.loads((ROOT / "tox.toml").read_text(encoding="utf-8"))["env_list"]
    parser = argparse.ArgumentParser(prog="tools/test", description="Run the test suites.")
    parser.add_argument("environments", nargs="*", metavar="environment", default=environments)
    chosen = parser.parse_args().environments
    if unknown := sorted(set(chosen) - set(environments)):
        parser.error(f"there is no environment {unknown[0]}; there are {', '.join(environments)}")
    results = [prepare(chosen)]
    results += [result for name in chosen for result in run_environment(name)]
    print("\n== summary", *map(str, results), sep="\n")
    failed = [result.name for result in results if not result.passed]
    total = sum(result.seconds for result in results)
    outcome = f"{len(failed)} failed: {', '.join(failed)}" if failed else "all passed"
    print(f"{len(results)} steps in {total:.0f} s, {outcome}")
    return 1 if failed else 0


def prepare(names: list[str]) -> Result:
    """Install what the environments need, several at a time; tests then have the machine to themselves."""
    options = ["--notest", "--parallel", "auto", "--parallel-no-spinner", "--colored", "no", "-q"]
    return run("prepare", [*TOX, "run-parallel", *options, "-e", ",".join(names)])


def run_environment(name: str) -> list[Result]:
    """Run one environment, as root also what of it an ordinary user runs."""
    results = [run(name, [*TOX, "run", "--colored", "no", "-q", "-e", name])]
    if name in TWICE and os.geteuid() == 0:
        folder, tests = TWICE[name]
        # tox makes it private.
        (ROOT / ".tox").chmod(0o755)
        pytest = ROOT / ".tox" / folder / "bin" / "pytest"
        as_user = str(ROOT / "tools" / "as-user")
        results.append(run(f"{name} as ordinary user", [as_user, str(pytest), tests, "-q"]))
    return results


def run(name: str, command: list[str]) -> Result:
    """Run a command, show what it prints, and remember how it ended."""
    print(f"\n== {name}", flush=True)
    begin = time.monotonic()
    closing = ""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101  asked for in the line above
        for line in process.stdout:
            print(line, end="", flush=True)
            if match := PYTEST_CLOSING.match(line):
                closing = match[1]
    return Result(name, process.returncode == 0, time.monotonic() - begin, closing)


if __name__ == "__main__":
    sys.exit(main())
