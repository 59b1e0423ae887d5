"""The comparison of schemas with a document names each field that drifted, and how."""

import enum

import marshmallow
import pytest
from marshmallow import fields

from toolforge_common.api.testing.seam import seam_differences


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(marshmallow.Schema):
    port = fields.Integer(required=True)


class Outer(marshmallow.Schema):
    name = fields.String(required=True)
    size = fields.Integer(load_default=3)
    colour = fields.Enum(Colour, by_value=fields.String, allow_none=True)
    since = fields.DateTime(data_key="created")
    inner = fields.Nested(Inner)
    inners = fields.List(fields.Nested(Inner))
    tags = fields.List(fields.String())


def document(**changes):
    properties = {
        "name": {"type": "string", "maxLength": 5, "description": "A name."},
        "size": {"type": "integer", "default": 3, "minimum": 1},
        "colour": {"$ref": "#/components/schemas/Colour"},
        "created": {"type": "string", "format": "date-time"},
        "inner": {"allOf": [{"$ref": "#/components/schemas/Inner"}], "description": "Inner."},
        "inners": {"type": "array", "items": {"$ref": "#/components/schemas/Inner"}},
        "tags": {"type": "array", "items": {"type": "string"}},
        **changes,
    }
    return {
        "components": {
            "schemas": {
                "Colour": {"type": "string", "enum": ["red", "blue"], "nullable": True},
                "Inner": {
                    "type": "object",
                    "required": ["port"],
                    "properties": {"port": {"type": "integer"}},
                },
                "Outer": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {k: v for k, v in properties.items() if v is not None},
                },
            }
        }
    }


def test_both_sides_say_the_same():
    assert seam_differences(document(), {"Outer": Outer, "Inner": Inner}) == []


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"size": None}, "Outer.size is in the schema alone"),
        ({"more": {"type": "string"}}, "Outer.more is in the document alone"),
        (
            {"size": {"type": "string", "default": 3}},
            "Outer.size: type is 'string' in the document, 'integer' in the schema",
        ),
        (
            {"size": {"type": "integer"}},
            "Outer.size: default is None in the document, 3 in the schema",
        ),
        (
            {"created": {"type": "string"}},
            "Outer.created: format is None in the document, 'date-time' in the schema",
        ),
        (
            {"name": {"type": "string", "nullable": True}},
            "Outer.name: nullable is True in the document, False in the schema",
        ),
        (
            {"colour": {"type": "string", "enum": ["red"], "nullable": True}},
            "Outer.colour: enum is ['red'] in the document, ['blue', 'red'] in the schema",
        ),
        (
            {"tags": {"type": "array", "items": {"type": "integer"}}},
            "Outer.tags[]: type is 'integer' in the document, 'string' in the schema",
        ),
        (
            {"inner": {"type": "object", "properties": {"port": {"type": "integer"}}}},
            "Outer.inner.port is required by the schema alone",
        ),
        (
            {"inners": {"type": "array", "items": {"type": "object", "required": ["port", "x"]}}},
            "Outer.inners[].port is in the schema alone",
        ),
    ],
)
def test_a_difference_names_its_field(changes, difference):
    assert difference in seam_differences(document(**changes), {"Outer": Outer})


def test_a_field_that_the_document_alone_requires():
    told = document()
    told["components"]["schemas"]["Outer"]["required"].append("size")

    assert seam_differences(told, {"Outer": Outer}) == [
        "Outer.size is required by the document alone"
    ]
