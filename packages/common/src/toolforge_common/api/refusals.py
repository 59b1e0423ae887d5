"""From whatever is raised while a request is served to the answer that its caller gets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from starlette.exceptions import HTTPException

from toolforge_common.api.errors import InternalError, error_body, status_of
from toolforge_common.api.framework import (
    ConnexionRequest,
    ConnexionResponse,
    FlaskApp,
    ProblemException,
)
from toolforge_common.api.front import request_id_of
from toolforge_common.api.schema import Finding
from toolforge_common.errors import InvalidRequest, NotFound, ToolforgeError, by_code

logger = structlog.get_logger()

# A schema's own words may run over pages.
_LONGEST = 300
_FEEDBACK = "https://w.wiki/6Zuu"


class InvalidBody(InvalidRequest):
    """The body of a request is not what the document describes."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        texts = tuple(finding.text for finding in findings)
        super().__init__(texts[0], details=texts[1:])
        self.findings = tuple(findings)


def refuse(findings: Sequence[Finding]) -> ToolforgeError:
    """Return the error for what is wrong with a value: the words of a rule that was hurt, else the findings'."""
    for finding in findings:
        if finding.rule:
            others = tuple(other.text for other in findings if other is not finding)
            rule = finding.rule
            return by_code()[rule["code"]](
                rule["message"],
                hint=rule.get("hint", ""),
                doc=rule.get("doc", ""),
                details=others,
            )
    return InvalidBody(findings)


@dataclasses.dataclass(frozen=True, slots=True)
class Refusals:
    """Turns exceptions into answers; `invalid_body` is the service's status for a body of the wrong shape."""

    invalid_body: int

    def register(self, app: FlaskApp) -> None:
        """Have everything that is raised in the app answered here."""
        app.add_error_handler(ToolforgeError, self.refused)
        app.add_error_handler(ProblemException, self.problem)
        app.add_error_handler(HTTPException, self.from_framework)
        app.add_error_handler(UnicodeDecodeError, self.undecodable)
        app.add_error_handler(Exception, self.failed)

    async def refused(self, request: ConnexionRequest, error: ToolforgeError) -> ConnexionResponse:
        """Answer what we raise on purpose."""
        status, body = status_of(error), error_body(error, request_id_of(request.scope))
        if isinstance(error, InvalidBody) and self.invalid_body != status:
            status, body["detail"] = self.invalid_body, _detail(error.findings)
        # The text may repeat a piece of the request, which is nothing for a log.
        logger.info("request_refused", code=error.code, status=status)
        return _answer(status, body)

    async def problem(
        self, request: ConnexionRequest, error: ProblemException
    ) -> ConnexionResponse:
        """Answer what Connexion refuses, or what it finds wrong with our own answer."""
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return await self.failed(request, error)
        return self._framework(request, error.status, error.detail, error.headers)

    async def from_framework(
        self, request: ConnexionRequest, error: HTTPException
    ) -> ConnexionResponse:
        """Answer what Starlette or Werkzeug refuses."""
        return self._framework(request, error.status_code, error.detail, error.headers)

    async def undecodable(
        self, request: ConnexionRequest, _error: UnicodeDecodeError
    ) -> ConnexionResponse:
        """Answer a request with bytes that are no text, which the bridge to Flask trips over."""
        return await self.refused(request, InvalidRequest("the request is not readable as text"))

    async def failed(self, request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        """Answer what nobody foresaw: nothing of it is told, all of it is logged."""
        logger.error("request_failed", exc_info=error, path=request.scope["path"])
        request_id = request_id_of(request.scope)
        told = InternalError(
            "something went wrong on our side",
            hint=f"if it goes on, report it and name the request {request_id}",
            doc=_FEEDBACK,
        )
        return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, error_body(told, request_id))

    def _framework(
        self,
        request: ConnexionRequest,
        status: int,
        detail: str | None,
        headers: Mapping[str, str] | None,
    ) -> ConnexionResponse:
        error = _translate(status, detail or "", request, headers or {})
        logger.info("request_refused", code=error.code, status=status)
        return _answer(status, error_body(error, request_id_of(request.scope)), headers)


def _translate(
    status: int, detail: str, request: ConnexionRequest, headers: Mapping[str, str]
) -> ToolforgeError:
    scope = request.scope
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(
            f"there is nothing at {scope['path'][:_LONGEST]}",
            hint="/openapi.json lists what there is",
        )
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return InvalidRequest(
            f"{scope['method']} is not possible at {scope['path'][:_LONGEST]}",
            hint=f"possible are {headers['Allow']}" if "Allow" in headers else "",
        )
    text = detail.partition("\n")[0][:_LONGEST] or HTTPStatus(status).phrase
    return InvalidRequest(text[0].lower() + text[1:])


def _detail(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [
        {"loc": ["body", *finding.path], "msg": finding.text, "type": finding.keyword}
        for finding in findings
    ]


def _answer(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> ConnexionResponse:
    return ConnexionResponse(
        status_code=int(status),
        mimetype="application/json",
        body=orjson.dumps(body),
        headers=dict(headers or {}),
    )
