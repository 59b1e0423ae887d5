"""The merged document, as callers of the gateway see the services."""

import copy

import pytest
from openapi_spec_validator import validate

from toolforge_gateway.openapi import Server, merge


@pytest.fixture
def merged(document):
    return merge(
        {"jobs": document, "builds": document}, [Server("https://127.0.0.1:30003", "here")]
    )


def test_the_merged_document_is_valid(merged):
    validate(merged)


def test_paths_get_the_prefix_of_their_service(merged):
    assert sorted(merged["paths"]) == [
        "/builds/v1/healthz",
        "/builds/v1/tool/{toolname}/jobs",
        "/jobs/v1/healthz",
        "/jobs/v1/tool/{toolname}/jobs",
    ]


def test_components_get_the_name_of_their_service_wherever_they_are_referred_to(merged):
    item = merged["paths"]["/jobs/v1/tool/{toolname}/jobs"]
    content = item["get"]["responses"]["200"]["content"]["application/json"]

    assert item["parameters"] == [{"$ref": "#/components/parameters/Jobstoolname"}]
    assert content["schema"] == {"$ref": "#/components/schemas/JobsJobs"}
    assert merged["components"]["schemas"]["JobsJob"] == {
        "oneOf": [{"$ref": "#/components/schemas/JobsOneOff"}],
        "discriminator": {
            "propertyName": "job_type",
            "mapping": {"one-off": "#/components/schemas/JobsOneOff"},
        },
    }


def test_operations_are_named_and_tagged_by_their_service(merged):
    operation = merged["paths"]["/jobs/v1/tool/{toolname}/jobs"]["get"]

    assert operation["operationId"] == "jobs-list-jobs"
    assert operation["tags"] == ["jobs"]
    assert merged["paths"]["/jobs/v1/healthz"]["get"]["operationId"] == "jobs-health-show-health"
    assert [tag["name"] for tag in merged["tags"]] == ["builds", "jobs"]


def test_the_token_between_gateway_and_service_is_not_described(merged):
    assert "securitySchemes" not in merged["components"]
    assert "security" not in merged["paths"]["/jobs/v1/tool/{toolname}/jobs"]["get"]


def test_the_document_names_servers_and_the_versions_of_its_parts(merged):
    assert merged["servers"] == [{"url": "https://127.0.0.1:30003", "description": "here"}]
    assert merged["info"]["version"] == "builds-4.12.1+jobs-4.12.1"


def test_the_services_own_documents_stay_as_they_are(document):
    before = copy.deepcopy(document)

    merge({"jobs": document})

    assert before == document


def test_a_document_of_another_openapi_is_refused(document):
    with pytest.raises(ValueError, match=r"'jobs' is not in OpenAPI 3\.0"):
        merge({"jobs": {**document, "openapi": "3.1.0"}})


def test_operations_that_would_share_a_name_are_refused(document):
    health = document["paths"]["/v1/healthz"]
    paths = {"/a": health, "/b": health}

    with pytest.raises(ValueError, match="jobs-health-show-health"):
        merge({"jobs": {**document, "paths": paths}})
