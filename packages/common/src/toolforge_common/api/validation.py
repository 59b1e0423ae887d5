"""Requests and answers held against the document, with compiled schemas."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope

from toolforge_common.api.errors import BodyTooLarge
from toolforge_common.api.framework import (
    AbstractRequestBodyValidator,
    AbstractResponseBodyValidator,
    ConnexionRequest,
    MediaTypeDict,
    ParameterValidator,
    ResponseValidationAPI,
    ResponseValidationMiddleware,
)
from toolforge_common.api.refusals import InvalidBody, refuse
from toolforge_common.api.schema import Finding, SchemaStore
from toolforge_common.errors import InvalidRequest


class ContractBroken(Exception):
    """A service answers with something that its own document does not allow."""


def validators(body_limit: int) -> dict[str, Any]:
    """Return the validators that Connexion is to use, in the shape it takes them."""
    schemas = SchemaStore()
    body = functools.partial(JsonBody, schemas=schemas, limit=body_limit)
    return {
        "parameter": functools.partial(Parameters, schemas=schemas),
        "body": MediaTypeDict({"*/*json": body}),
        "response": MediaTypeDict({"*/*json": functools.partial(JsonAnswer, schemas=schemas)}),
    }


class Parameters(ParameterValidator):  # type: ignore[misc]  # Connexion ships no types
    """Checks the parameters in the path and behind it."""

    def __init__(self, parameters: Any, *, schemas: SchemaStore, **options: Any) -> None:
        super().__init__(parameters, **options)
        self._schemas = schemas

    def validate_request(self, request: ConnexionRequest) -> None:
        """Raise InvalidRequest for unknown parameters and for values that are not allowed."""
        unknown = self.validate_query_parameter_list(request)
        if unknown:
            known = sorted(parameter["name"] for parameter in self.parameters["query"])
            raise InvalidRequest(
                f"there is no parameter {min(unknown)[:100]!r} here",
                hint=f"known are {', '.join(known)}" if known else "there are none at all",
            )
        super().validate_request(request)

    def validate_parameter(
        self, _place: str, value: Any, parameter: Mapping[str, Any], _name: str | None = None
    ) -> None:
        """Raise InvalidRequest for a value that is not allowed or not there."""
        if value is None:
            if parameter.get("required"):
                raise InvalidRequest(f"the parameter {parameter['name']} is required")
            return
        findings = self._schemas.compiled(parameter["schema"]).findings(value, parameter["name"])
        if findings:
            error = refuse(findings)
            raise InvalidRequest(
                error.message, hint=error.hint, doc=error.doc, details=error.details
            )


class JsonBody(AbstractRequestBodyValidator):  # type: ignore[misc]  # Connexion ships no types
    """Reads a body once, checks it, and hands it on as if it had come in one piece.

    Connexion's own takes a body without a stated length for a missing one, and hands one without a
    stated type on as bytes.
    """

    def __init__(self, *, schemas: SchemaStore, limit: int, **options: Any) -> None:
        super().__init__(**options)
        self._compiled = schemas.compiled(options["schema"])
        self._limit = limit

    async def wrap_receive(self, receive: Receive, *, scope: Scope) -> tuple[Receive, Scope]:
        """Return what the handler's side reads from. Raises InvalidRequest, InvalidBody or BodyTooLarge."""
        content = await self._read(receive)
        self._check(content)
        whole: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

        async def replay() -> Message:
            return whole.pop() if whole else await receive()

        return replay, _with_body_headers(scope, len(content))

    async def _read(self, receive: Receive) -> bytes:
        content, more = bytearray(), True
        while more:
            message = await receive()
            content += message.get("body", b"")
            more = message.get("more_body", False)
            if len(content) > self._limit:
                raise BodyTooLarge(f"the body has more than {self._limit} bytes")
        return bytes(content)

    def _check(self, content: bytes) -> None:
        if not content:
            if self._required:
                raise InvalidBody([Finding((), "the body is required", "required")])
            return
        findings = self._compiled.findings(parse_json(content))
        if findings:
            raise refuse(findings)


class JsonAnswer(AbstractResponseBodyValidator):  # type: ignore[misc]  # Connexion ships no types
    """Checks what a handler answers. What it raises becomes a 500 and a line in the log."""

    def __init__(self, scope: Scope, *, schemas: SchemaStore, **options: Any) -> None:
        super().__init__(scope, **options)
        self._schemas = schemas

    def _parse(self, stream: Any) -> Any:
        return b"".join(stream)

    def _validate(self, body: Any) -> None:
        # The answer to HEAD has the headers of one with a body.
        if self._scope["method"] == "HEAD":
            return
        if not self._schema:
            raise ContractBroken("the document does not know this status")
        findings = self._schemas.compiled(self._schema).findings(orjson.loads(body))
        if findings:
            raise ContractBroken("; ".join(finding.text for finding in findings))


class _AnswerValidationAPI(ResponseValidationAPI):  # type: ignore[misc]  # Connexion ships no types
    def make_operation(self, operation: Any) -> Any:
        # Validation would hold a stream back until it ends.
        spec = self.specification.get_operation(operation.path, operation.method)
        return self.next_app if spec.get("x-stream") else super().make_operation(operation)


class AnswerValidation(ResponseValidationMiddleware):  # type: ignore[misc]  # Connexion ships no types
    """Checks every answer but streams."""

    api_cls = _AnswerValidationAPI


def parse_json(content: bytes) -> Any:
    """Return the value that the bytes write. Raises InvalidRequest if they are not JSON in UTF-8."""
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from error
    if b"u0000" in content and _has_nul(value):
        raise InvalidRequest("the body has a text with a NUL character in it")
    return value


def _has_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(inner) for key, inner in value.items())
    if isinstance(value, list):
        return any(_has_nul(inner) for inner in value)
    return isinstance(value, str) and "\0" in value


def _with_body_headers(scope: Scope, length: int) -> Scope:
    scope = {**scope, "headers": list(scope["headers"])}
    headers = MutableHeaders(scope=scope)
    headers["content-type"] = "application/json"
    headers["content-length"] = str(length)
    # Werkzeug would believe this rather than the length, and read nothing.
    del headers["transfer-encoding"]
    return scope
