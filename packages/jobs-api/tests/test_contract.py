"""The service keeps its document, its schemas agree with it, and the document is complete."""

import itertools

import yaml
from openapi_spec_validator import validate

from toolforge_common.api.testing.contract import document_problems
from toolforge_common.api.testing.fuzz import fuzz
from toolforge_common.api.testing.seam import seam_differences
from toolforge_common.names import ToolName
from toolforge_jobs_api import schemas
from toolforge_jobs_api.app import INVALID_BODY

DEMO = ToolName("demo")
SCHEMAS = {
    "NewOneOffJob": schemas.NewOneOffJobSchema,
    "NewScheduledJob": schemas.NewScheduledJobSchema,
    "NewContinuousJob": schemas.NewContinuousJobSchema,
    "NewWebserviceJob": schemas.NewWebserviceJobSchema,
    "NewHealthCheck": schemas.NewHealthCheckSchema,
    "DefinedOneOffJob": schemas.DefinedOneOffJobSchema,
    "DefinedScheduledJob": schemas.DefinedScheduledJobSchema,
    "DefinedContinuousJob": schemas.DefinedContinuousJobSchema,
    "HealthCheck": schemas.HealthCheckSchema,
    "Image": schemas.ImageSchema,
    "JobStatus": schemas.JobStatusSchema,
    "LogLine": schemas.LogLineSchema,
    "ScheduledJobStatus": schemas.ScheduledJobStatusSchema,
}


def test_the_document_is_an_openapi_document(document):
    validate(document)


def test_the_document_says_everything(document):
    assert document_problems(document, INVALID_BODY) == []


def test_the_document_is_what_is_served(client, document):
    assert client.get("/openapi.json", signed=False).json() == document


def test_the_document_is_plain_data(document):
    # Aliases of YAML would come out of other parsers as something else.
    assert yaml.safe_load(yaml.safe_dump(document)) == document


def test_schemas_and_document_say_the_same(document):
    assert seam_differences(document, SCHEMAS) == []


KNOWN = {
    "once": {"cmd": "x", "filelog": False},
    "often": {"cmd": "x", "schedule": "@hourly", "filelog": False},
    "always": {"cmd": "x", "continuous": True, "port": 8000},
}


def test_the_service_keeps_its_document(client, runtime, log):
    names = itertools.cycle([*KNOWN, "nobody"])
    numbers = itertools.count()

    def prepare(case):
        """Let it be about what is there, and within the rules that are not the document's."""
        for name, rest in KNOWN.items():
            # What an earlier case has deleted comes back.
            client.post("/v1/tool/demo/jobs", json={"name": name, "imagename": "bookworm", **rest})
            runtime.write(DEMO, name, "a line")
        if "name" in case.path_parameters:
            case.path_parameters["name"] = next(names)
        if isinstance(case.body, dict):
            known = {"imagename": "tf-bookworm", "memory": "1Gi", "cpu": "1", "schedule": "@daily"}
            known["name"] = f"job-{next(numbers)}"
            case.body |= {key: value for key, value in known.items() if key in case.body}

    fuzz(client, prepare=prepare, max_examples=15)


def test_examples_of_the_document_are_accepted(client, document):
    body = document["paths"]["/v1/tool/{toolname}/jobs"]["post"]["requestBody"]
    examples = body["content"]["application/json"]["examples"]

    answers = [
        client.post("/v1/tool/demo/jobs", json=example["value"]) for example in examples.values()
    ]

    assert [answer.status for answer in answers] == [201] * 3
