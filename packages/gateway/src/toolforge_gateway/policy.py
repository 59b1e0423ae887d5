"""Who may call what: every rule on identity and routes, once, without I/O.

`Policy.decide` takes a request as the edge saw it and returns where it goes and as whom, or raises the
refusal. A front (the ASGI one here, nginx later) only carries out what it says. What does not live here:
signing the identity token, which needs a key, and answering, which needs HTTP statuses.
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
from collections.abc import Callable, Sequence

from toolforge_common.errors import Forbidden, NotAuthenticated, NotFound
from toolforge_common.identity import REQUEST_ID_HEADER, TOOL_HEADER, Identity
from toolforge_common.names import ToolName
from toolforge_gateway.certificates import CertificateReader, refused
from toolforge_gateway.headers import Headers, without_identity
from toolforge_gateway.paths import decode_path, strip_first_segment
from toolforge_runtime.ports import Tool

# What a tool's own certificate makes of its caller.
TOOL_ROLES = ("tool",)
# Whatever else an open path takes needs credentials like everything else.
_READING = frozenset({"GET", "HEAD"})


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """A service: its prefix in paths, which is also its name and the audience of its tokens; its versions."""

    service: str
    versions: tuple[str, ...] = ("v1",)

    @property
    def open_paths(self) -> frozenset[str]:
        """What of the service may be read without credentials."""
        probes = (f"/{version}/{probe}" for version in self.versions for probe in _PROBES)
        return frozenset({"/openapi.json", *probes})


_PROBES = ("healthz", "metrics")


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """A request as the edge saw it. `raw_path` is undecoded, `certificate` the peer's in DER, or None."""

    method: str
    raw_path: bytes
    headers: Headers
    request_id: str
    certificate: bytes | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """Where the request goes and as whom.

    `service` is empty where the gateway itself answers. `path` and `raw_path` are what the service
    sees. `caller` is None on open paths. `headers` replace the caller's; the identity token is yet to be added.
    """

    service: str
    path: str
    raw_path: bytes
    headers: Headers
    caller: Identity | None = None


class Policy:
    """The rules, for one set of services, one tool CA and one way to look up tools."""

    def __init__(
        self,
        routes: Sequence[Route],
        certificates: CertificateReader,
        tool: Callable[[ToolName], Tool],
        clock: Callable[[], datetime.datetime],
    ) -> None:
        """`tool` returns a tool or raises NotFound, as `Tenancy.get` does."""
        self._routes = {route.service: route for route in routes}
        self._certificates = certificates
        self._tool = tool
        self._clock = clock

    def decide(self, request: Request) -> Decision:
        """Return where the request goes. Raises InvalidRequest, NotAuthenticated, Forbidden or NotFound."""
        path = decode_path(request.raw_path)
        if path in ("/", "/openapi.json"):
            return self._decision(request, "", path, request.raw_path)
        service, rest = strip_first_segment(path)
        route = self._route(service)
        # The raw path has a slash wherever the decoded one has, so both split alike.
        _, raw_rest = strip_first_segment(request.raw_path.decode("ascii"))
        caller = self._caller_of(request, route, rest)
        return self._decision(request, service, rest, raw_rest.encode("ascii"), caller)

    def _route(self, service: str) -> Route:
        route = self._routes.get(service)
        if route is None:
            near = difflib.get_close_matches(service, self._routes, n=1, cutoff=0.5)
            known = ", ".join(sorted(self._routes))
            guess = f"did you mean /{near[0]}/? " if near else ""
            raise NotFound(
                f"there is no service at /{service}", hint=f"{guess}the services are: {known}"
            )
        return route

    def _caller_of(self, request: Request, route: Route, path: str) -> Identity | None:
        if path in route.open_paths and request.method in _READING:
            return None
        version, rest = strip_first_segment(path)
        if version not in route.versions:
            offered = ", ".join(f"/{route.service}/{known}/" for known in route.versions)
            raise NotFound(
                f"there is nothing at /{route.service}{path}", hint=f"this service has {offered}"
            )
        tool = self._authenticate(request.certificate)
        _require_own(tool.name, f"/{route.service}/{version}", rest)
        return Identity(
            subject=f"tool:{tool.name}",
            tool=tool.name,
            roles=TOOL_ROLES,
            request_id=request.request_id,
        )

    def _authenticate(self, der: bytes | None) -> Tool:
        if der is None:
            raise NotAuthenticated(
                "this needs the client certificate of a tool, and none was shown",
                hint="work as a tool: become <tool>, or on your own machine: toolforge dev shell <tool>",
            )
        certificate = self._certificates.read(der)
        if not certificate.not_before <= self._clock() <= certificate.not_after:
            raise refused("it is out of date")
        tool = self._known_tool(certificate.tool)
        # It was issued to a tool of that name that is gone. Certificates have no fractions of a second.
        if certificate.not_before < tool.created_at.replace(microsecond=0):
            raise refused(f"it is older than the tool {tool.name!r}")
        if not tool.enabled:
            raise Forbidden(
                f"the tool {tool.name!r} is disabled",
                hint="ask the administrators of this platform",
            )
        return tool

    def _known_tool(self, name: ToolName) -> Tool:
        try:
            return self._tool(name)
        except NotFound as error:
            raise refused(f"there is no tool {name!r}") from error

    def _decision(
        self,
        request: Request,
        service: str,
        path: str,
        raw_path: bytes,
        caller: Identity | None = None,
    ) -> Decision:
        headers = without_identity(request.headers)
        headers.append((REQUEST_ID_HEADER.encode(), request.request_id.encode()))
        if caller is not None:
            headers.append((TOOL_HEADER.encode(), caller.tool.encode()))
        return Decision(service, path, raw_path, headers, caller)


def _require_own(tool: ToolName, prefix: str, path: str) -> None:
    """Let a tool at its own paths only; there is nothing for it elsewhere."""
    collection, rest = strip_first_segment(path)
    owner, _ = strip_first_segment(rest)
    if collection != "tool" or not owner:
        raise NotFound(
            f"there is nothing at {prefix}{path}",
            hint=f"what belongs to a tool is under {prefix}/tool/<tool>/",
        )
    if owner != tool:
        raise Forbidden(
            f"the tool {tool!r} may not touch what belongs to {owner!r}",
            hint=f"work as that tool, or ask for {prefix}/tool/{tool}/",
        )
