"""Requests and responses of the command line, and the TLS connection that carries them.

A transport is a plain function from request to response, so that tests can put anything in its place.
It knows no JSON and no meaning of statuses.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from toolforge_common.cli import http1, tls
from toolforge_common.config.account import Credentials, Token
from toolforge_common.errors import InvalidRequest, ToolforgeError, Unavailable

_CONNECT_SECONDS = 20
# A followed log may be silent for hours; the kernel finds out whether the other end is still there.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 30, "TCP_KEEPCNT": 4}


class Request(NamedTuple):
    """A request to the gateway.

    `path` includes the query; `timeout` is how many seconds the other side may be silent, None for
    ever.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None
    timeout: float | None = 60


class Response(NamedTuple):
    """A response; the body comes in chunks and can be taken once. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterable[bytes]

    def read(self) -> bytes:
        """Return the whole body."""
        return b"".join(self.chunks)

    def lines(self) -> Iterator[bytes]:
        """Give the lines of the body as they arrive, without their ends."""
        rest = b""
        for chunk in self.chunks:
            *complete, rest = (rest + chunk).split(b"\n")
            yield from complete
        if rest:
            yield rest


Transport = Callable[[Request], Response]


class _Url(NamedTuple):
    """An address, taken apart; `place` is host and port as they were written."""

    scheme: str
    host: str
    port: int
    place: str
    path: str


# The standard library's parser takes two milliseconds to import, and accepts more than makes sense here.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<place>(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?)"
    r"(?P<path>(/[A-Za-z0-9._~-]+)*)/?"
)


class Gateway:
    """The transport to a gateway: a connection per request, verified on both sides.

    `ca_file` is the authority that vouches for the gateway, empty for those that the system trusts.
    `service` is what people call the other side.
    """

    def __init__(self, url: str, ca_file: str, credentials: Credentials, service: str) -> None:
        self._url = _parse_url(url)
        self._ca_file = ca_file
        self._credentials = credentials
        self._service = service

    def __call__(self, request: Request) -> Response:
        """Send the request and return the response, whose body may still be under way.

        Raises Unavailable if the gateway cannot be reached or trusted, NotAuthenticated if it does not
        accept the client's certificate.
        """
        context = None
        if self._url.scheme == "https":
            context = tls.client_context(self._ca_file, self._credentials)
        try:
            connection = self._connect(context)
        except OSError as error:
            raise self._explained(error) from error
        try:
            connection.settimeout(request.timeout)
            answer = self._exchange(connection, request)
        except (OSError, http1.BadAnswer) as error:
            connection.close()
            raise self._explained(error) from error
        except http1.BadRequest as error:
            connection.close()
            raise InvalidRequest(str(error)) from error
        return Response(answer.status, answer.headers, self._body(connection, answer))

    def _connect(self, context: ssl.SSLContext | None) -> socket.socket:
        # As bytes, because a text would be encoded by a codec whose import takes a millisecond.
        host = self._url.host.encode("ascii")
        plain = socket.create_connection(
            (host, self._url.port),  # type: ignore[arg-type]  # getaddrinfo takes bytes, too
            _CONNECT_SECONDS,
        )
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _keep_alive(plain)
        if context is None:
            return plain
        try:
            return context.wrap_socket(plain, server_hostname=host)
        except OSError:
            plain.close()
            raise

    def _exchange(self, connection: socket.socket, request: Request) -> http1.Answer:
        headers = {"Host": self._url.place, **request.headers}
        if isinstance(self._credentials, Token):
            headers["Authorization"] = f"Bearer {self._credentials.token}"
        target = self._url.path + request.path
        return http1.exchange(connection, request.method, target, headers, request.body)

    def _body(self, connection: socket.socket, answer: http1.Answer) -> Iterator[bytes]:
        try:
            yield from answer.chunks
        except (OSError, http1.BadAnswer) as error:
            raise Unavailable(
                f"the connection to the {self._service} service broke in the middle of its answer"
            ) from error
        finally:
            connection.close()

    def _explained(self, error: Exception) -> ToolforgeError:
        place = f"{self._url.scheme}://{self._url.place}"
        if isinstance(error, socket.gaierror):
            return Unavailable(
                f"there is no machine named {self._url.host}, where the gateway should be",
                hint="see `api_gateway.url` in the configuration and $TOOL_TOOLFORGE_API_URL",
            )
        return tls.explained(error, place) or self._down(error, place)

    def _down(self, error: Exception, place: str) -> Unavailable:
        is_here = self._url.host in {"127.0.0.1", "localhost", "::1"}
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, TimeoutError):
            reason = "it does not answer in time"
        return Unavailable(
            f"the {self._service} service seems to be down ({place}: {reason}); "
            "please try again in a few minutes",
            hint="`toolforge dev status` says how the platform on this machine is, "
            "`toolforge dev up` starts it"
            if is_here
            else "",
        )


def _parse_url(url: str) -> _Url:
    match = _URL.fullmatch(url)
    if match is None:
        raise InvalidRequest(
            f"{url!r} cannot be the address of the gateway",
            hint="see `api_gateway.url` in the configuration and $TOOL_TOOLFORGE_API_URL",
        )
    port = int(match["port"] or (443 if match["scheme"] == "https" else 80))
    return _Url(match["scheme"], match["host"].strip("[]"), port, match["place"], match["path"])


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):  # not on every system
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
