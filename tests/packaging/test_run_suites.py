"""What the summary of all suites is made of."""

import sys

import pytest
import run_suites


@pytest.mark.parametrize(
    ("line", "closing"),
    [
        ("55 passed in 2.26s", "55 passed in 2.26s"),
        ("====== 1 failed, 205 passed in 0.56s ======", "1 failed, 205 passed in 0.56s"),
        ("1 error in 0.72s", "1 error in 0.72s"),
        ("3 passed in 75.10s (0:01:15)", "3 passed in 75.10s (0:01:15)"),
    ],
)
def test_the_last_word_of_pytest_is_kept(line, closing):
    result = run_suites.run("x", [sys.executable, "-c", f"print('before'); print({line!r})"])

    assert (result.passed, result.closing) == (True, closing)


def test_a_suite_that_ends_badly_has_failed(capfd):
    result = run_suites.run("x", [sys.executable, "-c", "print('oh'); raise SystemExit(3)"])

    assert (result.passed, result.closing) == (False, "")
    assert str(result).startswith("x ")
    assert "FAILED" in str(result)
    assert "oh" in capfd.readouterr().out
