"""A small service on what services share, and clients for it."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml

from toolforge_common.api.service import ServiceLimits, create_service
from toolforge_common.api.testing.client import ServiceClient
from toolforge_common.errors import NotFound
from toolforge_common.identity import Identity, IdentitySigner, IdentityVerifier


class Things:
    """Handlers; `on_list` and `on_create` are what a test wants to happen there."""

    def __init__(self) -> None:
        self.on_list: Callable[[], Any] = lambda: {"things": []}
        self.on_create: Callable[[], Any] = lambda: None
        self.callers: list[Identity] = []
        self.closed = asyncio.Event()

    def list_things(self, toolname: str, limit: int) -> Any:
        return self.on_list()

    def create_thing(self, toolname: str, body: Mapping[str, Any], identity: Identity) -> Any:
        self.callers.append(identity)
        self.on_create()
        return {"name": body["name"], "size": body.get("radius", 0)}, 201

    def get_thing(self, toolname: str, name: str) -> Any:
        raise NotFound(f"there is no thing {name!r}", hint="make one", doc="https://x")

    async def tail(self, toolname: str, name: str, first: int) -> AsyncIterator[Any]:
        if name == "nothing":
            raise NotFound("nothing is silent")
        if name == "plain":
            return _Plain([{"line": first}])
        return self._lines(name, first)

    async def _lines(self, name: str, first: int) -> AsyncIterator[Any]:
        try:
            yield {"line": first}
            yield None
            if name == "broken":
                raise RuntimeError("a pipe burst")
            if name == "endless":
                await asyncio.Event().wait()
            yield {"line": first + 1}
        finally:
            self.closed.set()


class _Plain:
    """Lines that cannot be closed, as an iterator that is no generator."""

    def __init__(self, lines: list[Any]) -> None:
        self._lines = iter(lines)

    def __aiter__(self) -> _Plain:
        return self

    async def __anext__(self) -> Any:
        for line in self._lines:
            return line
        raise StopAsyncIteration


@pytest.fixture(scope="session")
def parsed() -> dict[str, Any]:
    return yaml.safe_load((Path(__file__).parent / "things.yaml").read_text())


@pytest.fixture
def document(parsed: dict[str, Any]) -> dict[str, Any]:
    """The service's document, for the test to change."""
    return copy.deepcopy(parsed)


@pytest.fixture
def things() -> Things:
    return Things()


@pytest.fixture(scope="session")
def signer() -> IdentitySigner:
    return IdentitySigner.generate()


@pytest.fixture
def make_client(
    document: dict[str, Any], things: Things, signer: IdentitySigner
) -> Callable[..., ServiceClient]:
    def make(**options: Any) -> ServiceClient:
        app = create_service(
            document=document,
            handlers={"things": things},
            verifier=IdentityVerifier(signer.public_keys, "things"),
            limits=ServiceLimits(threads=4, body=10_000, streams_per_tool=2, streams=3),
            **options,
        )
        return ServiceClient(app, signer, "things")

    return make


@pytest.fixture
def client(make_client: Callable[..., ServiceClient]) -> ServiceClient:
    return make_client(invalid_body=422)


@pytest.fixture
def log() -> list[Mapping[str, Any]]:
    """What is logged while the test runs."""
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        yield lines
