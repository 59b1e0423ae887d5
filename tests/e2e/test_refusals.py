"""Who is refused, and that every refusal says what, why and what to do."""

import pytest
import yaml

TOOL_PATHS = ["jobs/", "jobs/x", "images/", "quotas"]


def _assert_refusal(answer, status, code):
    assert (answer.status, answer.body["code"]) == (status, code)
    assert answer.body["title"]
    assert answer.body["hint"]
    assert answer.body["request_id"] == answer.headers["x-request-id"]
    assert all(isinstance(text, str) for text in answer.body["error"])
    assert answer.body["error"]


@pytest.mark.parametrize("path", TOOL_PATHS)
def test_without_a_certificate_nothing_of_a_tool_is_told(alice, path):
    answer = alice.request("GET", f"/jobs/v1/tool/{alice.name}/{path}", with_certificate=False)

    _assert_refusal(answer, 401, "unauthenticated")


@pytest.mark.parametrize("path", TOOL_PATHS)
def test_a_tool_may_not_touch_what_belongs_to_another(alice, bob, path):
    answer = alice.request("GET", f"/jobs/v1/tool/{bob.name}/{path}")

    _assert_refusal(answer, 403, "forbidden")


def test_the_command_line_of_one_tool_cannot_work_as_another(alice, bob, tmp_path):
    """A kubeconfig may say anything; what counts is the certificate."""
    config = yaml.safe_load((alice.home / ".kube" / "config").read_text())
    for context in config["contexts"]:
        context["context"]["namespace"] = f"tool-{bob.name}"
    for user in config["users"]:
        for field in ("client-certificate", "client-key"):
            user["user"][field] = str(alice.home / ".kube" / user["user"][field])
    forged = tmp_path / "config"
    forged.write_text(yaml.safe_dump(config))
    alice.environment["KUBECONFIG"] = str(forged)

    said = alice.toolforge("jobs", "list", status=1)

    assert f"may not touch what belongs to {bob.name!r}" in said.errors
    assert "Hint:" in said.errors


def _headers_naming(user):
    return {
        "X-Toolforge-Tool": user.name,
        "X-Toolforge-User": user.name,
        "X-Toolforge-Identity": "eyJhbGciOiJub25lIn0.eyJ0b29sIjoiYm9iIn0.",
    }


def test_headers_that_name_a_tool_are_no_certificate(bob):
    path = f"/jobs/v1/tool/{bob.name}/jobs/"
    answer = bob.request("GET", path, headers=_headers_naming(bob), with_certificate=False)

    _assert_refusal(answer, 401, "unauthenticated")


def test_headers_that_name_another_tool_change_nothing(alice, bob):
    forged = _headers_naming(bob)

    theirs = alice.request("GET", f"/jobs/v1/tool/{bob.name}/jobs/", headers=forged)
    own = alice.request("GET", f"/jobs/v1/tool/{alice.name}/jobs/", headers=forged)

    _assert_refusal(theirs, 403, "forbidden")
    assert (own.status, own.body["jobs"]) == (200, [])


NEW_JOB = {"name": "x", "cmd": "true", "imagename": "python3.11", "job_type": "one-off"}

REFUSED = [
    ("GET", "jobs/missing", None, 404, "not_found"),
    ("DELETE", "jobs/missing", None, 404, "not_found"),
    ("POST", "jobs/missing/restart", None, 404, "not_found"),
    ("GET", "jobs/missing/logs", None, 404, "not_found"),
    ("GET", "jobs/missing/logs?lines=many", None, 400, "invalid"),
    ("GET", "nothing/here", None, 404, "not_found"),
    ("PUT", "images/", NEW_JOB, 405, "invalid"),
    ("POST", "jobs/", b"{", 400, "invalid"),
    ("POST", "jobs/", b"\xff", 400, "invalid"),
    ("POST", "jobs/", NEW_JOB | {"name": "Not A Name"}, 400, "invalid"),
    ("POST", "jobs/", NEW_JOB | {"imagename": "no-such-image"}, 400, "invalid"),
    ("POST", "jobs/", NEW_JOB | {"colour": "green"}, 422, "invalid"),
    ("POST", "jobs/", NEW_JOB | {"job_type": "scheduled", "schedule": "now"}, 400, "invalid"),
    ("PATCH", "jobs/", NEW_JOB, 501, "unsupported"),
    ("GET", "quotas", None, 501, "unsupported"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]} {case[1]} {case[3]}")
def test_a_refusal_says_what_why_and_what_to_do(alice, case):
    method, path, body, status, code = case
    answer = alice.request(method, f"/jobs/v1/tool/{alice.name}/{path}", body)

    _assert_refusal(answer, status, code)


def test_a_name_is_taken_once(alice):
    path = f"/jobs/v1/tool/{alice.name}/jobs/"
    job = NEW_JOB | {"job_type": "scheduled", "schedule": "@yearly"}
    assert alice.request("POST", path, job).status == 201

    _assert_refusal(alice.request("POST", path, job), 409, "conflict")


@pytest.mark.parametrize("path", ["/nothing/v1/x", "/jobs/v9/x", "/jobs/v1/x"])
def test_what_is_nowhere_is_not_found(alice, path):
    _assert_refusal(alice.request("GET", path), 404, "not_found")


def test_a_deleted_tool_is_nobody(platform, alice):
    platform.dev("tool", "create", "shortlived")
    user = type(alice)("shortlived", platform)
    certificate = [(path, path.read_bytes()) for path in (user.home / ".toolskube").iterdir()]
    platform.dev("tool", "delete", "shortlived", "--yes")
    platform.dev("tool", "create", "shortlived")
    for path, content in certificate:
        path.unlink()
        path.write_bytes(content)

    answer = user.request("GET", "/jobs/v1/tool/shortlived/jobs/")
    platform.dev("tool", "delete", "shortlived", "--yes")

    _assert_refusal(answer, 401, "unauthenticated")


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/jobs/openapi.json", "/jobs/v1/healthz", "/jobs/v1/metrics"]
)
def test_open_pages_need_no_certificate(alice, path):
    answer = alice.request("GET", path, with_certificate=False)

    assert answer.status == 200
    assert answer.headers["x-request-id"]
