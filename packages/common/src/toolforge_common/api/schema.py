"""Schemas of an OpenAPI document, compiled once, and what is wrong with a value in words for people."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import jsonschema_rs

from toolforge_common.api.sentences import label, one_of, sentence

_Path = tuple[str | int, ...]
_Errors = Iterable[jsonschema_rs.ValidationError]


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, in a sentence, and by which keyword of the schema.

    `rule` is the `x-invalid` of the schema that was hurt, or of the nearest one around it: the words,
    code and link that a service has for exactly this.
    """

    path: _Path
    text: str
    keyword: str
    rule: Mapping[str, str] | None = None


class CompiledSchema:
    """A schema of OpenAPI 3.0, ready to check values with."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = to_json_schema(schema)
        self._validator = jsonschema_rs.Draft4Validator(self._schema, validate_formats=True)

    def findings(self, value: Any, name: str = "") -> list[Finding]:
        """Return what is wrong with the value, which people know as `name`; nothing if it is right."""
        if self._validator.is_valid(value):
            return []
        found = self._explain_all(self._validator.iter_errors(value), name)
        # One sentence per place: what is no text hurts every other rule for texts, too.
        return list({finding.path: finding for finding in reversed(list(found))}.values())[::-1]

    def _explain(self, error: jsonschema_rs.ValidationError, name: str) -> Iterator[Finding]:
        branches: Sequence[_Errors] = getattr(error.kind, "context", ())
        # A branch without errors fits: then it is wrong that another one fits, too.
        if not branches or not all(branches):
            yield from self._describe(error, name)
            return
        schema = walk(self._schema, error.schema_path[:-1])[-1]
        tag = schema.get("discriminator", {}).get("propertyName")
        if not isinstance(error.instance, dict) or tag not in error.instance:
            depth = len(error.instance_path)
            nearest = min(branches, key=lambda errors: _distance(errors, depth))
            yield from self._explain_all(nearest, name)
            return
        tags = [_tags(option, tag) for option in schema[error.schema_path[-1]]]
        meant = [
            one for one, known in zip(branches, tags, strict=True) if error.instance[tag] in known
        ]
        if meant:
            yield from self._explain_all(meant[0], name)
        else:
            path = (*error.instance_path, tag)
            yield Finding(path, f"{label(path, name)} {one_of([*itertools.chain(*tags)])}", "enum")

    def _explain_all(self, errors: _Errors, name: str) -> Iterator[Finding]:
        for error in errors:
            yield from self._explain(error, name)

    def _describe(self, error: jsonschema_rs.ValidationError, name: str) -> Iterator[Finding]:
        schemas = walk(self._schema, error.schema_path[:-1])
        rules = [schema["x-invalid"] for schema in schemas if "x-invalid" in schema]
        path: _Path = tuple(error.instance_path)
        for place, text in sentence(error, path, schemas[-1], name):
            yield Finding(place, text, error.kind.name, rules[-1] if rules else None)


def _tags(option: Mapping[str, Any], tag: str) -> list[Any]:
    """Return the values of the discriminator that mean this branch."""
    values: list[Any] = option.get("properties", {}).get(tag, {}).get("enum", [])
    return values


def _distance(errors: _Errors, depth: int) -> tuple[bool, int]:
    """Return how far a value is from a branch: another type altogether, then how many errors there are."""
    other_type = any(
        error.kind.name == "type" and len(error.instance_path) == depth for error in errors
    )
    # A field that a branch does not know speaks louder against it than one with a bad value.
    count = sum(
        2 * len(error.kind.value) if error.kind.name == "additionalProperties" else 1
        for error in errors
    )
    # How many more rules for another type are hurt tells nothing.
    return other_type, 0 if other_type else count


class SchemaStore:
    """Compiles each schema object of a document at its first use and keeps it."""

    def __init__(self) -> None:
        # The schema is kept next to its compiled form, so that no other can come to have its id.
        self._compiled: dict[int, tuple[Mapping[str, Any], CompiledSchema]] = {}

    def compiled(self, schema: Mapping[str, Any]) -> CompiledSchema:
        """Return the compiled form of this very object."""
        known = self._compiled.get(id(schema))
        if known is None:
            known = self._compiled[id(schema)] = (schema, CompiledSchema(schema))
        return known[1]


def to_json_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema without what JSON Schema does not know: `nullable`, and all components beside it."""
    result: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in {"components", "nullable", "example"}:
            continue
        result[keyword] = _convert(keyword, value)
    return _with_null(result) if schema.get("nullable") else result


def _convert(keyword: str, value: Any) -> Any:
    if keyword == "properties":
        return {name: to_json_schema(schema) for name, schema in value.items()}
    if keyword in {"allOf", "anyOf", "oneOf"}:
        return [to_json_schema(schema) for schema in value]
    if keyword in {"items", "additionalProperties", "not"} and isinstance(value, dict):
        return to_json_schema(value)
    return value


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    schema["type"] = [schema["type"], "null"]
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    return schema


def walk(schema: Any, path: Iterable[str | int]) -> list[Any]:
    """Return every schema on the way down the path, the root first; what only holds schemas is left out."""
    found, node, among_properties = [schema], schema, False
    for step in path:
        node = node[step]
        # A property may itself be called "properties".
        among_properties = step == "properties" and not among_properties
        if isinstance(node, dict) and not among_properties:
            found.append(node)
    return found
