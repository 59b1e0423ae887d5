"""Kills parts of a platform under load at random moments, and checks that nothing was lost or left.

The jobs themselves prove that a scheduled job never runs twice at the same time: each run takes a
kernel lock, which goes with its processes however they end, and writes down if somebody has it.
Network namespaces have neither names nor mounts here: they are gone with the last process.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import http.client
import itertools
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus

from residue import Machine
from trial_platform import TOOLFORGE, Answer, ToolUser, TrialPlatform, eventually, trial_platform

KINDS = ("platform", "spawner", "shim", "bwrap", "pod")
TOOLS = 3
# Beyond this many one-off jobs a tool gets no new ones.
MAX_ONE_OFFS = 60
_LONGEST_PAUSE = 1.5
_QUIET = 60.0
_EXCLUSIVE = "exec 9>>lock; flock -n 9 || echo clash >>clashes; echo run >>runs; sleep {seconds}"
_OVER = {"succeeded", "failed"}


@dataclasses.dataclass
class Report:
    """What was done, how long the platform took to be back, and what went wrong."""

    rounds: int = 0
    kills: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    jobs: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    recoveries: list[float] = dataclasses.field(default_factory=list)
    violations: list[str] = dataclasses.field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Give the figures as text."""
        yield f"rounds      {self.rounds}"
        yield f"kills       {_counts(self.kills)}"
        yield f"jobs        {_counts(self.jobs)}"
        if self.recoveries:
            low, high = min(self.recoveries), max(self.recoveries)
            middle = statistics.median(self.recoveries)
            yield f"recovery    min {low:.2f} s, median {middle:.2f} s, max {high:.2f} s"
        yield from (f"VIOLATION   {text}" for text in self.violations)


class Chaos:
    """One trial on one platform. The same seed makes the same choices, if not at the same moments."""

    def __init__(self, platform: TrialPlatform, seed: int) -> None:
        self.report = Report()
        self._platform = platform
        self._machine = Machine(platform.state)
        # Reproducible, not secret.
        self._random = random.Random(seed)  # noqa: S311  no secret is made of it
        self._numbers = itertools.count(1)
        self._users: list[ToolUser] = []
        self._one_offs: dict[str, list[str]] = {}
        # The last state seen; jobs that ended are forgotten by the platform after a while.
        self._states: dict[tuple[str, str], str] = {}

    def run(self, seconds: float) -> Report:
        """Make tools and jobs, kill for so long, wait for quiet, stop everything and look around."""
        self._prepare()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.report.rounds += 1
            self._add_load()
            self._look()
            self._kill(self._random.choice(KINDS))
            time.sleep(self._random.uniform(0, _LONGEST_PAUSE))
        self._check_jobs()
        self._check_exclusion()
        self._platform.dev("down")
        self.report.violations += (f"left after down: {text}" for text in self._machine.leftovers())
        return self.report

    def _prepare(self) -> None:
        self._platform.up()
        for number in range(1, TOOLS + 1):
            self._platform.dev("tool", "create", f"chaos-{number}")
        self._meet()
        for user in self._users:
            self._one_offs[user.name] = []
            seconds = f"{self._random.uniform(0.2, 2):.1f}"
            exclusive = _EXCLUSIVE.format(seconds=seconds)
            self._create(user, "exclusive", exclusive, schedule="0 0 1 1 *")
            self._create(user, "bot", "exec sleep infinity", continuous=True)

    def _meet(self) -> None:
        """Learn the tools' addresses, which change with every start."""
        names = [f"chaos-{number}" for number in range(1, TOOLS + 1)]
        self._users = [ToolUser(name, self._platform) for name in names]

    # --- load -------------------------------------------------------------------------------------

    def _add_load(self) -> None:
        for user in self._users:
            self._call(user, "POST", "exclusive/restart")
            if len(self._one_offs[user.name]) < MAX_ONE_OFFS:
                name = f"job-{next(self._numbers)}"
                seconds = self._random.uniform(0, 2)
                if self._create(user, name, f"sleep {seconds:.1f}"):
                    self._one_offs[user.name].append(name)

    def _create(self, user: ToolUser, name: str, command: str, **rest: object) -> bool:
        job = {"name": name, "imagename": "python3.11", "cmd": command, "filelog": False, **rest}
        answer = self._call(user, "POST", "", job)
        accepted = answer is not None and answer.status == HTTPStatus.CREATED
        self.report.jobs["accepted" if accepted else "refused"] += 1
        return accepted

    def _call(self, user: ToolUser, method: str, path: str, body: object = None) -> Answer | None:
        """Return the answer, None if the platform gave none. Whatever it cannot do, it may not fail at."""
        try:
            answer = user.request(method, f"/jobs/v1/tool/{user.name}/jobs/{path}", body)
        except (OSError, http.client.HTTPException):
            return None
        if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.report.violations.append(f"{method} {path}: {answer.body}")
        return answer

    # --- kills ------------------------------------------------------------------------------------

    def _kill(self, kind: str) -> None:
        candidates = self._machine.processes()[kind]
        if not candidates or not self._machine.kill(kind, self._random.choice(candidates)):
            return
        self.report.kills[kind] += 1
        if kind == "platform":
            eventually(lambda: not self._machine.processes()["platform"])
            started = time.monotonic()
            self._platform.up()
            self.report.recoveries.append(time.monotonic() - started)
            self._meet()

    # --- checks -----------------------------------------------------------------------------------

    def _check_jobs(self) -> None:
        wanted = {
            (user.name, name): _OVER for user in self._users for name in self._one_offs[user.name]
        }
        for user in self._users:
            # These must be there now, not have been there once.
            for name in ("bot", "exclusive"):
                self._states.pop((user.name, name), None)
            # Killed often, it would wait minutes for its next start; asked for, it comes at once.
            self._call(user, "POST", "bot/restart")
            wanted[user.name, "bot"] = {"running"}
            wanted[user.name, "exclusive"] = {*_OVER, "pending"}
        found = self._states

        def is_quiet() -> bool:
            self._look()
            return all(found.get(job) in states for job, states in wanted.items())

        if not _in_time(is_quiet):
            self.report.violations += (
                f"job {tool}/{name} is {found.get((tool, name), 'lost')}, not one of {sorted(states)}"
                for (tool, name), states in wanted.items()
                if found.get((tool, name)) not in states
            )
        self.report.jobs.update(found.values())

    def _look(self) -> None:
        for user in self._users:
            answer = self._call(user, "GET", "")
            if answer is not None and answer.status == HTTPStatus.OK:
                for job in answer.body["jobs"]:
                    self._states[user.name, job["name"]] = job["status"]["short"]

    def _check_exclusion(self) -> None:
        for user in self._users:
            if (user.home / "clashes").exists():
                self.report.violations.append(f"{user.name}/exclusive ran twice at the same time")
            runs = user.home / "runs"
            self.report.jobs["exclusive runs"] += (
                len(runs.read_text().splitlines()) if runs.exists() else 0
            )


def _in_time(condition: Callable[[], bool]) -> bool:
    try:
        return eventually(condition, _QUIET)
    except AssertionError:
        return False


def _counts(counter: collections.Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counter.items())) or "none"


def main() -> int:
    """Run a trial and print what it found. Returns 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="tools/chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long to kill (60)")
    parser.add_argument("--seed", type=int, default=1, help="makes the same choices again (1)")
    options = parser.parse_args()
    with trial_platform() as platform:
        try:
            report = Chaos(platform, options.seed).run(options.seconds)
        except subprocess.CalledProcessError as error:
            print(f"failed: {TOOLFORGE} {' '.join(error.cmd[1:])}: {error}")
            return 1
    print(*report.lines(), sep="\n")
    if report.violations:
        print(f"again with: tools/chaos --seconds {options.seconds:g} --seed {options.seed}")
    return int(bool(report.violations))


if __name__ == "__main__":
    sys.exit(main())
