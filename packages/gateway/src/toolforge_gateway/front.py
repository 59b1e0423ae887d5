"""The gateway as one ASGI app: asks the policy and calls the service's app in the same process.

There is no proxy code: a mounted app gets a changed scope and the caller's own streams, so nothing is
buffered here. What does not live here: every rule (`policy`), TLS and the parser's limits (`server`).
"""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Sequence
from typing import Any

import orjson
import structlog

from toolforge_common.errors import ToolforgeError
from toolforge_common.identity import IDENTITY_HEADER, IdentitySigner
from toolforge_gateway import answers
from toolforge_gateway.asgi import App, Receive, Scope, Send
from toolforge_gateway.exchange import Exchange
from toolforge_gateway.headers import values, well_formed_request_id
from toolforge_gateway.lifespan import MountedLifespan, start_all, stop_all
from toolforge_gateway.openapi import Server, merge
from toolforge_gateway.policy import Decision, Policy, Request, Route
from toolforge_gateway.request_log import Recorder, RequestRecord, printable
from toolforge_gateway.tls import CLIENT_CERTIFICATE, TLS_EXTENSION

logger = structlog.get_logger(__name__)


# The largest body in use is a load file of some hundred jobs: a tenth of this.
MAX_BODY = 1024 * 1024
# In seconds. What may be done is decided at the head; much later the tool may be another one's, so this
# is well below the life of an identity token, and long enough for a large body on a slow line.
BODY_TIME = 20.0
_READING = ("GET", "HEAD")


@dataclasses.dataclass(frozen=True, slots=True)
class Backend:
    """A mounted service: its route, its app, and its OpenAPI document."""

    route: Route
    app: App
    document: dict[str, Any]


class Gateway:
    """The ASGI app in front of every service."""

    def __init__(
        self,
        policy: Policy,
        signer: IdentitySigner,
        backends: Sequence[Backend],
        record: Recorder,
        *,
        servers: Sequence[Server] = (),
        max_body: int = MAX_BODY,
        body_time: float = BODY_TIME,
    ) -> None:
        """`record` gets each finished request; `servers` are the addresses that the merged document names."""
        self._policy = policy
        self._signer = signer
        self._apps = {backend.route.service: backend.app for backend in backends}
        self._lifespans = {name: MountedLifespan(app) for name, app in self._apps.items()}
        self._record = record
        self._max_body = max_body
        self._body_time = body_time
        documents = {backend.route.service: backend.document for backend in backends}
        self._pages = {
            "/": answers.Answer(200, "text/plain; charset=utf-8", answers.GREETING),
            "/openapi.json": answers.Answer(
                200, "application/json", orjson.dumps(merge(documents, servers))
            ),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as ASGI says."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._serve(scope, receive, send)

    async def start(self) -> None:
        """Start the mounted apps. Raises what the first one raises that cannot start."""
        await start_all(list(self._lifespans.values()))

    async def stop(self) -> None:
        """Stop the mounted apps."""
        await stop_all(list(self._lifespans.values()))

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except Exception as error:  # noqa: BLE001  whatever it is, the server must be told
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.monotonic()
        request_id = well_formed_request_id(scope["headers"]) or uuid.uuid4().hex
        exchange = Exchange(receive, send, request_id, self._max_body, self._body_time)
        decision = None
        try:
            decision = self._policy.decide(_request(scope, request_id))
            await self._carry_out(decision, scope, exchange)
        except ToolforgeError as error:
            await exchange.answer(answers.refusal(error, request_id))
        except Exception:
            # A defect, ours or a service's: its caller is answered, and the next request is served.
            if exchange.status:
                raise  # the server logs it and closes the connection
            logger.exception("request_failed", request_id=request_id)
            await exchange.answer(answers.failure(request_id))
        finally:
            duration = time.monotonic() - started
            self._record(_entry(scope, request_id, decision, exchange, duration))

    async def _carry_out(self, decision: Decision, scope: Scope, exchange: Exchange) -> None:
        if not decision.service:
            if scope["method"] not in _READING:
                raise answers.MethodNotAllowed(f"{decision.path} can only be read", hint="use GET")
            await exchange.answer(self._pages[decision.path])
            return
        self._require_bounded(scope)
        app = self._apps[decision.service]
        await app(self._scope_for(decision, scope), exchange.receive, exchange.send)
        if not exchange.status and not exchange.is_gone:
            raise RuntimeError(f"the service {decision.service!r} did not answer")

    def _require_bounded(self, scope: Scope) -> None:
        for length in values(scope["headers"], b"content-length"):
            if int(length) > self._max_body:  # the parser lets only digits through
                raise answers.body_too_large(self._max_body)

    def _scope_for(self, decision: Decision, scope: Scope) -> Scope:
        return {
            **scope,
            "path": decision.path,
            "raw_path": decision.raw_path,
            "root_path": "",
            "headers": [*decision.headers, *self._identity(decision, scope["method"])],
            "state": dict(self._lifespans[decision.service].state),
            "extensions": {},
        }

    def _identity(self, decision: Decision, method: str) -> list[tuple[bytes, bytes]]:
        if decision.caller is None:
            return []
        path = decision.raw_path.decode("ascii")
        token = self._signer.sign(decision.caller, decision.service, method, path)
        return [(IDENTITY_HEADER.encode("ascii"), token.encode("ascii"))]


def _request(scope: Scope, request_id: str) -> Request:
    tls = scope.get("extensions", {}).get(TLS_EXTENSION, {})
    return Request(
        method=scope["method"],
        raw_path=scope["raw_path"],
        headers=scope["headers"],
        request_id=request_id,
        certificate=tls.get(CLIENT_CERTIFICATE),
    )


def _entry(
    scope: Scope, request_id: str, decision: Decision | None, exchange: Exchange, duration: float
) -> RequestRecord:
    caller = decision.caller if decision else None
    agents = values(scope["headers"], b"user-agent")
    client = scope.get("client")
    return RequestRecord(
        request_id=request_id,
        method=scope["method"],
        path=printable(scope["raw_path"]),
        status=exchange.status,
        duration=duration,
        sent=exchange.sent,
        service=decision.service if decision else "",
        tool=caller.tool if caller else "",
        subject=caller.subject if caller else "",
        user_agent=printable(agents[0]) if agents else "",
        client=client[0] if client else "",
    )
