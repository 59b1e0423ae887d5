"""The list of deviations is complete enough to be checked."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
ROWS = yaml.safe_load((ROOT / "tests" / "deviations.yaml").read_text())


def test_every_deviation_has_its_reason_and_a_test_that_exists():
    for row in ROWS:
        assert set(row) == {"what", "was", "is", "because", "test"}
        file, _, name = row["test"].partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(), row["what"]


def test_no_deviation_is_listed_twice():
    assert len({row["what"] for row in ROWS}) == len(ROWS)
