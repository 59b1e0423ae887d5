"""What `run` refuses on its own, and what it sends."""

import pytest

from toolforge_common.errors import InvalidRequest
from toolforge_jobs_cli.new_job import RunOptions, check, payload

NAME_RULE = (
    "the name of a job has 1 to 52 characters: lower-case letters, digits, and between them "
    "hyphens and dots"
)


def options(**given) -> RunOptions:
    return RunOptions(**{"image": "python3.11", "name": "x", "command": "./x", **given})


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"name": None}, "the job needs a name"),
        ({"name": ""}, NAME_RULE),
        ({"name": "a/b"}, NAME_RULE),
        ({"webservice": True, "name": ""}, NAME_RULE),
        ({"command": None}, "the job needs something to run"),
        ({"command": ""}, "--command is empty"),
        ({"command": " \t\n"}, "--command is empty"),
        ({"webservice": True, "command": ""}, "--command is empty"),
        ({"port": "80"}, "--port is only for continuous jobs"),
        ({"schedule": "@daily", "port": "80"}, "--port is only for continuous jobs"),
        ({"replicas": 2}, "--replicas is only for continuous jobs"),
        ({"health_check_script": "x"}, "--health-check-script is only for continuous jobs"),
        ({"health_check_http": "/"}, "--health-check-http is only for continuous jobs"),
        ({"timeout": 5}, "--timeout is only for scheduled jobs"),
        ({"continuous": True, "timeout": 5}, "--timeout is only for scheduled jobs"),
        ({"continuous": True, "retry": 0}, "--retry is only for one-off and scheduled jobs"),
        ({"webservice": True, "retry": 1}, "--retry is only for one-off and scheduled jobs"),
        ({"publish": "/"}, "--publish is only for continuous jobs"),
        ({"webservice": True, "publish": "/"}, "--publish is only for continuous jobs"),
        ({"continuous": True, "health_check_http": "/"}, "--health-check-http needs a port"),
        (
            {"continuous": True, "port": "80", "health_check_http": "ok"},
            "--health-check-http must begin with /",
        ),
        ({"mount": "none", "filelog": True}, "--filelog writes to the tool's home and needs it"),
        ({"webservice": True, "filelog": False}, "a webservice has no log files"),
        ({"webservice": True, "filelog_stdout": "x"}, "a webservice has no log files"),
        ({"webservice": True, "filelog_stderr": "x"}, "a webservice has no log files"),
        ({"continuous": True, "port": "http"}, "'http' is not a port"),
        ({"continuous": True, "port": "80/sctp"}, "'80/sctp' is not a port"),
        ({"continuous": True, "port": "-1"}, "'-1' is not a port"),
        ({"continuous": True, "port": "0"}, "'0' is not a port"),
        ({"continuous": True, "port": "65536"}, "'65536' is not a port"),
    ],
)
def test_what_cannot_be_right_is_refused_with_a_way_out(given, refused):
    with pytest.raises(InvalidRequest) as caught:
        check(options(**given))

    assert caught.value.message == refused
    assert caught.value.hint


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"schedule": "@daily", "timeout": 0, "retry": 5},
        {"continuous": True, "port": "80/udp", "replicas": 0, "publish": "/"},
        {"continuous": True, "port": "65535"},
        {"continuous": True, "health_check_script": "x"},
        {"continuous": True, "health_check_http": "/", "port": "80"},
        {"webservice": True, "name": None, "command": None},
        {"webservice": True, "health_check_http": "/"},  # it always has a port
        {"mount": "none", "filelog": False},
    ],
)
def test_everything_else_is_for_the_service_to_judge(given):
    check(options(**given))


BASE = {"name": "x", "imagename": "python3.11", "cmd": "./x"}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, {"job_type": "one-off"}),
        ({"schedule": "@daily"}, {"job_type": "scheduled", "schedule": "@daily"}),
        ({"continuous": True}, {"job_type": "continuous"}),
        ({"webservice": True}, {"job_type": "webservice"}),
        (
            {"mem": "1Gi", "cpu": "2", "emails": "all", "mount": "none", "retry": 0, "timeout": 0},
            {
                "job_type": "one-off",
                "memory": "1Gi",
                "cpu": "2",
                "emails": "all",
                "mount": "none",
                "retry": 0,  # said, so sent
                "timeout": 0,
            },
        ),
        (
            {"filelog": False, "filelog_stdout": "a", "filelog_stderr": "b"},
            {
                "job_type": "one-off",
                "filelog": False,
                "filelog_stdout": "a",
                "filelog_stderr": "b",
            },
        ),
        (
            {"continuous": True, "port": "80", "replicas": 0, "publish": "/"},
            {"job_type": "continuous", "port": "80", "replicas": 0, "publish": "/"},
        ),
        (
            {"continuous": True, "port": "53/udp"},
            {"job_type": "continuous", "port": "53", "port_protocol": "udp"},
        ),
        ({"webservice": True, "port": "80/udp"}, {"job_type": "webservice", "port": "80"}),
        (
            {"continuous": True, "health_check_script": "./ok"},
            {"job_type": "continuous", "health_check": {"type": "script", "script": "./ok"}},
        ),
        (
            {"continuous": True, "health_check_http": "/ok"},
            {"job_type": "continuous", "health_check": {"type": "http", "path": "/ok"}},
        ),
    ],
)
def test_only_what_was_said_is_sent(given, sent):
    assert payload(options(**given)) == {**BASE, **sent}


def test_a_webservice_needs_neither_name_nor_command():
    assert payload(options(webservice=True, name=None, command=None)) == {
        "name": "webservice",
        "job_type": "webservice",
        "imagename": "python3.11",
    }


def test_no_other_job_gets_the_name_of_a_webservice():
    assert payload(options(name=""))["name"] == ""
    assert "name" not in payload(options(name=None))
