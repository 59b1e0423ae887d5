"""The program refuses the names that the service refuses, in the service's words."""

import re

import pytest

from toolforge_common.errors import InvalidRequest
from toolforge_common.names import parse_job_name
from toolforge_jobs_api.app import openapi_document

NAMES = ["a", "a.b", "a-b", "0", "", "-a", "a.", "a..b", "A", "a/b", "a" * 52, "a" * 53]


@pytest.mark.parametrize("name", NAMES)
def test_both_sides_have_the_same_rule(name):
    schema = openapi_document()["components"]["schemas"]["JobName"]
    fits = bool(re.search(schema["pattern"], name)) and len(name) <= schema["maxLength"]

    try:
        parse_job_name(name)
    except InvalidRequest as refusal:
        said = {"message": refusal.message, "hint": refusal.hint, "doc": refusal.doc}
        assert not fits
        assert said.items() <= schema["x-invalid"].items()
    else:
        assert fits
