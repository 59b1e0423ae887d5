"""Numbers as people type them, and the words for those that will not do."""

import click
import pytest

from toolforge_common.cli.numbers import WholeNumber


@pytest.mark.parametrize(
    ("kind", "text", "number"),
    [
        (WholeNumber(), "-7", -7),
        (WholeNumber(0, 5), "0", 0),
        (WholeNumber(0, 5), "5", 5),
        (WholeNumber(least=1), "100000", 100_000),
        (WholeNumber(most=3), "-1", -1),
    ],
)
def test_a_number(kind, text, number):
    assert kind.convert(text, None, None) == number


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (WholeNumber(), "x", "'x' is not a whole number."),
        (WholeNumber(), "1.5", "'1.5' is not a whole number."),
        (WholeNumber(0, 5), "6", "'6' is not a whole number from 0 to 5."),
        (WholeNumber(0, 5), "", "'' is not a whole number from 0 to 5."),
        (WholeNumber(least=1), "0", "'0' is not a whole number, 1 or more."),
        (WholeNumber(most=3), "4", "'4' is not a whole number up to 3."),
    ],
)
def test_any_other_text_is_refused_in_plain_words(kind, text, words):
    with pytest.raises(click.BadParameter) as refusal:
        kind.convert(text, None, None)

    assert refusal.value.message == words
