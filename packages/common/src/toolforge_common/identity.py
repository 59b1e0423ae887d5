"""Who is calling, as the gateway vouches for it towards the services.

The gateway signs a token per request (Ed25519, RFC 8037, as a JWT); a service believes nothing else.
A token is good for one service, one request (method and path), one use and `LIFETIME` seconds, so that
one that leaks into a log or is sent a second time opens nothing. Two keys may be valid at once, which
lets the gateway change its key without a refused request.
"""

from __future__ import annotations

import dataclasses
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from toolforge_common.errors import NotAuthenticated
from toolforge_common.names import ToolName

IDENTITY_HEADER = "x-toolforge-identity"
TOOL_HEADER = "x-toolforge-tool"
USER_HEADER = "x-toolforge-user"
REQUEST_ID_HEADER = "x-request-id"

ISSUER = "toolforge-gateway"
# A request reaches its service within milliseconds; a minute covers a queue and clocks that differ.
LIFETIME = 60
_ALGORITHM = "EdDSA"
_CLAIMS = ["iss", "aud", "sub", "tool", "roles", "rid", "req", "jti", "iat", "exp"]


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """The caller of one request.

    `subject` is who calls (`tool:demo`, `service:components-api`), `tool` for whom, `roles` what the
    caller is towards that tool, `request_id` the id that every log line and error of the request carries.
    """

    subject: str
    tool: ToolName
    roles: tuple[str, ...]
    request_id: str


def request_digest(method: str, path: str) -> str:
    """Name the request that a token is good for; `path` is as the service sees it, undecoded, without query."""
    return f"{method.upper()} {path}"


class IdentitySigner:
    """The gateway's half: writes tokens with its private key."""

    def __init__(
        self, key: Ed25519PrivateKey, key_id: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._key = key
        self._key_id = key_id
        self._clock = clock

    @classmethod
    def generate(cls) -> IdentitySigner:
        """Make a signer with a fresh key, for a gateway that starts together with its services."""
        return cls(Ed25519PrivateKey.generate(), secrets.token_hex(8))

    @property
    def public_keys(self) -> Mapping[str, Ed25519PublicKey]:
        """The keys that services need, by key id."""
        return {self._key_id: self._key.public_key()}

    def sign(self, identity: Identity, audience: str, method: str, path: str) -> str:
        """Return a token for one request to the service named `audience`."""
        now = int(self._clock())
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "sub": identity.subject,
            "tool": identity.tool,
            "roles": list(identity.roles),
            "rid": identity.request_id,
            "req": request_digest(method, path),
            "jti": secrets.token_urlsafe(12),
            "iat": now,
            "exp": now + LIFETIME,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM, headers={"kid": self._key_id})


class IdentityVerifier:
    """A service's half: believes a token of the gateway once."""

    def __init__(
        self,
        keys: Mapping[str, Ed25519PublicKey],
        audience: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = dict(keys)
        self._audience = audience
        self._clock = clock
        self._used: dict[str, float] = {}
        self._lock = threading.Lock()

    def verify(self, token: str, method: str, path: str) -> Identity:
        """Return who is calling.

        Raises NotAuthenticated if the token is not the gateway's, is meant for another service or
        request, is out of date, or was used before. The text never repeats the token.
        """
        claims = self._claims(token)
        now = self._clock()
        if claims["iat"] > now + LIFETIME or claims["exp"] <= now:
            raise _refused("it is out of date")
        if claims["exp"] - claims["iat"] > LIFETIME:
            raise _refused("it is meant to live too long")
        if claims["req"] != request_digest(method, path):
            raise _refused("it is meant for another request")
        self._use_once(claims["jti"], claims["exp"], now)
        return Identity(
            subject=claims["sub"],
            tool=ToolName(claims["tool"]),
            roles=tuple(claims["roles"]),
            request_id=claims["rid"],
        )

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            key = self._keys.get(jwt.get_unverified_header(token).get("kid", ""))
            if key is None:
                raise _refused("its key is unknown")
            # Times are compared by the caller, on this object's clock.
            return jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=ISSUER,
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError as error:
            raise _refused("it is not one of the gateway's for this service") from error

    def _use_once(self, token_id: str, expires: float, now: float) -> None:
        with self._lock:
            if token_id in self._used:
                raise _refused("it was used before")
            while self._used and next(iter(self._used.values())) <= now:
                del self._used[next(iter(self._used))]
            self._used[token_id] = expires


def _refused(reason: str) -> NotAuthenticated:
    return NotAuthenticated(
        f"the identity token was refused: {reason}",
        hint="call the platform through its gateway",
    )
