"""What a linter finds in an OpenAPI document."""

import copy

import check_openapi
import pytest

DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "things", "version": "1"},
    "paths": {
        "/things": {
            "get": {
                "operationId": "things.list_things",
                "summary": "List the things",
                "tags": ["things"],
                "responses": {
                    "200": {"description": "all of them"},
                    "400": {"$ref": "#/components/responses/Refused"},
                },
            }
        }
    },
    "components": {
        "responses": {
            "Refused": {"description": "no", "content": {"application/json": {"schema": {}}}}
        }
    },
}


@pytest.fixture
def document():
    return copy.deepcopy(DOCUMENT)


def test_a_good_document_passes(document):
    assert list(check_openapi.findings(document)) == []


@pytest.mark.parametrize("field", ["operationId", "summary", "tags"])
def test_an_operation_says_what_it_is(document, field):
    del document["paths"]["/things"]["get"][field]

    assert list(check_openapi.findings(document)) == [f"GET /things: it has no {field}"]


def test_a_response_behind_a_reference_has_one_content_type(document):
    document["components"]["responses"]["Refused"]["content"]["text/plain"] = {"schema": {}}

    assert list(check_openapi.findings(document)) == [
        "GET /things: the response 400 has more than one content type"
    ]


def test_what_openapi_itself_refuses_is_found_with_its_place(document):
    del document["info"]["title"]

    (finding,) = check_openapi.findings(document)

    # The quotes are the validator's, of which there are two.
    assert finding.replace('"', "'") == "info: 'title' is a required property"


def test_a_version_that_connexion_refuses_is_found(document):
    document["openapi"] = "3.1.0"

    (finding,) = check_openapi.findings(document)

    assert finding.startswith("openapi: ")
