"""The jobs service on ports in memory, and a client that calls it as the gateway would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import structlog

from toolforge_common.api.testing.client import ServiceClient
from toolforge_common.identity import IdentitySigner, IdentityVerifier
from toolforge_common.names import ToolName
from toolforge_jobs_api.app import AUDIENCE, create_app, openapi_document
from toolforge_jobs_api.domain.service import JobService, Rules
from toolforge_jobs_api.settings import Settings
from toolforge_runtime.ports import Ports
from toolforge_runtime.testing import InMemoryRuntime, InMemoryStore, InMemoryTenancy

DEMO = ToolName("demo")


@pytest.fixture(scope="session")
def signer() -> IdentitySigner:
    return IdentitySigner.generate()


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    return openapi_document()


@pytest.fixture
def runtime() -> InMemoryRuntime:
    return InMemoryRuntime()


@pytest.fixture
def store() -> InMemoryStore:
    return InMemoryStore()


@pytest.fixture
def service(runtime: InMemoryRuntime, store: InMemoryStore) -> JobService:
    """The use cases, at the runtime's time."""
    return JobService(runtime, store, lambda: runtime.now, Rules())


@pytest.fixture
def client(runtime: InMemoryRuntime, store: InMemoryStore, signer: IdentitySigner) -> ServiceClient:
    ports = Ports(runtime, store, InMemoryTenancy())
    verifier = IdentityVerifier(signer.public_keys, AUDIENCE)
    app = create_app(Settings(), ports, verifier, clock=lambda: runtime.now)
    return ServiceClient(app, signer, AUDIENCE, DEMO)


@pytest.fixture
def log() -> list[Mapping[str, Any]]:
    """What is logged while the test runs."""
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        yield lines
