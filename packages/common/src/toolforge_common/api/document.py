"""OpenAPI documents as data: reading the one in a package, and walking its operations."""

from __future__ import annotations

import dataclasses
import importlib.resources
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
TOOL_PARAMETER = "{toolname}"


class DocumentError(Exception):
    """The OpenAPI document of a service cannot be served as it stands."""


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document; `spec` is what stands under its path and method."""

    path: str
    method: str
    spec: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The operationId: `<handler module>.<function>`."""
        return str(self.spec.get("operationId", ""))

    @property
    def is_open(self) -> bool:
        """Whether it may be called without an identity."""
        return self.spec.get("security") == []

    @property
    def is_stream(self) -> bool:
        """Whether it answers line by line, for as long as there is something to say."""
        return bool(self.spec.get("x-stream"))

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


def load_document(package: str) -> dict[str, Any]:
    """Return the `openapi.yaml` that lies in the package."""
    text = importlib.resources.files(package).joinpath("openapi.yaml").read_text("utf-8")
    # The parser in C takes a tenth of the time, but not every build of PyYAML has it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(text, Loader=loader)  # noqa: S506  both loaders are safe ones
    assert isinstance(document, dict)  # noqa: S101  a package without a document is a broken package
    return document


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Give each operation of the document, in its order."""
    for path, item in document["paths"].items():
        for method, spec in item.items():
            if method in METHODS:
                yield Operation(path, method, spec)


def require_safe(document: Mapping[str, Any]) -> None:
    """Raise DocumentError unless each operation is either open or about the tool named in its path.

    Access is decided once, by comparing that tool with the caller's; an operation that names none
    would escape the comparison.
    """
    if not document.get("security"):
        raise DocumentError("the document as a whole must demand an identity")
    for operation in operations(document):
        about_tool = TOOL_PARAMETER in operation.path
        if operation.is_open == about_tool:
            raise DocumentError(
                f"{operation} must name {TOOL_PARAMETER} in its path or be open, and not both"
            )
        if not operation.is_open and "security" in operation.spec:
            raise DocumentError(f"{operation} must not choose its own kind of access")
