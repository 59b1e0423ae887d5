import pytest

from toolforge_common.cli import errors
from toolforge_common.errors import (
    Conflict,
    InvalidRequest,
    ToolforgeError,
    Unavailable,
    Unsupported,
    by_code,
)


def test_every_error_has_an_exit_code():
    assert set(errors.EXIT_CODES) == set(by_code().values())
    assert set(errors.EXIT_CODES.values()) == {1, 2}


class Narrower(Conflict):
    pass


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidRequest("x"), 1),
        (Narrower("x"), 1),  # as its parent
        (Unavailable("x"), 2),
        (Unsupported("x"), 2),
        (ToolforgeError("x"), 2),  # nothing says that it is the caller's fault
        (KeyError("x"), 2),
    ],
)
def test_exit_codes_say_whose_side_it_is(error, code):
    assert errors.exit_code(error) == code


def test_a_refusal_is_its_text_and_what_to_do():
    error = InvalidRequest("no", hint="yes", doc="https://x", details=("a", "b"))
    error.add_note("Request id: r")

    assert errors.headline(error) == "no"
    assert [*errors.advice(error)] == ["  - a", "  - b", "Hint: yes", "See: https://x"]
    assert [*errors.advice(error, verbose=True)][-1] == "Request id: r"


def test_a_failure_is_named_and_asks_to_be_reported():
    error = Unavailable("the jobs service seems to be down")
    error.add_note("Request id: r")

    assert errors.headline(error) == "Unavailable: the jobs service seems to be down"
    assert [*errors.advice(error)] == [
        "Request id: r",
        "If this goes on, please report it: https://w.wiki/6Zuu",
    ]


def test_what_is_not_offered_is_no_failure():
    error = Unsupported("no mail here")

    assert (errors.headline(error), [*errors.advice(error)]) == ("no mail here", [])


def test_a_surprise_without_a_text_has_a_name():
    assert errors.headline(ZeroDivisionError()) == "ZeroDivisionError"
    assert errors.headline(KeyError("a")) == "KeyError: 'a'"
