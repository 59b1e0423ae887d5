"""The service keeps its document, its schemas agree with it, and the document is complete."""

from openapi_spec_validator import validate

from toolforge_common.api.testing.contract import document_problems
from toolforge_common.api.testing.fuzz import fuzz
from toolforge_common.api.testing.seam import seam_differences
from toolforge_sample_api import schemas

SCHEMAS = {"Item": schemas.ItemSchema}


def test_the_document_is_an_openapi_document(document):
    validate(document)


def test_the_document_says_everything(document):
    assert document_problems(document) == []


def test_the_document_is_what_is_served(client, document):
    assert client.get("/openapi.json", signed=False).json() == document


def test_schemas_and_document_say_the_same(document):
    assert seam_differences(document, SCHEMAS) == []


def test_the_service_keeps_its_document(client):
    def prepare(case):
        """Let it be about what is there, every other time."""
        client.post("/v1/tool/demo/sample", json={"name": "known", "value": "x"})
        if "name" in case.path_parameters and len(case.path_parameters["name"]) % 2:
            case.path_parameters["name"] = "known"

    fuzz(client, prepare=prepare, max_examples=25)
