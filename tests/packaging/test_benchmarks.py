"""What the table of measurements says, and what it is measured on."""

import os
import subprocess
import sys

import benchmarks
import pytest


@pytest.mark.parametrize(("budget", "verdict"), [(2.0, "ok"), (1.9, "OVER")])
def test_the_median_of_ratios_counts_against_the_budget(budget, verdict):
    times = [(0.020, 0.010), (0.099, 0.010), (0.010, 0.010)]

    row = benchmarks.compare("a command", budget, times)

    assert row.median == 2.0
    assert verdict in str(row)
    assert row.is_within_budget is (verdict == "ok")


@pytest.mark.parametrize(("values", "status"), [([1.0], 0), ([9.0], 1)])
def test_it_fails_when_a_budget_is_exceeded(monkeypatch, values, status):
    row = benchmarks.Row("a command", values, "x", 2.0)
    # Measuring takes long, and says something else each time.
    monkeypatch.setattr(benchmarks, "measure", lambda *_: [row])
    monkeypatch.setattr(sys, "argv", ["bench"])

    assert benchmarks.main() == status


def test_memory_is_that_of_a_process_and_its_descendants():
    with subprocess.Popen(["sh", "-c", "cat; :"], stdin=subprocess.PIPE) as shell:
        found = benchmarks.family(os.getpid())
        memory = benchmarks.megabytes([os.getpid()])
        shell.stdin.close()

    assert {os.getpid(), shell.pid} <= set(found)
    assert os.getppid() not in found
    assert 1 < memory < 10_000
