"""The look at a document finds what it does not say, and the fuzzer what a service does not keep."""

import pytest

from toolforge_common.api.testing.contract import document_problems
from toolforge_common.api.testing.fuzz import fuzz
from toolforge_common.errors import Unavailable

THINGS = "/v1/tool/{toolname}/things"


def test_a_document_without_problems(document):
    assert document_problems(document, invalid_body=422) == []


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/v1/metrics", "get", "500"),
        (THINGS, "get", "403"),
        (THINGS, "post", "422"),
        (THINGS, "post", "413"),
        (f"{THINGS}/{{name}}/tail", "get", "429"),
    ],
)
def test_an_error_that_is_not_documented(document, path, method, status):
    del document["paths"][path][method]["responses"][status]

    assert document_problems(document, 422) == [
        f"{method.upper()} {path} does not document {status}"
    ]


def test_other_problems(document):
    things = document["paths"][THINGS]
    del things["get"]["summary"], things["get"]["responses"]["200"]["content"]
    things["post"]["operationId"] = "things.list_things"
    things["post"]["security"] = []

    assert document_problems(document, 422) == [
        f"GET {THINGS} has no summary",
        f"GET {THINGS} does not say what 200 looks like",
        "the operationId things.list_things is used twice",
        f"POST {THINGS} must name {{toolname}} in its path or be open, and not both",
    ]


def test_a_service_that_keeps_its_document(client):
    fuzz(client, max_examples=5)


def test_a_service_that_does_not(client, things, log):
    def fail():
        raise Unavailable("the runtime sleeps")

    things.on_list = fail
    with pytest.raises(ExceptionGroup) as caught:
        fuzz(client, max_examples=3)

    notes = [note for error in caught.value.exceptions for note in error.__notes__]
    assert f"GET {THINGS}, positive data" in notes
    assert all(THINGS in note or "data" not in note for note in notes)


def test_an_answer_that_the_document_does_not_know(client, document):
    del document["paths"][f"{THINGS}/{{name}}"]["get"]["responses"]["404"]

    with pytest.raises(ExceptionGroup) as caught:
        fuzz(client, max_examples=3)

    assert "404" in "".join(str(error) for error in caught.value.exceptions)
