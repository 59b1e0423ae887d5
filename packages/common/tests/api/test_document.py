"""Documents as data, and which of them no service may serve."""

import pytest

from toolforge_common.api.document import (
    DocumentError,
    load_document,
    operations,
    require_safe,
)


def test_a_package_without_a_document_is_broken():
    with pytest.raises(FileNotFoundError):
        load_document("toolforge_common")


def test_operations_come_in_order_and_know_what_they_are(document):
    seen = [(str(one), one.name, one.is_open, one.is_stream) for one in operations(document)]

    assert seen == [
        ("GET /openapi.json", "service.openapi", True, False),
        ("GET /v1/metrics", "service.metrics", True, False),
        ("GET /v1/tool/{toolname}/things", "things.list_things", False, False),
        ("POST /v1/tool/{toolname}/things", "things.create_thing", False, False),
        ("GET /v1/tool/{toolname}/things/{name}", "things.get_thing", False, False),
        ("GET /v1/tool/{toolname}/things/{name}/tail", "things.tail", False, True),
    ]


def test_a_safe_document(document):
    require_safe(document)


def test_a_document_that_demands_nothing_is_refused(document):
    del document["security"]

    with pytest.raises(DocumentError, match="as a whole must demand an identity"):
        require_safe(document)


def test_an_operation_about_no_tool_must_be_open(document):
    del document["paths"]["/v1/metrics"]["get"]["security"]

    with pytest.raises(DocumentError, match="GET /v1/metrics must name"):
        require_safe(document)


def test_an_operation_about_a_tool_must_not_be_open(document):
    document["paths"]["/v1/tool/{toolname}/things"]["post"]["security"] = []

    with pytest.raises(DocumentError, match="things must name"):
        require_safe(document)


def test_an_operation_has_no_access_of_its_own_kind(document):
    things = document["paths"]["/v1/tool/{toolname}/things"]
    things["post"]["security"] = [{"identity": []}, {}]  # the second would let everybody in

    with pytest.raises(DocumentError, match="must not choose its own kind of access"):
        require_safe(document)
