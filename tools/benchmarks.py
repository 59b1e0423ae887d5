#!/usr/bin/env python3
"""Measure what users wait for, against its budget. `tools/bench` calls this with the Python of .venv.

A machine's speed drifts by more than what we want to see. So a command is never timed alone: each of
its runs has a run of `python -c pass` beside it, in alternating order, and what counts is the median
of the ratios.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from trial_platform import TOOLFORGE, TrialPlatform, trial_platform

BASELINE = [sys.executable, "-c", "pass"]
JOBS = 20
TOOL = "bench"
HERE = Path(__file__).resolve().parent
# This script, called to time a command in the shell of a tool.
INSIDE = [sys.executable, str(HERE / "benchmarks.py"), "--inside"]
# Starting a platform takes seconds, not milliseconds: a few starts say enough.
PAIRS_PER_START = 6
FEWEST_STARTS = 3


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table: what was measured, in which unit, and what it may be at most."""

    name: str
    values: Sequence[float]
    unit: str
    budget: float
    note: str = ""

    @property
    def median(self) -> float:
        """The middle one of the values."""
        return statistics.median(self.values)

    @property
    def is_within_budget(self) -> bool:
        """Whether the median keeps the budget."""
        return self.median <= self.budget

    def __str__(self) -> str:
        verdict = "ok" if self.is_within_budget else "OVER"
        numbers = (self.median, min(self.values), max(self.values), self.budget)
        cells = "".join(f"{f'{number:.2f}{self.unit}':>11}" for number in numbers)
        return f"{self.name:<24}{cells}  {verdict:<5} {self.note}".rstrip()


HEADER = f"{'':<24}{'median':>11}{'min':>11}{'max':>11}{'budget':>11}"


def main() -> int:
    """Measure, print the table, and fail when a budget is exceeded."""
    if sys.argv[1:2] == ["--inside"]:
        print(json.dumps(time_pairs(sys.argv[3:], int(sys.argv[2]))))
        return 0
    parser = argparse.ArgumentParser(prog="tools/bench", description="Measure against the budgets.")
    parser.add_argument("what", nargs="?", choices=["all", "startup", "up"], default="all")
    parser.add_argument("--pairs", type=int, default=30, help="runs of each command, default 30")
    arguments = parser.parse_args()
    print(HEADER)
    rows = []
    for row in measure(arguments.what, arguments.pairs):
        print(row, flush=True)
        rows.append(row)
    return 0 if all(row.is_within_budget for row in rows) else 1


def measure(what: str, pairs: int) -> Iterator[Row]:
    """Give the rows that were asked for."""
    if what in {"all", "startup"}:
        yield from measure_startup(pairs)
    if what in {"all", "up"}:
        yield from measure_up(max(FEWEST_STARTS, pairs // PAIRS_PER_START))


# --- commands -------------------------------------------------------------------------------------


def measure_startup(pairs: int) -> Iterator[Row]:
    """Time commands beside `python -c pass` of the same environment."""
    yield compare("toolforge --help", 2.5, time_pairs(["--help"], pairs))
    yield compare("toolforge jobs --help", 4.5, time_pairs(["jobs", "--help"], pairs))
    with trial_platform() as platform:
        platform.up()
        make_jobs(platform)
        # As the tool itself: another user could not use what its commands remember. What is on the
        # path of modules, the tool may read, even if this checkout is in a closed folder.
        environment = {**platform.environment, "PYTHONPATH": str(HERE)}
        opened = dataclasses.replace(platform, environment=environment)
        times = opened.dev("shell", TOOL, "--", *INSIDE, str(pairs), "jobs", "list")
        yield compare("toolforge jobs list", 6, json.loads(times))


def make_jobs(platform: TrialPlatform) -> None:
    """Make a tool with scheduled jobs, which lie still."""
    platform.dev("tool", "create", TOOL)
    for number in range(JOBS):
        words = ["jobs", "run", f"job-{number}", "--image", "python3.11", "--command", "true"]
        platform.dev("shell", TOOL, "--", TOOLFORGE, *words, "--schedule", "@yearly")


def compare(name: str, budget: float, times: Sequence[tuple[float, float]]) -> Row:
    """Return the row of a command, given the seconds of it and of the baseline in pairs."""
    note = f"{statistics.median(own for own, _ in times) * 1000:.0f} ms"
    return Row(name, [own / baseline for own, baseline in times], "x", budget, note)


def time_pairs(words: Sequence[str], pairs: int) -> list[tuple[float, float]]:
    """Run `toolforge` with these words and the baseline; return the seconds of each pair."""
    command = [TOOLFORGE, *words]
    # The first run is of a cold cache.
    seconds(command)
    times = []
    for number in range(pairs):
        order = (command, BASELINE) if number % 2 else (BASELINE, command)
        first, second = (seconds(each) for each in order)
        times.append((first, second) if number % 2 else (second, first))
    return times


def seconds(command: Sequence[str]) -> float:
    """Return how long the command took. Raises CalledProcessError if it failed."""
    begin = time.perf_counter()
    subprocess.run(
        command,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - begin


# --- the platform ---------------------------------------------------------------------------------


def measure_up(starts: int) -> Iterator[Row]:
    """Start platforms from nothing: how long until they are ready, and what they then take."""
    times, memory = [], []
    for _ in range(starts):
        with trial_platform() as platform:
            begin = time.perf_counter()
            platform.up()
            times.append(time.perf_counter() - begin)
            memory.append(megabytes(family(platform.description["pid"])))
    yield Row("dev up, until ready", times, " s", 3, f"{starts} starts")
    yield Row("dev up, memory (PSS)", memory, " MB", 200, "of all its processes")


def family(pid: int) -> list[int]:
    """Return the process and all that descend from it."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            # The name, in brackets, may hold anything; after it come the state and the parent.
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
    found = [pid]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


def megabytes(pids: Sequence[int]) -> float:
    """Return the proportional memory of the processes together: what is shared counts in shares."""
    total = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
