"""JSON over a transport: what is sent, what is believed, which errors come back."""

import json

import pytest

from toolforge_common.cli.api_client import ApiClient, quoted, segment
from toolforge_common.cli.console import Messages
from toolforge_common.cli.transport import Request, Response
from toolforge_common.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    QuotaExceeded,
    ToolforgeError,
    TooManyRequests,
    Unavailable,
    Unsupported,
    by_code,
)
from toolforge_common.testing import FakeService

HEADERS = {"User-Agent": "tests", "Accept": "application/json"}


class Ears:
    """Keeps everything that a client says."""

    def __init__(self):
        self.messages, self.traces, self.pauses = [], [], []

    def client(self, transport) -> ApiClient:
        return ApiClient(
            transport,
            service="jobs",
            user_agent="tests",
            timeout=7,
            on_messages=self.messages.append,
            on_trace=self.traces.append,
            sleep=self.pauses.append,
        )


@pytest.fixture
def ears():
    return Ears()


def error_of(client: ApiClient) -> ToolforgeError:
    with pytest.raises(ToolforgeError) as caught:
        client.get("/x")
    return caught.value


def test_requests_have_the_headers_and_the_patience_they_need(ears):
    service = FakeService((200, {}), (200, {}), (201, {}), (200, {}))
    client = ears.client(service)

    client.get("/jobs", {"lines": "5", "since": "1 h"})
    client.post("/jobs/x/restart")
    client.post("/jobs", {"name": "é"})
    client.delete("/jobs")

    typed = {**HEADERS, "Content-Type": "application/json"}
    assert service.requests == [
        Request("GET", "/jobs?lines=5&since=1%20h", HEADERS, None, 7),
        Request("POST", "/jobs/x/restart", HEADERS, None, 7),
        Request("POST", "/jobs", typed, b'{"name": "\\u00e9"}', 7),
        Request("DELETE", "/jobs", HEADERS, None, 7),
    ]


def test_names_fit_into_a_path_whatever_they_are():
    assert quoted("a-b.c_d~1") == "a-b.c_d~1"
    assert quoted("../a b?é\n") == "..%2Fa%20b%3F%C3%A9%0A"
    assert quoted("") == ""


@pytest.mark.parametrize("text", ["", ".", "..", "\udcff"])
def test_what_would_lead_elsewhere_is_no_segment_of_a_path(text):
    with pytest.raises(InvalidRequest):
        segment(text)


def test_any_other_text_is_one_segment_of_a_path():
    assert segment("../a%2fb") == "..%2Fa%252fb"


def test_messages_of_a_success_are_passed_on(ears):
    body = {"messages": {"info": ["done"], "warning": ["careful"], "error": ["never on success"]}}

    ears.client(FakeService((200, body))).delete("/x")

    assert ears.messages == [Messages(("done",), ("careful",))]


def test_an_answer_without_messages_is_fine(ears):
    assert ears.client(FakeService((200, {"a": 1, "messages": None}))).get("/x") == {
        "a": 1,
        "messages": None,
    }
    assert ears.messages == [Messages()]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff", b""])
def test_an_answer_that_is_not_ours_is_a_failure(ears, body):
    error = error_of(ears.client(FakeService((200, body))))

    assert type(error) is Unavailable
    assert error.message == "the jobs service answered something that is not ours"


@pytest.mark.parametrize("kind", by_code().values(), ids=lambda kind: kind.__name__)
def test_an_error_of_ours_comes_back_as_it_was_raised(ears, kind):
    body = {
        "error": ["no such job", "first finding", "second finding"],
        "code": kind.code,
        "title": kind.title,
        "detail": "no such job",
        "hint": "look again",
        "doc": "https://x",
        "request_id": "r",
    }

    error = error_of(ears.client(FakeService((418, body))))

    assert type(error) is kind
    assert (error.message, error.hint, error.doc) == ("no such job", "look again", "https://x")
    assert error.details == ("first finding", "second finding")
    assert error.__notes__ == ["Request id: the-request-id"]


def test_an_unknown_code_of_ours_is_judged_by_the_status(ears):
    body = {"error": ["it broke"], "code": "internal", "hint": "tell us", "request_id": "r"}

    error = error_of(ears.client(FakeService((500, body))))

    assert (type(error), error.message, error.hint) == (Unavailable, "it broke", "tell us")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, NotAuthenticated),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (418, InvalidRequest),
        (422, InvalidRequest),
        (429, TooManyRequests),
        (500, Unavailable),
        (501, Unsupported),
        (504, Unavailable),
    ],
)
def test_a_foreign_error_is_judged_by_its_status(ears, status, kind):
    error = error_of(ears.client(FakeService((status, {"error": ["text"]}))))

    assert (type(error), error.message) == (kind, "text")


def test_out_of_quota_has_a_code_but_no_status_of_its_own(ears):
    body = {"error": ["no room"], "code": "quota_exceeded"}

    assert type(error_of(ears.client(FakeService((409, body))))) is QuotaExceeded


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": ["one", "two"]}, "one\ntwo"),
        ({"error": "one"}, "one"),
        ({"messages": {"error": ["first"]}, "error": ["second"]}, "first"),
        ("a plain text", "a plain text"),
        (
            {"detail": [{"loc": ["body", "name"], "msg": "missing"}, {"msg": "x"}]},
            "body.name: missing\nx",
        ),
        ({"detail": "Not Found"}, "Not Found"),
        ({"other": 1}, '{"other": 1}'),
        (b"<html>oops</html>", "<html>oops</html>"),
        (b"", "it answered 400 and nothing else"),
    ],
)
def test_the_text_of_a_foreign_error_is_found(ears, body, text):
    assert error_of(ears.client(FakeService((400, body)))).message == text


@pytest.mark.parametrize("status", [502, 503])
def test_a_gateway_that_misses_its_service_says_that_it_seems_down(ears, status):
    answers = [(status, b"<html>bad gateway</html>")] * 3

    error = error_of(ears.client(FakeService(*answers)))

    assert type(error) is Unavailable
    assert error.message == "the jobs service seems to be down; please try again in a few minutes"


def test_messages_of_a_refusal_are_passed_on_as_such(ears):
    body = {"error": ["no"], "messages": {"info": ["i"], "warning": ["w"]}}

    error_of(ears.client(FakeService((400, body))))

    assert ears.messages == [Messages(("i",), ("w",), come_with_refusal=True)]


def test_the_request_id_may_stand_in_the_body_alone(ears):
    body = json.dumps({"error": ["no"], "request_id": "from-body"}).encode()

    error = error_of(ears.client(lambda _: Response(400, {}, [body])))

    assert error.__notes__ == ["Request id: from-body"]


def test_an_error_without_a_request_id_has_no_note(ears):
    error = error_of(ears.client(lambda _: Response(400, {}, [b"no"])))

    assert not hasattr(error, "__notes__")


def failing(cause: Exception):
    """Return a transport that fails for that cause, and the list of what it was asked."""
    asked = []

    def transport(request):
        asked.append(request.method)
        raise Unavailable("down") from cause

    return transport, asked


def test_a_read_is_tried_three_times_when_nobody_listens(ears):
    transport, asked = failing(ConnectionRefusedError())

    error_of(ears.client(transport))

    assert (asked, ears.pauses) == (["GET"] * 3, [0.2, 0.8])


def test_a_read_succeeds_when_the_service_comes_back(ears):
    service = FakeService((503, {}), (200, {"back": True}))

    assert ears.client(service).get("/x") == {"back": True}
    assert ears.pauses == [0.2]


def test_a_change_is_never_sent_twice(ears):
    transport, asked = failing(ConnectionResetError())
    client = ears.client(transport)

    for change in (client.post, client.delete):
        with pytest.raises(Unavailable):
            change("/x")

    assert (asked, ears.pauses) == (["POST", "DELETE"], [])


def test_a_distrusted_gateway_is_not_asked_again(ears):
    transport, asked = failing(OSError("certificate verify failed"))

    error_of(ears.client(transport))

    assert asked == ["GET"]


def test_a_stream_gives_objects_and_skips_signs_of_life(ears):
    service = FakeService((200, b'{"a": 1}\n\n\r\n{"a": 2}'))

    assert list(ears.client(service).lines("/logs", {"lines": "2"})) == [{"a": 1}, {"a": 2}]
    assert service.requests == [Request("GET", "/logs?lines=2", HEADERS, None, 7)]


def test_a_followed_stream_may_be_silent_for_ever(ears):
    service = FakeService((200, b""))

    assert list(ears.client(service).lines("/logs", follow=True)) == []
    assert service.requests[0].timeout is None


def test_a_refused_stream_raises_what_the_service_raised(ears):
    service = FakeService((404, {"error": ["no logs"], "code": "not_found"}))

    with pytest.raises(NotFound, match="no logs"):
        list(ears.client(service).lines("/logs"))


def test_every_exchange_leaves_a_trace(ears):
    client = ears.client(FakeService((200, {})))
    transport, _ = failing(OSError())

    client.get("/x")
    error_of(ears.client(transport))

    took, failed = ears.traces
    assert took.startswith("GET /x: 200 in ")
    assert took.endswith("request id the-request-id")
    assert failed == "GET /x: down"
