"""The seam between a document and the marshmallow schemas that convert what it describes.

Both say names, types, formats, what may be null, what is required and what the defaults are; apispec turns the
schemas into OpenAPI, and every difference becomes a sentence that names the field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import marshmallow
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

_PARTS = ("allOf", "anyOf")
_COMPARED = ("type", "format", "nullable", "default", "enum")


def seam_differences(
    document: Mapping[str, Any], schemas: Mapping[str, type[marshmallow.Schema]]
) -> list[str]:
    """Return where the schemas, by the names of their counterparts in the document, differ from it."""
    components = document["components"]["schemas"]
    generated = _generate(schemas)
    return [
        difference
        for name in schemas
        for difference in _object(
            name, _Side(components[name], components), _Side(generated[name], generated)
        )
    ]


def _generate(schemas: Mapping[str, type[marshmallow.Schema]]) -> Mapping[str, Any]:
    # Without names for nested schemas apispec writes each where it is used.
    plugin = MarshmallowPlugin(schema_name_resolver=lambda _schema: "")
    spec = APISpec("seam", "1", openapi_version="3.0.3", plugins=[plugin])
    for name, schema in schemas.items():
        spec.components.schema(name, schema=schema)
    found: Mapping[str, Any] = spec.to_dict()["components"]["schemas"]
    return found


class _Side:
    """One side's idea of a schema, references followed."""

    def __init__(self, schema: Mapping[str, Any], components: Mapping[str, Any]) -> None:
        self._components = components
        self.schema = self._resolve(schema)

    def _resolve(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        merged = {key: value for key, value in schema.items() if key not in {"$ref", *_PARTS}}
        if "$ref" in schema:
            target = self._components[schema["$ref"].rpartition("/")[2]]
            merged = {**self._resolve(target), **merged}
        # Of alternatives the first counts: it is how we write; the others are what we read as well.
        for part in (*schema.get("allOf", ()), *schema.get("anyOf", ())[:1]):
            merged = {**self._resolve(part), **merged}
        return merged

    def inner(self, schema: Mapping[str, Any]) -> _Side:
        return _Side(schema, self._components)

    @property
    def properties(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.schema.get("properties", {})
        return found


def _object(name: str, document: _Side, code: _Side) -> Iterator[str]:
    for field in sorted(set(document.properties) ^ set(code.properties)):
        where = "document" if field in document.properties else "schema"
        yield f"{name}.{field} is in the {where} alone"
    required = set(document.schema.get("required", ())), set(code.schema.get("required", ()))
    for field in sorted(required[0] ^ required[1]):
        where = "document" if field in required[0] else "schema"
        yield f"{name}.{field} is required by the {where} alone"
    for field in sorted(set(document.properties) & set(code.properties)):
        yield from _value(
            f"{name}.{field}",
            document.inner(document.properties[field]),
            code.inner(code.properties[field]),
        )


def _value(name: str, document: _Side, code: _Side) -> Iterator[str]:
    for keyword in _COMPARED:
        told, done = _comparable(document, keyword), _comparable(code, keyword)
        # Only an enum in Python has choices; those of a plain text are the document's alone.
        if told != done and not (keyword == "enum" and done is None):
            yield f"{name}: {keyword} is {told!r} in the document, {done!r} in the schema"
    if "items" in document.schema and "items" in code.schema:
        yield from _value(
            f"{name}[]",
            document.inner(document.schema["items"]),
            code.inner(code.schema["items"]),
        )
    if document.properties or code.properties:
        yield from _object(name, document, code)


def _comparable(side: _Side, keyword: str) -> Any:
    value = side.schema.get(keyword)
    if keyword == "nullable":
        return bool(value)
    # An enum of the schema may list null when the field may be null.
    return (
        sorted(option for option in value if option is not None)
        if keyword == "enum" and value
        else value
    )
