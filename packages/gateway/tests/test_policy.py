"""Who may call what."""

import datetime

import pytest

from toolforge_common.errors import Forbidden, InvalidRequest, NotAuthenticated, NotFound
from toolforge_common.identity import Identity
from toolforge_gateway.policy import Decision, Request

NOW = datetime.datetime.now(datetime.UTC)
ID = "0123456789abcdef"
JOBS = b"/jobs/v1/tool/demo/jobs"


def request(raw_path, certificate=None, method="GET", headers=()):
    return Request(method, raw_path, headers, ID, certificate)


def test_a_tool_reaches_its_own_paths(policy, der):
    headers = [(b"Host", b"127.0.0.1"), (b"X-Toolforge-Tool", b"other"), (b"Accept", b"*/*")]

    decision = policy.decide(request(JOBS + b"/a%20b", der(), "POST", headers))

    assert decision == Decision(
        service="jobs",
        path="/v1/tool/demo/jobs/a b",
        raw_path=b"/v1/tool/demo/jobs/a%20b",
        headers=[
            (b"host", b"127.0.0.1"),
            (b"accept", b"*/*"),
            (b"x-request-id", ID.encode()),
            (b"x-toolforge-tool", b"demo"),
        ],
        caller=Identity("tool:demo", "demo", ("tool",), ID),
    )


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/openapi.json", "/v1/healthz", "/v1/metrics"])
def test_what_is_open_is_read_without_credentials(policy, method, path):
    headers = [(b"x-toolforge-tool", b"demo"), (b"x-toolforge-identity", b"stolen")]

    decision = policy.decide(request(b"/jobs" + path.encode(), method=method, headers=headers))

    assert decision == Decision(
        service="jobs",
        path=path,
        raw_path=path.encode(),
        headers=[(b"x-request-id", ID.encode())],
    )


@pytest.mark.parametrize("path", ["/", "/openapi.json"])
def test_the_gateways_own_pages_are_its_own(policy, path):
    decision = policy.decide(request(path.encode()))

    assert (decision.service, decision.path, decision.caller) == ("", path, None)


def test_every_version_of_a_service_has_its_open_paths(policy):
    assert policy.decide(request(b"/builds/v2/healthz")).service == "builds"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_an_open_path_is_open_for_reading_only(policy, method):
    with pytest.raises(NotAuthenticated):
        policy.decide(request(b"/jobs/v1/healthz", method=method))


@pytest.mark.parametrize(
    "raw_path",
    [
        JOBS,
        b"/jobs/v1/tool/demo/jobs/",
        b"/jobs/v1/healthz/",
        b"/jobs/v1/metrics/x",
        b"/jobs/v1/openapi.json",
        b"/jobs/v1",
        b"/jobs/v1/",
        b"/builds/v2/tool/demo/builds",
    ],
)
def test_without_a_certificate_everything_else_is_refused_with_a_hint(policy, raw_path):
    with pytest.raises(NotAuthenticated, match="client certificate") as refused:
        policy.decide(request(raw_path))

    assert "toolforge dev shell <tool>" in refused.value.hint


@pytest.mark.parametrize(
    "raw_path",
    [
        b"/jobs/v1/tool/other/jobs",
        b"/jobs/v1/tool/demo2/jobs",  # begins with the tool's name
        b"/jobs/v1/tool/Demo/jobs",
        b"/jobs/v1/tool/demo%20/jobs",
        b"/jobs/v1/tool/%6Fther/jobs",
        b"/jobs/v1/tool/nosuchtool/jobs",
    ],
)
def test_a_tool_is_forbidden_what_belongs_to_another(policy, der, raw_path):
    with pytest.raises(Forbidden, match="'demo' may not touch") as refused:
        policy.decide(request(raw_path, der()))

    assert refused.value.hint


@pytest.mark.parametrize(
    "raw_path",
    [
        b"/jobs/v1",
        b"/jobs/v1/",
        b"/jobs/v1/jobs",
        b"/jobs/v1/tool",
        b"/jobs/v1/tool/",
        b"/jobs/v1/Tool/demo",
    ],
)
def test_outside_the_paths_of_tools_there_is_nothing(policy, der, raw_path):
    with pytest.raises(NotFound, match="there is nothing at /jobs/v1"):
        policy.decide(request(raw_path, der()))


@pytest.mark.parametrize(
    ("raw_path", "hint"),
    [
        (b"/job/v1/tool/demo/jobs", "did you mean /jobs/?"),
        (b"/Jobs/v1", "did you mean /jobs/?"),
        (b"/favicon.ico", "the services are: builds, jobs"),
        (b"/v1/tool/demo/jobs", "the services are: builds, jobs"),
    ],
)
def test_an_unknown_service_is_answered_with_near_names(policy, raw_path, hint):
    with pytest.raises(NotFound, match="there is no service at /") as refused:
        policy.decide(request(raw_path))

    assert hint in refused.value.hint


@pytest.mark.parametrize(
    "raw_path", [b"/builds", b"/builds/", b"/builds/v3/tool/demo", b"/builds/api"]
)
def test_an_unknown_version_is_answered_with_the_known_ones(policy, raw_path):
    with pytest.raises(NotFound) as refused:
        policy.decide(request(raw_path))

    assert refused.value.hint == "this service has /builds/v1/, /builds/v2/"


@pytest.mark.parametrize(
    "raw_path",
    [
        b"/jobs/v1/tool/other/../demo/jobs",
        b"/jobs/v1/tool/demo/%2e%2e/other/jobs",
        b"/jobs/v1/healthz/../tool/demo/jobs",
        b"/jobs/v1/tool/demo%2f..%2fother/jobs",
        b"//jobs/v1/tool/demo/jobs",
    ],
)
def test_an_ambiguous_path_is_refused_whoever_asks(policy, der, raw_path):
    with pytest.raises(InvalidRequest, match="ambiguous"):
        policy.decide(request(raw_path, der()))


def test_a_certificate_of_an_unknown_tool_is_refused(policy, der):
    with pytest.raises(NotAuthenticated, match="there is no tool 'gone'"):
        policy.decide(request(JOBS, der([("O", "toolforge"), ("CN", "gone")])))


def test_a_disabled_tool_is_forbidden(policy, der, tools):
    tools.change("demo", enabled=False)

    with pytest.raises(Forbidden, match="'demo' is disabled"):
        policy.decide(request(JOBS, der()))


def test_a_certificate_older_than_the_tool_is_refused(policy, der, tools):
    """It belonged to a tool of that name that was deleted."""
    born = datetime.datetime(2026, 1, 1, 12, 0, 0, 900_000, tzinfo=datetime.UTC)
    tools.change("demo", created_at=born)
    own, older = (
        der(not_before=born.replace(microsecond=0) - datetime.timedelta(seconds=age))
        for age in (0, 1)
    )

    assert policy.decide(request(JOBS, own)).caller.tool == "demo"
    with pytest.raises(NotAuthenticated, match="older than the tool"):
        policy.decide(request(JOBS, older))


@pytest.mark.parametrize(
    ("begins", "ends"),
    [(-7200, -1), (1, 7200)],  # seconds from now
)
def test_a_certificate_out_of_its_time_is_refused(policy, der, begins, ends):
    # The policy's clock stands at the time when these tests were loaded.
    now = policy._clock()
    certificate = der(
        not_before=now + datetime.timedelta(seconds=begins),
        not_after=now + datetime.timedelta(seconds=ends),
    )

    with pytest.raises(NotAuthenticated, match="out of date"):
        policy.decide(request(JOBS, certificate))


def test_what_is_remembered_of_a_certificate_outlives_no_change_of_the_tool(policy, der, tools):
    certificate = der()
    policy.decide(request(JOBS, certificate))
    del tools.by_name["demo"]

    with pytest.raises(NotAuthenticated):
        policy.decide(request(JOBS, certificate))
