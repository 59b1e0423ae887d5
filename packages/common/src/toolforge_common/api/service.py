"""The app around a service's handlers: one ASGI callable made of Connexion, Flask and our layers.

A request passes, from the outside: `front` (ids, numbers), Connexion's exception layer (`refusals`),
routing, `security`, `validation` of the request and of the answer, and `streams` or a handler in one
of a bounded number of threads.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from a2wsgi import WSGIMiddleware
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount
from starlette.types import Receive, Scope, Send

from toolforge_common.api.document import DocumentError, operations, require_safe
from toolforge_common.api.framework import (
    ConnexionResponse,
    ContextMiddleware,
    ExceptionMiddleware,
    FlaskApp,
    Jsonifier,
    JSONProvider,
    RequestValidationMiddleware,
    Resolver,
    RoutingMiddleware,
    SecurityMiddleware,
)
from toolforge_common.api.front import Front
from toolforge_common.api.metrics import CONTENT_TYPE, Metrics
from toolforge_common.api.refusals import Refusals
from toolforge_common.api.security import Gatekeeper, IdentityHandler
from toolforge_common.api.streams import Dispatch, StreamSlots
from toolforge_common.api.validation import AnswerValidation, validators
from toolforge_common.identity import IdentityVerifier

# The part of an operationId for what every service answers by itself.
BUILT_IN = "service"


@dataclasses.dataclass(frozen=True, slots=True)
class ServiceLimits:
    """What one service may use of its process.

    `threads` bounds the requests that are served at the same time, streams aside; a handler mostly
    waits for a runtime, so there are more than processors. `body` is in bytes: the largest
    request known, a whole configuration, is a tenth of it. Streams cost a few kilobytes each.
    """

    threads: int = 40
    body: int = 1024 * 1024
    streams_per_tool: int = 32
    streams: int = 512


def create_service(
    *,
    document: Mapping[str, Any],
    handlers: Mapping[str, object],
    verifier: IdentityVerifier,
    limits: ServiceLimits | None = None,
    invalid_body: int = 400,
) -> Front:
    """Return the app of a service.

    `handlers` holds an object per handler module; the operationId `jobs.list_jobs` of the document is
    its method `list_jobs`. `invalid_body` is the status for a body of the wrong shape, with the
    findings in `detail` where it is not 400. Raises DocumentError if an operation has no handler, or could
    be reached without a decision on access.
    """
    require_safe(document)
    limits = limits or ServiceLimits()
    metrics = Metrics()
    built_in = BuiltIn(document, metrics)
    resolve = functools.partial(find_handler, {BUILT_IN: built_in, **handlers})
    for operation in operations(document):
        resolve(operation.name)
    app = FlaskApp(__name__, middlewares=_layers(limits, metrics))
    app.app.json = _FlaskJson(app.app)
    Refusals(invalid_body).register(app)
    app.add_api(
        dict(document),
        resolver=Resolver(resolve),
        jsonifier=OrjsonJsonifier(),
        strict_validation=True,
        validate_responses=True,
        validator_map=validators(limits.body),
        security_map={"apiKey": functools.partial(IdentityHandler, Gatekeeper(verifier))},
        # Paths that the document does not know demand an identity, too.
        auth_all_paths=True,
    )
    bridge = _replace_bridge(app, limits.threads)
    _build_now(app)
    close = functools.partial(bridge.executor.shutdown, wait=False, cancel_futures=True)
    return Front(app, metrics, close)


def find_handler(handlers: Mapping[str, object], operation_id: str) -> Callable[..., Any]:
    """Return the method that an operationId names. Raises DocumentError if there is none."""
    module, _, function = operation_id.partition(".")
    handler = getattr(handlers.get(module), function, None) if function else None
    if not callable(handler):
        raise DocumentError(f"there is no handler for the operation {operation_id!r}")
    return handler  # type: ignore[no-any-return]  # callable() does not tell mypy what it returns


class BuiltIn:
    """What every service answers by itself."""

    def __init__(self, document: Mapping[str, Any], metrics: Metrics) -> None:
        self._document = document
        self._metrics = metrics

    def openapi(self) -> Mapping[str, Any]:
        """Return the service's document."""
        return self._document

    def metrics(self) -> ConnexionResponse:
        """Return the service's numbers."""
        return ConnexionResponse(200, content_type=CONTENT_TYPE, body=self._metrics.exposition())


class OrjsonJsonifier(Jsonifier):  # type: ignore[misc]  # Connexion ships no types
    """Writes answers; Connexion's own indents them, in Python, at forty times the cost."""

    def dumps(self, data: Any, **_options: Any) -> bytes:
        """Return the value as JSON."""
        return orjson.dumps(data)

    def loads(self, data: bytes | str) -> Any:
        """Return the value that the JSON writes."""
        return orjson.loads(data)


class _FlaskJson(JSONProvider):
    """Reads bodies with the parser they were checked with, so that both see the same value."""

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        return orjson.loads(s)


class Routing(RoutingMiddleware):  # type: ignore[misc]  # Connexion ships no types
    """Finds the operation; never redirects, and says for a 405 all methods that the path has."""

    def add_api(self, *args: Any, **options: Any) -> None:
        """Take a document."""
        super().add_api(*args, **options)
        self.router.redirect_slashes = False
        for mount in self._mounts():
            mount.app.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            await super().__call__(scope, receive, send)
        except HTTPException as error:
            if error.status_code != 405 or not self._methods(scope):  # noqa: PLR2004  a status says itself
                raise
            raise HTTPException(405, headers={"Allow": ", ".join(self._methods(scope))}) from error

    def _methods(self, scope: Scope) -> list[str]:
        # Starlette names the methods of the first route that fits, and has a route per method.
        routes = [route for mount in self._mounts() for route in mount.app.routes]
        fitting = (route for route in routes if route.matches(scope)[0] is not Match.NONE)
        return sorted({method for route in fitting for method in route.methods or ()})

    def _mounts(self) -> list[Any]:
        return [route for route in self.router.routes if isinstance(route, Mount)]


def _layers(limits: ServiceLimits, metrics: Metrics) -> list[Any]:
    """Return the layers of Connexion that we use: no user interface for the document, nothing twice."""
    slots = StreamSlots(limits.streams_per_tool, limits.streams, metrics)
    return [
        ExceptionMiddleware,
        Routing,
        SecurityMiddleware,
        RequestValidationMiddleware,
        AnswerValidation,
        ContextMiddleware,
        functools.partial(Dispatch, slots=slots),
    ]


def _replace_bridge(app: FlaskApp, threads: int) -> WSGIMiddleware:
    # Connexion's bridge from ASGI to Flask has ten threads, which nothing configures
    # (spec-first/connexion#1979), so it is replaced; the attribute is private.
    bridge = WSGIMiddleware(app.app.wsgi_app, workers=threads)
    app._middleware_app.asgi_app = bridge  # noqa: SLF001  see above
    return bridge


def _build_now(app: FlaskApp) -> None:
    # Connexion builds its layers at the first request. A broken document must stop the start instead.
    inner = app.middleware
    inner.app, inner.middleware_stack = inner._build_middleware_stack()  # noqa: SLF001  see above
