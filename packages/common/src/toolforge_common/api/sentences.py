"""Words for people about values that a schema refuses: which field, and what is allowed there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jsonschema_rs

_Path = tuple[str | int, ...]

# A value is repeated only while it is short: longer ones bury the sentence, and may be secret.
_SHOWN = 40
_NAME_SHOWN = 160

_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def label(path: Sequence[str | int], name: str = "") -> str:
    """Return how people know a place: `health_check.path`, `jobs[2].name`; the whole is `name`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text or name or "the body"


def sentence(
    error: jsonschema_rs.ValidationError, path: _Path, schema: Mapping[str, Any], name: str
) -> Iterator[tuple[_Path, str]]:
    """Give the places that an error is about, each with its sentence.

    A missing or an unknown field is about that field, everything else about the value found.
    """
    kind = error.kind
    if kind.name == "required":
        place = (*path, kind.value)
        yield place, f"{label(place, name)} is required"
    elif kind.name == "additionalProperties":
        known = ", ".join(sorted(schema.get("properties", {})))
        for unexpected in kind.value:
            place = (*path, unexpected)
            yield place, f"{label(place, name)[:_NAME_SHOWN]} is not known here; known are {known}"
    else:
        found = "" if schema.get("format") == "password" else _found(error.instance)
        yield path, f"{label(path, name)} {_demand(kind)}{found}"


def _demand(kind: jsonschema_rs.ValidationErrorKind) -> str:
    write = _DEMANDS.get(kind.name)
    return write(kind.value) if write else f"hurts the rule {kind.name!r} of its schema"


def _found(value: Any) -> str:
    if not isinstance(value, bool | int | float | str):
        return ""
    # Not with orjson: it knows no numbers beyond 64 bits, which a query may well hold.
    text = json.dumps(value, ensure_ascii=False)
    return f", not {text}" if len(text) <= _SHOWN else ""


def one_of(options: Sequence[Any]) -> str:
    """Return what a value with a choice must be."""
    words = ["null" if option is None else str(option) or "empty" for option in options]
    return f"must be {words[0]}" if len(words) == 1 else f"must be one of {', '.join(words)}"


def _of_type(types: Sequence[str]) -> str:
    ordered = sorted(types, key=lambda name: name == "null")
    return f"must be {' or '.join(_TYPES[name] for name in ordered)}"


def _at_least(limit: int) -> str:
    return "must not be empty" if limit == 1 else f"must have at least {limit} characters"


_DEMANDS: Mapping[str, Callable[[Any], str]] = {
    "type": _of_type,
    "enum": one_of,
    "minimum": lambda limit: f"must be at least {limit}",
    "maximum": lambda limit: f"must be at most {limit}",
    "minLength": _at_least,
    "maxLength": lambda limit: f"must have at most {limit} characters",
    "pattern": lambda pattern: f"must match {pattern}",
    "format": lambda name: f"must be a {name}",
}
