"""Our tables against the package whose styles they have."""

import pytest
import tabulate
from hypothesis import given
from hypothesis import strategies as st

from toolforge_common.cli import tables

# No numbers: the oracle would format them anew, which our callers have done already.
WORDS = st.text(alphabet="abc .:/-", max_size=12)
# Nor lines of nothing but space, of which the oracle has a mind of its own.
LINES = WORDS.map(str.strip).filter(bool)
CELLS = st.one_of(WORDS, st.lists(LINES, min_size=2, max_size=3).map("\n".join))


def rows(columns: int):
    # A row begins with a name: the oracle may drop one that is all empty.
    row = st.tuples(LINES, *[CELLS] * (columns - 1))
    return st.lists(row, min_size=1, max_size=5)


@given(rows(3))
def test_pretty_tables_are_those_of_tabulate(body):
    headers = ("Job name:", "Job type:", "Status:")

    assert tables.pretty(headers, body) == tabulate.tabulate(body, headers, tablefmt="pretty")


@given(rows(2))
def test_grids_are_those_of_tabulate(body):
    assert tables.grid(body) == tabulate.tabulate(body, tablefmt="grid")


@given(rows(3))
def test_simple_tables_are_those_of_tabulate(body):
    headers = ("Category", "Used", "Limit")

    assert tables.simple(headers, body) == tabulate.tabulate(body, headers, tablefmt="simple")


@given(st.lists(st.tuples(LINES, st.integers(-999, 9999)), min_size=1, max_size=4))
def test_columns_of_whole_numbers_are_flush_right(body):
    ours = [(name, str(number)) for name, number in body]

    assert tables.simple(("Job definitions", "Used"), ours) == tabulate.tabulate(
        body, ("Job definitions", "Used"), tablefmt="simple"
    )


def test_an_empty_table_is_its_header():
    assert tables.pretty(("a", "b"), []) == tabulate.tabulate([], ("a", "b"), tablefmt="pretty")
    assert tables.simple(("a", "b"), []) == tabulate.tabulate([], ("a", "b"), tablefmt="simple")
    assert tables.grid([]) == tabulate.tabulate([], tablefmt="grid")


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("abc", 3), ("é", 1), ("e\u0301", 1), ("日本", 4), ("\uff46", 2), ("\uff83", 1)],
)
def test_widths_are_those_on_a_terminal(text, width):
    assert tables.width_of(text) == width


def test_wide_characters_keep_columns_straight():
    assert tables.pretty(("Name", "x"), [("日本", "1"), ("toolong", "2")]) == (
        "+---------+---+\n"
        "|  Name   | x |\n"
        "+---------+---+\n"
        "|  日本   | 1 |\n"
        "| toolong | 2 |\n"
        "+---------+---+"
    )
