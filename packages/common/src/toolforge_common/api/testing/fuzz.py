"""Drives a service with whatever its document allows, and with what it does not, in process.

The answers must be what the document says: status, media type, headers and body. A service may refuse
what its document allows, since there are rules that no schema can say, but it may never fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import hypothesis
import schemathesis
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Err
from schemathesis.specs.openapi import checks

from toolforge_common.api.testing.client import ServiceClient, SigningApp

Prepare = Callable[[Any], None]

_CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
_MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
# What the platform does not offer yet is documented as such, and nothing else above it may happen.
_FAILURES = frozenset({500, 502, 503, 504})


def _as_it_is(_case: Any) -> None:
    pass


def fuzz(client: ServiceClient, *, prepare: Prepare = _as_it_is, max_examples: int = 20) -> None:
    """Call each operation for the client's tool, `max_examples` times rightly and as often wrongly.

    `prepare` may change a right case before it is sent, so that it gets past rules that no schema
    can say: an image that exists, a name that is there. Raises an ExceptionGroup with one entry per
    operation that does not keep the document.
    """
    schema = schemathesis.openapi.from_asgi("/openapi.json", SigningApp(client))
    failures: list[Exception] = []
    for result in schema.get_all_operations():
        if isinstance(result, Err):
            raise result.err()
        operation = result.ok()
        for mode in _MODES:
            try:
                change = prepare if mode is schemathesis.GenerationMode.POSITIVE else _as_it_is
                _fuzz_operation(operation, mode, client.tool, change, max_examples)
            except hypothesis.errors.Unsatisfiable:
                # Without parameters and body there is nothing to get wrong.
                continue
            except FailureGroup as group:
                failures.append(AssertionError(f"{operation.label}, {mode.value} data: {group}"))
            except Exception as error:  # noqa: BLE001  every operation gets its turn
                error.add_note(f"{operation.label}, {mode.value} data")
                failures.append(error)
    if failures:
        raise ExceptionGroup("the service does not keep its document", failures)


def _fuzz_operation(
    operation: Any, mode: Any, tool: str, prepare: Prepare, max_examples: int
) -> None:
    about_tool = "{toolname}" in operation.path
    fixed: Mapping[str, Any] = {"path_parameters": {"toolname": tool}} if about_tool else {}
    strategy = operation.as_strategy(generation_mode=mode, **fixed)

    # The same cases each time, none kept on disk, and no search for a smaller one that fails.
    @hypothesis.settings(
        max_examples=max_examples,
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.generate],
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=strategy)
    def call(case: Any) -> None:
        prepare(case)
        answer = case.call()
        if answer.status_code in _FAILURES:
            raise AssertionError(f"{case.as_curl_command()} failed: {answer.content[:500]!r}")
        case.validate_response(answer, checks=_CHECKS)

    call()
