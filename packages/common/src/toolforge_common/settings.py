"""Settings of services: one frozen dataclass each, read once from the environment.

A field `threads` of a service with the prefix `TOOLFORGE_JOBS_` is the variable
`TOOLFORGE_JOBS_THREADS`; one that is not set keeps the field's default. A field may carry
`metadata={"minimum": 1}`.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


class SettingsError(Exception):
    """A setting that stops the start; its text says which variable, and what may stand there."""


def read_settings(settings: type[_T], prefix: str, environ: Mapping[str, str]) -> _T:
    """Return the settings as the environment has them. Raises SettingsError for a bad or missing value."""
    types = typing.get_type_hints(settings)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]  # every caller passes a dataclass
        variable = prefix + field.name.upper()
        if variable in environ:
            values[field.name] = _read(variable, environ[variable], types[field.name], field)
        elif field.default is field.default_factory is dataclasses.MISSING:
            raise SettingsError(f"{variable} must be set")
    return settings(**values)


def _read(variable: str, text: str, kind: Any, field: dataclasses.Field[Any]) -> Any:
    demand, read = _READERS[kind]
    try:
        value = read(text)
    except (ValueError, InvalidOperation) as error:
        raise SettingsError(f"{variable} must be {demand}, not {text!r}") from error
    minimum = field.metadata.get("minimum")
    if minimum is not None and value < minimum:
        raise SettingsError(f"{variable} must be at least {minimum}, not {text}")
    return value


def _boolean(text: str) -> bool:
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(text)
    return word in _TRUE


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(text)
    return value


_READERS: Mapping[Any, tuple[str, Callable[[str], Any]]] = {
    str: ("a text", str),
    int: ("a whole number", int),
    bool: ("true or false", _boolean),
    Decimal: ("a number", _decimal),
    Path: ("a path", Path),
    Path | None: ("a path", Path),
}
