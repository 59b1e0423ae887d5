"""Schemas compiled once, and their refusals in words for people."""

import pytest

from toolforge_common.api.schema import CompiledSchema, Finding, SchemaStore, to_json_schema, walk

RULE = {"code": "invalid", "message": "names are short", "doc": "https://x"}
JOB = {
    "type": "object",
    "required": ["name", "cmd"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "maxLength": 5, "x-invalid": RULE},
        "cmd": {"type": "string", "minLength": 1},
        "retry": {"type": "integer", "minimum": 0, "maximum": 5},
        "share": {"type": "number"},
        "on": {"type": "boolean"},
        "mount": {"type": "string", "enum": ["all", "none"], "nullable": True},
        "kind": {"type": "string", "enum": ["job"]},
        "publish": {"type": "string", "enum": ["", "/"]},
        "path": {"type": "string", "pattern": "^/", "nullable": True},
        "code": {"type": "string", "minLength": 3},
        "since": {"type": "string", "format": "date-time"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "uniqueItems": True},
        "key": {"type": "string", "format": "password", "maxLength": 3},
        "probe": {"type": "object", "properties": {"port": {"type": "integer"}}},
        "properties": {
            "type": "object",
            "properties": {"x": {"type": "integer", "x-invalid": RULE}},
        },
    },
}
FINE = {"name": "x", "cmd": "y"}


def texts(schema, value, name=""):
    return [finding.text for finding in CompiledSchema(schema).findings(value, name)]


@pytest.mark.parametrize(
    "value",
    [
        FINE,
        {**FINE, "mount": None, "path": None},
        {**FINE, "retry": 5, "share": 1, "on": True, "kind": "job", "publish": ""},
        {**FINE, "since": "2026-11-23T21:46:00Z", "tags": ["a"], "probe": {"port": 1}},
    ],
)
def test_a_right_value_has_no_findings(value):
    assert CompiledSchema(JOB).findings(value) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"retry": 6}, "retry must be at most 5, not 6"),
        ({"retry": -1}, "retry must be at least 0, not -1"),
        ({"retry": "1"}, 'retry must be a whole number, not "1"'),
        ({"retry": None}, "retry must be a whole number"),
        ({"retry": []}, "retry must be a whole number"),
        ({"share": "much"}, 'share must be a number, not "much"'),
        ({"on": 1}, "on must be true or false, not 1"),
        ({"cmd": ""}, 'cmd must not be empty, not ""'),
        ({"code": "x"}, 'code must have at least 3 characters, not "x"'),
        ({"cmd": False}, "cmd must be a text, not false"),
        ({"mount": "some"}, 'mount must be one of all, none, null, not "some"'),
        ({"kind": "task"}, 'kind must be job, not "task"'),
        ({"publish": "x"}, 'publish must be one of empty, /, not "x"'),
        ({"path": "x"}, 'path must match ^/, not "x"'),
        ({"path": "x" * 41}, "path must match ^/"),  # long values are not repeated
        ({"since": "today"}, 'since must be a date-time, not "today"'),
        ({"tags": "x"}, 'tags must be a list, not "x"'),
        ({"tags": ["long", "x"]}, 'tags[0] must have at most 3 characters, not "long"'),
        ({"tags": ["x", "x"]}, "tags hurts the rule 'uniqueItems' of its schema"),
        ({"probe": 5}, "probe must be an object, not 5"),
        ({"probe": {"port": "x"}}, 'probe.port must be a whole number, not "x"'),
        ({"key": "hunter2"}, "key must have at most 3 characters"),  # secrets are not repeated
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(changes, sentence):
    assert texts(JOB, {**FINE, **changes}) == [sentence]


def test_missing_and_unknown_fields_are_named():
    known = ", ".join(sorted(JOB["properties"]))

    assert texts(JOB, {"name": "x", "comand": "y", "foo": 1}) == [
        "cmd is required",
        f"comand is not known here; known are {known}",
        f"foo is not known here; known are {known}",
    ]


def test_the_value_as_a_whole_is_the_body_unless_it_has_a_name():
    assert texts(JOB, 5) == ["the body must be an object, not 5"]
    assert texts({"type": "integer"}, "x", "lines") == ['lines must be a whole number, not "x"']


def test_a_finding_says_where_and_by_which_keyword():
    (finding,) = CompiledSchema(JOB).findings({**FINE, "tags": ["long"]})

    assert finding == Finding(("tags", 0), finding.text, "maxLength", None)


@pytest.mark.parametrize("changes", [{"name": "too long"}, {"properties": {"x": "y"}}])
def test_a_rule_around_what_is_wrong_is_found(changes):
    (finding,) = CompiledSchema(JOB).findings({**FINE, **changes})

    assert finding.rule == RULE


CIRCLE = {
    "type": "object",
    "required": ["radius"],
    "additionalProperties": False,
    "properties": {
        "shape": {"type": "string", "enum": ["circle", "round"]},
        "radius": {"type": "integer", "maximum": 5},
        "colour": {"type": "string"},
    },
}
BOX = {
    "type": "object",
    "required": ["side", "name"],
    "additionalProperties": False,
    "properties": {
        "shape": {"type": "string", "enum": ["box"]},
        "side": {"type": "integer"},
        "name": {"type": "string", "maxLength": 3, "x-invalid": RULE},
    },
}
SHAPE = {"anyOf": [CIRCLE, BOX], "discriminator": {"propertyName": "shape"}}


@pytest.mark.parametrize("schema", [SHAPE, {"type": "object", "properties": {"inner": SHAPE}}])
@pytest.mark.parametrize(
    ("value", "sentences"),
    [
        ({"shape": "box"}, ["side is required", "name is required"]),
        ({"shape": "round"}, ["radius is required"]),
        ({"shape": "oval"}, ["shape must be one of circle, round, box"]),
        ({"shape": 5}, ["shape must be one of circle, round, box"]),
        (
            {"radius": 9, "colour": 1},
            ["radius must be at most 5, not 9", "colour must be a text, not 1"],
        ),
        ({"side": 1, "name": "long"}, ['name must have at most 3 characters, not "long"']),
        ({}, ["radius is required"]),
    ],
)
def test_only_the_branch_that_was_meant_is_explained(schema, value, sentences):
    if schema is SHAPE:
        assert texts(schema, value) == sentences
    else:
        assert texts(schema, {"inner": value}) == [f"inner.{sentence}" for sentence in sentences]


def test_many_unknown_fields_make_a_branch_a_far_one():
    value = {"radius": 9, "colour": 5, "side": 1}

    assert texts(SHAPE, value)[-1] == "side is not known here; known are colour, radius, shape"


def test_a_bad_value_speaks_less_against_a_branch_than_an_unknown_field():
    assert texts(SHAPE, {"radius": 1, "side": 2, "name": "long", "shap": 1})[0].startswith("name")


def test_a_branch_of_another_type_is_the_farthest():
    schema = {"anyOf": [CIRCLE, {"type": "string"}]}

    assert sorted(texts(schema, {"colour": 1, "shape": 2})) == [
        "colour must be a text, not 1",
        "radius is required",
        "shape must be a text, not 2",
    ]


def test_a_place_is_named_once():
    schema = {"type": "string", "minLength": 3, "pattern": "^x", "enum": ["xyz"]}

    assert len(texts(schema, "a")) == 1


def test_a_rule_within_a_branch_is_found():
    (finding,) = CompiledSchema(SHAPE).findings({"shape": "box", "side": 1, "name": "long"})

    assert finding.rule == RULE


@pytest.mark.parametrize("value", [[], 0.5])
def test_of_branches_of_other_types_the_first_is_explained(value):
    schema = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 2}, {"type": "string"}]}

    assert texts(schema, value)[0].startswith("the body must be a whole number")


def test_a_value_that_fits_two_branches_of_which_one_must_fit():
    schema = {"oneOf": [{"type": "integer"}, {"minimum": 1}]}

    assert texts(schema, 2) == ["the body hurts the rule 'oneOf' of its schema, not 2"]


@pytest.mark.parametrize(
    ("schema", "converted"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        (
            {"type": "string", "enum": ["a"], "nullable": True},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {"allOf": [{"type": "string"}], "nullable": True},
            {"anyOf": [{"allOf": [{"type": "string"}]}, {"type": "null"}]},
        ),
        ({"type": "string", "nullable": False}, {"type": "string"}),
        (
            {"additionalProperties": {"type": "string", "nullable": True}},
            {"additionalProperties": {"type": ["string", "null"]}},
        ),
        ({"additionalProperties": False}, {"additionalProperties": False}),
        (
            {"items": {"properties": {"nullable": {"type": "string", "example": "x"}}}},
            {"items": {"properties": {"nullable": {"type": "string"}}}},
        ),
        ({"type": "object", "components": {"schemas": {}}}, {"type": "object"}),
    ],
)
def test_what_only_openapi_knows_is_rewritten(schema, converted):
    assert to_json_schema(schema) == converted


def test_a_schema_is_compiled_once():
    store, schema = SchemaStore(), {"type": "string"}

    assert store.compiled(schema) is store.compiled(schema)
    assert store.compiled(schema) is not store.compiled(dict(schema))


def test_a_walk_gives_the_schemas_alone():
    inner = {"type": "integer"}
    schema = {"anyOf": [{"properties": {"properties": {"properties": {"x": inner}}}}]}
    path = ["anyOf", 0, "properties", "properties", "properties", "x"]

    assert walk(schema, path) == [
        schema,
        schema["anyOf"][0],
        schema["anyOf"][0]["properties"]["properties"],
        inner,
    ]
