"""What must be true of every service's document, as sentences about what is not."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping
from typing import Any

from toolforge_common.api.document import DocumentError, Operation, operations, require_safe

# What any operation may answer, by what it is.
_ALWAYS = {"500"}
_NEEDS_IDENTITY = {"400", "401", "403", "404", "503"}
_HAS_BODY = {"413", "415"}
_IS_STREAM = {"429"}


def document_problems(document: Mapping[str, Any], invalid_body: int = 400) -> list[str]:
    """Return what is wrong with the document of a service; nothing if it is fine."""
    problems = [problem for one in operations(document) for problem in _problems(one, invalid_body)]
    names = collections.Counter(operation.name for operation in operations(document))
    problems += [
        f"the operationId {name} is used twice" for name, times in names.items() if times > 1
    ]
    try:
        require_safe(document)
    except DocumentError as error:
        problems.append(str(error))
    return problems


def _problems(operation: Operation, invalid_body: int) -> Iterator[str]:
    responses = operation.spec["responses"]
    missing = _expected(operation, invalid_body) - set(responses)
    if missing:
        yield f"{operation} does not document {', '.join(sorted(missing))}"
    if not operation.spec.get("summary"):
        yield f"{operation} has no summary"
    for status, response in responses.items():
        if "$ref" not in response and "content" not in response:
            yield f"{operation} does not say what {status} looks like"


def _expected(operation: Operation, invalid_body: int) -> set[str]:
    expected = set(_ALWAYS)
    if not operation.is_open:
        expected |= _NEEDS_IDENTITY
    if "requestBody" in operation.spec:
        expected |= {*_HAS_BODY, str(invalid_body)}
    if operation.is_stream:
        expected |= _IS_STREAM
    return expected
