"""How errors look on the wire: a status for each class, and one body."""

from http import HTTPStatus

import pytest

from toolforge_common import errors
from toolforge_common.api.errors import STATUS, BodyTooLarge, InternalError, error_body, status_of

STATUSES = {
    errors.InvalidRequest: 400,
    errors.NotAuthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.QuotaExceeded: 409,
    errors.TooManyRequests: 429,
    errors.Unsupported: 501,
    errors.Unavailable: 503,
    BodyTooLarge: 413,
    InternalError: 500,
}


def test_the_table_is_complete():
    assert set(errors.ToolforgeError.__subclasses__()) <= set(STATUS)


@pytest.mark.parametrize(("error", "status"), STATUSES.items())
def test_the_status_of_an_error(error, status):
    assert status_of(error("x")) == status


def test_a_class_below_another_has_its_status():
    class NoSuchJob(errors.NotFound):
        pass

    assert status_of(NoSuchJob("x")) == HTTPStatus.NOT_FOUND


def test_an_error_without_a_class_of_its_own_is_our_failure():
    assert status_of(errors.ToolforgeError("x")) == HTTPStatus.INTERNAL_SERVER_ERROR


def test_a_body_has_everything():
    error = errors.Conflict("there is one", hint="delete it", doc="https://x", details=("a", "b"))

    assert error_body(error, "r1") == {
        "error": ["there is one", "a", "b"],
        "code": "conflict",
        "title": "Conflict",
        "detail": "there is one",
        "hint": "delete it",
        "doc": "https://x",
        "request_id": "r1",
    }


@pytest.mark.parametrize("error", STATUSES)
def test_no_body_is_without_a_hint(error):
    assert error_body(error("x"), "r1")["hint"]


def test_the_hint_of_the_error_itself_goes_first():
    assert error_body(errors.NotFound("x", hint="make one"), "r1")["hint"] == "make one"
