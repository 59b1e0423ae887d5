"""Values of the ports as JSON and back, by their type annotations.

Fields that are unknown are ignored and missing ones get their default, so that a newer or older
version reads what the other wrote. The kinds of a union are told apart by the class's name.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import types
import typing
from collections.abc import Mapping
from decimal import Decimal
from pathlib import PurePath, PurePosixPath
from typing import Any

_KIND = "kind:"


def encode(value: Any) -> Any:
    """Return the value as what `json.dumps` takes."""
    if dataclasses.is_dataclass(value):
        pairs = {
            field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
        return {_KIND: type(value).__name__, **pairs}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    return str(value) if isinstance(value, Decimal | PurePath) else value


def decode(kind: Any, data: Any) -> Any:
    """Return what `encode` wrote, as a value of the type `kind`."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {types.UnionType, typing.Union}:
        return _decode_union(arguments, data)
    if origin in {list, tuple}:
        return origin(decode(arguments[0], item) for item in data)
    if origin is not None:
        # Mappings and their kin; all of ours hold plain text.
        return dict(data)
    if dataclasses.is_dataclass(kind):
        return _decode_fields(typing.cast("type", kind), data)
    return _decode_plain(kind, data)


def _decode_plain(kind: Any, data: Any) -> Any:
    if kind is datetime.datetime:
        return datetime.datetime.fromisoformat(data)
    if isinstance(kind, type) and issubclass(kind, enum.Enum | Decimal | PurePosixPath):
        return kind(data)
    return data


def _decode_union(choices: tuple[Any, ...], data: Any) -> Any:
    if data is None:
        return None
    kinds = [kind for kind in choices if kind is not types.NoneType]
    if len(kinds) == 1:
        return decode(kinds[0], data)
    return decode(next(kind for kind in kinds if kind.__name__ == data[_KIND]), data)


def _decode_fields(kind: type, data: Mapping[str, Any]) -> Any:
    hints = _hints(kind)
    return kind(**{name: decode(hints[name], data[name]) for name in hints if name in data})


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)
