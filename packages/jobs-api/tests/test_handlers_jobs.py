"""HTTP in, HTTP out: jobs, through the real app with its answers validated."""

import pytest

from toolforge_common.errors import QuotaExceeded, Unavailable
from toolforge_common.names import ToolName

DEMO = ToolName("demo")
JOBS = "/v1/tool/demo/jobs"
NO_MESSAGES = {"info": [], "warning": [], "error": []}
ONE_OFF = {"name": "once", "cmd": "./x.sh", "imagename": "bookworm"}
SCHEDULED = {**ONE_OFF, "name": "often", "schedule": "@daily"}
CONTINUOUS = {**ONE_OFF, "name": "always", "continuous": True}
COMMON = {
    "cmd": "./x.sh",
    "imagename": "bookworm",
    "image": "bookworm",
    "image_state": "stable",
    "filelog": True,
    "emails": "none",
    "mount": "all",
    "memory": "0.5Gi",
    "cpu": "0.1",
}
RUNNING = "Last run at 2026-01-01T00:00:00Z. Pod in 'Running' phase. State 'running'."


def test_a_one_off_job(client):
    answer = client.post(JOBS, json={**ONE_OFF, "job_type": "one-off", "retry": 2})

    assert (answer.status, answer.json()) == (
        201,
        {
            "job": {
                **COMMON,
                "name": "once",
                "job_type": "one-off",
                "filelog_stdout": "/data/project/demo/once.out",
                "filelog_stderr": "/data/project/demo/once.err",
                "retry": 2,
                "status_short": "Running for 0s",
                "status_long": RUNNING,
                "status": {
                    "short": "running",
                    "duration": "0s",
                    "up_to_date": True,
                    "messages": [],
                },
            },
            "messages": NO_MESSAGES,
        },
    )


def test_a_scheduled_job(client):
    answer = client.post(JOBS, json={**SCHEDULED, "timeout": 60, "filelog": False})

    assert (answer.status, answer.json()["job"]) == (
        201,
        {
            **COMMON,
            "name": "often",
            "job_type": "scheduled",
            "filelog": False,
            "filelog_stdout": None,
            "filelog_stderr": None,
            "schedule": "@daily",
            "schedule_actual": "58 8 * * *",
            "retry": 0,
            "timeout": 60,
            "status_short": "Waiting for scheduled time",
            "status_long": "No pods were created for this job.",
            "status": {
                "short": "pending",
                "duration": "0s",
                "up_to_date": True,
                "messages": [],
                "previous_schedule": None,
                "next_schedule": "2026-01-01T08:58:00Z",
            },
        },
    )


def test_a_continuous_job(client):
    body = {**CONTINUOUS, "port": 80, "health_check": {"type": "http", "path": "/x"}}

    answer = client.post(JOBS, json={**body, "publish": "/", "filelog_stdout": "logs/o"})

    assert (answer.status, answer.json()["job"]) == (
        201,
        {
            **COMMON,
            "name": "always",
            "job_type": "continuous",
            "filelog_stdout": "/data/project/demo/logs/o",
            "filelog_stderr": "/data/project/demo/always.err",
            "continuous": True,
            "replicas": 1,
            "port": 80,
            "port_protocol": "tcp",
            "health_check": {"type": "http", "path": "/x"},
            "publish": "/",
            "status_short": "Running",
            "status_long": RUNNING,
            "status": {"short": "running", "duration": "0s", "up_to_date": True, "messages": []},
        },
    )


@pytest.mark.parametrize(
    ("extra", "job_type"),
    [
        ({}, "one-off"),
        ({"continuous": False}, "one-off"),
        ({"retry": 1}, "one-off"),
        ({"schedule": "@daily"}, "scheduled"),
        ({"schedule": "@daily", "continuous": False}, "scheduled"),
        ({"continuous": True}, "continuous"),
        ({"replicas": 1}, "continuous"),
        ({"port": None}, "continuous"),
        ({"health_check": None}, "continuous"),
    ],
)
def test_clients_of_old_need_not_say_the_type(client, extra, job_type):
    answer = client.post(JOBS, json={**ONE_OFF, **extra})

    assert (answer.status, answer.json()["job"]["job_type"]) == (201, job_type)


@pytest.mark.parametrize(
    ("extra", "field", "value"),
    [
        ({"port": "8080"}, "port", 8080),
        ({"port": 1, "port_protocol": "udp"}, "port_protocol", "udp"),
        (
            {"port": 1, "health_check": {"health_check_type": "http", "path": "/"}},
            "health_check",
            {"type": "http", "path": "/"},
        ),
        (
            {"port": 1, "health_check": {"path": "/"}},
            "health_check",
            {"type": "http", "path": "/"},
        ),
        ({"memory": "1G"}, "memory", "0.931Gi"),
        ({"cpu": "500m"}, "cpu", "0.5"),
        ({"imagename": "tf-python311"}, "image", "python3.11"),
        ({"imagename": "python3.9"}, "image_state", "deprecated"),
    ],
)
def test_other_spellings_are_understood(client, extra, field, value):
    answer = client.post(JOBS, json={**CONTINUOUS, **extra})

    assert (answer.status, answer.json()["job"][field]) == (201, value)


def test_put_creates_too(client):
    assert client.request("PUT", JOBS, json=ONE_OFF).status == 201


def test_the_creator_is_warned(client):
    answer = client.post(JOBS, json={**ONE_OFF, "imagename": "php7.4", "emails": "onfinish"})

    warnings = answer.json()["messages"]["warning"]
    assert warnings[0] == "this runtime has no php7.4"
    assert "does not send mail" in warnings[1]


def create_all(client):
    for body in (ONE_OFF, {**SCHEDULED, "retry": 0, "memory": "1Gi"}, CONTINUOUS):
        assert client.post(JOBS, json=body).status == 201


def test_jobs_are_listed_by_name(client):
    create_all(client)

    body = client.get(JOBS).json()

    assert [job["name"] for job in body["jobs"]] == ["always", "often", "once"]
    assert body["messages"] == NO_MESSAGES


def test_what_was_left_unset_can_be_left_out(client):
    create_all(client)

    body = client.get(f"{JOBS}?include_unset=false").json()

    always = {"cmd": "./x.sh", "imagename": "bookworm", "image": "bookworm"}
    assert body == {
        "jobs": [
            {**always, "name": "always", "job_type": "continuous", "continuous": True},
            {
                **always,
                "name": "often",
                "job_type": "scheduled",
                "schedule": "@daily",
                "retry": 0,
                "memory": "1.0Gi",
            },
            {**always, "name": "once", "job_type": "one-off"},
        ],
        "messages": {},
    }
    assert client.get(f"{JOBS}/often?include_unset=false").json() == {
        "job": body["jobs"][1],
        "messages": {},
    }


def test_one_job_is_shown(client):
    create_all(client)

    answer = client.get(f"{JOBS}/often/")

    assert (answer.status, answer.json()["job"]["name"]) == (200, "often")
    assert answer.json()["messages"] == NO_MESSAGES


@pytest.mark.parametrize("include_unset", ["true", "false"])
def test_a_job_out_of_date_is_warned_about(client, runtime, include_unset):
    create_all(client)
    runtime.delete(DEMO, "often")

    for path in (JOBS, f"{JOBS}/often"):
        messages = client.get(f"{path}?include_unset={include_unset}").json()["messages"]

        assert len(messages["warning"]) == 1
        assert "'often' differs from what was configured" in messages["warning"][0]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", f"{JOBS}/often", 200),
        ("DELETE", f"{JOBS}/", 200),
        ("POST", f"{JOBS}/often/restart", 200),
        ("DELETE", f"{JOBS}/nobody", 404),
        ("GET", f"{JOBS}/nobody", 404),
        ("POST", f"{JOBS}/nobody/restart", 404),
        ("POST", f"{JOBS}/once/restart", 400),
    ],
)
def test_other_operations(client, method, path, status):
    create_all(client)

    answer = client.request(method, path)

    assert answer.status == status
    if status == 200:
        assert answer.json() == {"messages": NO_MESSAGES}
    if status == 404:
        assert answer.json()["error"] == ["Job 'nobody' does not exist"]


def test_a_flush_leaves_nothing(client):
    create_all(client)

    client.delete(JOBS)

    assert client.get(JOBS).json() == {"jobs": [], "messages": NO_MESSAGES}


@pytest.mark.parametrize(
    ("body", "status", "fragment"),
    [
        ({**ONE_OFF, "imagename": "no-such"}, 400, "no such image"),
        ({**ONE_OFF, "name": "No"}, 400, "the name of a job"),
        ({**ONE_OFF, "name": "x" * 53}, 400, "the name of a job"),
        ({**ONE_OFF, "mount": "none"}, 400, "only supported for build service images"),
        ({**ONE_OFF, "memory": "1Mi"}, 400, "less than minimum"),
        ({**ONE_OFF, "cpu": "100"}, 400, "over maximum"),
        ({**SCHEDULED, "schedule": "* * *"}, 400, "unable to parse cron expression"),
        ({**CONTINUOUS, "publish": "/"}, 400, "TCP port"),
        ({}, 422, "is required"),
        ([], 422, "must be an object"),
        ({**ONE_OFF, "retry": 6}, 422, "retry must be at most 5"),
        ({**ONE_OFF, "foo": 1}, 422, "foo is not known here"),
        ({**ONE_OFF, "job_type": "none"}, 422, "job_type must be one of one-off, scheduled"),
        ({**ONE_OFF, "cmd": "x" * 30001}, 422, "cmd must have at most 30000 characters"),
        ({**CONTINUOUS, "port": "65536"}, 422, "port must"),
        ({**CONTINUOUS, "port": 0}, 422, "port must be at least 1"),
        (
            {**CONTINUOUS, "port": 1, "health_check": {"type": "script", "script": "x"}},
            501,
            "not offered yet",
        ),
        ({"job_type": "webservice", "imagename": "bookworm"}, 501, "not offered yet"),
    ],
)
def test_what_is_refused(client, body, status, fragment):
    answer = client.post(JOBS, json=body)

    assert answer.status == status
    refusal = answer.json()
    assert fragment in "\n".join(refusal["error"])
    assert all(refusal[field] for field in ("code", "title", "hint", "request_id"))
    assert isinstance(refusal["detail"], list if status == 422 else str)
    assert client.get(JOBS).json()["jobs"] == []


def test_a_bad_name_has_a_page_of_its_own(client):
    for answer in (client.post(JOBS, json={**ONE_OFF, "name": "No"}), client.get(f"{JOBS}/No")):
        assert (answer.status, answer.json()["doc"]) == (400, "https://w.wiki/6YL8")


def test_a_name_is_taken_once(client):
    create_all(client)

    answer = client.post(JOBS, json={**CONTINUOUS, "name": "once"})

    assert (answer.status, answer.json()["code"]) == (409, "conflict")
    assert "already exists" in answer.json()["error"][0]


@pytest.mark.parametrize(
    ("error", "status"), [(QuotaExceeded("no room"), 409), (Unavailable("asleep"), 503)]
)
def test_what_the_runtime_refuses(client, runtime, error, status):
    runtime.fail_next(error)

    answer = client.post(JOBS, json=ONE_OFF)

    assert (answer.status, answer.json()["code"]) == (status, error.code)


@pytest.mark.parametrize(("method", "path"), [("PATCH", JOBS), ("GET", "/v1/tool/demo/quotas")])
def test_what_is_not_offered_yet(client, method, path):
    body = SCHEDULED if method == "PATCH" else None

    answer = client.request(method, path, json=body)

    assert (answer.status, answer.json()["code"]) == (501, "unsupported")
    assert answer.json()["hint"]


def test_an_update_without_a_name_is_not_offered_either(client):
    body = {"job_type": "webservice", "imagename": "bookworm"}

    assert "webservice" in client.request("PATCH", JOBS, json=body).json()["hint"]


def test_images(client):
    answer = client.get("/v1/tool/demo/images")

    assert answer.json() == {
        "images": [
            {"shortname": "bookworm", "image": "example.org/bookworm:latest", "state": "stable"},
            {"shortname": "php7.4", "image": "example.org/php74:latest", "state": "stable"},
            {"shortname": "python3.11", "image": "example.org/python311:latest", "state": "stable"},
        ],
        "messages": {},
    }


def test_health_is_open(client):
    answer = client.get("/v1/healthz", signed=False)

    assert answer.json() == {"health": {"status": "OK", "message": "OK"}, "messages": {}}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "jobs"),
        ("POST", "jobs"),
        ("PATCH", "jobs"),
        ("DELETE", "jobs"),
        ("GET", "jobs/once"),
        ("DELETE", "jobs/once"),
        ("POST", "jobs/once/restart"),
        ("GET", "jobs/once/logs"),
        ("GET", "images"),
        ("GET", "quotas"),
    ],
)
def test_nobody_touches_anothers_jobs(client, method, path):
    create_all(client)

    assert client.request(method, f"/v1/tool/other/{path}", json=ONE_OFF).status == 403
    assert client.request(method, f"/v1/tool/demo/{path}", json=ONE_OFF, signed=False).status == 401
    assert len(client.get(JOBS).json()["jobs"]) == 3
