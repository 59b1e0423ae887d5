"""Who calls, and whether that caller may touch the tool named in the path: decided here, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from toolforge_common.api.framework import ApiKeySecurityHandler, ConnexionRequest
from toolforge_common.api.front import bind_request_id
from toolforge_common.errors import Forbidden, NotAuthenticated
from toolforge_common.identity import IDENTITY_HEADER, Identity, IdentityVerifier

Authenticate = Callable[[ConnexionRequest], Awaitable[Mapping[str, Any]]]


class Gatekeeper:
    """Lets a request through if the gateway vouches for its caller, and for the very tool in its path."""

    def __init__(self, verifier: IdentityVerifier) -> None:
        self._verifier = verifier

    async def __call__(self, request: ConnexionRequest) -> Mapping[str, Any]:
        """Return what Connexion keeps about the caller. Raises NotAuthenticated or Forbidden.

        Checking a signature takes a tenth of a millisecond, less than a thread to do it in.
        """
        identity = self._identify(request)
        bind_request_id(request.scope, identity.request_id)
        structlog.contextvars.bind_contextvars(tool=identity.tool)
        _require_same_tool(identity, request.scope.get("path_params", {}))
        # Handlers that ask for an argument of this name get it.
        request.context["identity"] = identity
        return {"sub": identity.subject}

    def _identify(self, request: ConnexionRequest) -> Identity:
        tokens = request.headers.getlist(IDENTITY_HEADER)
        if len(tokens) != 1:
            raise NotAuthenticated(
                f"{'several identity tokens' if tokens else 'no identity token'} came with the request",
                hint="call the platform through its gateway",
            )
        return self._verifier.verify(tokens[0], request.method, _raw_path(request.scope))


class IdentityHandler(ApiKeySecurityHandler):  # type: ignore[misc]  # Connexion ships no types
    """Has Connexion ask the gatekeeper, whatever function names a document may carry."""

    def __init__(self, authenticate: Authenticate) -> None:
        self._authenticate = authenticate

    def get_fn(self, _security_scheme: object, _required_scopes: object) -> Authenticate:
        """Return the function that Connexion calls with each request."""
        return self._authenticate


def _require_same_tool(identity: Identity, path_params: Mapping[str, Any]) -> None:
    # Paths that the document does not know have no parameters: they become a 404 further in.
    if path_params and path_params.get("toolname") != identity.tool:
        raise Forbidden(
            f"{identity.subject} may not act for the tool {path_params.get('toolname')!r}",
            hint="become the tool that you want to act for",
        )


def _raw_path(scope: Mapping[str, Any]) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("latin-1")
