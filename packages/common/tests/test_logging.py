"""Log lines: one JSON object each, with what was bound for the request, without secrets."""

import io
import json
import logging

import pytest
import structlog

from toolforge_common.logging import configure_logging


@pytest.fixture
def lines():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def test_a_line_holds_event_fields_and_what_is_bound(lines):
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("x").info("job_created", tool="demo")

    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "job_created",
        "tool": "demo",
        "request_id": "r1",
        "level": "info",
        "logger": "x",
    }


def test_libraries_write_the_same_lines(lines):
    logging.getLogger("uvicorn.error").warning("it is %s", "late")

    assert [(line["event"], line["level"]) for line in lines()] == [("it is late", "warning")]


def test_a_traceback_has_no_values_in_it(lines):
    def fail(password):
        raise RuntimeError("out of luck")

    secret = "hunter" + "2"
    try:
        fail(secret)
    except RuntimeError:
        structlog.get_logger("x").exception("failed")

    (line,) = lines()
    assert "RuntimeError: out of luck" in line["exception"]
    assert secret not in json.dumps(line)


@pytest.mark.parametrize("name", ["token", "Authorization", "client_secret", "body", "db_password"])
def test_fields_that_speak_of_secrets_are_hidden(lines, name):
    structlog.get_logger("x").info("seen", **{name: "hunter2"})

    assert lines()[0][name] == "[not logged]"


def test_details_are_written_when_asked_for(lines):
    structlog.get_logger("x").debug("unseen")
    stream = io.StringIO()
    configure_logging(stream, debug=True)
    structlog.get_logger("x").debug("seen")

    assert lines() == []
    assert json.loads(stream.getvalue())["event"] == "seen"
