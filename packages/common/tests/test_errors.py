"""The tree of errors: every class has a code of its own and can be rebuilt from it."""

import pytest

from toolforge_common import errors

CLASSES = errors.ToolforgeError.__subclasses__()


@pytest.mark.parametrize("error", CLASSES)
def test_an_error_is_rebuilt_from_its_code(error):
    assert errors.by_code()[error.code] is error


def test_codes_and_titles_are_told_apart():
    own = [error for error in CLASSES if error.__module__ == errors.__name__]

    assert len({error.code for error in own}) == len({error.title for error in own}) == len(own)


def test_an_error_keeps_what_it_is_told():
    error = errors.Conflict("there is one", hint="delete it", doc="https://x", details=("a", "b"))

    assert (error.message, str(error)) == ("there is one", "there is one")
    assert (error.hint, error.doc, error.details) == ("delete it", "https://x", ("a", "b"))


def test_an_error_needs_nothing_but_its_message():
    error = errors.NotFound("there is none")

    assert (error.hint, error.doc, error.details) == ("", "", ())
