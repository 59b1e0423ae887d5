"""The sample service on ports in memory, and a client that calls it as the gateway would."""

import pytest

from toolforge_common.api.testing.client import ServiceClient
from toolforge_common.identity import IdentitySigner, IdentityVerifier
from toolforge_common.names import ToolName
from toolforge_runtime.ports import Ports
from toolforge_runtime.testing import InMemoryRuntime, InMemoryStore, InMemoryTenancy
from toolforge_sample_api.app import AUDIENCE, create_app, openapi_document
from toolforge_sample_api.settings import Settings

DEMO = ToolName("demo")


@pytest.fixture(scope="session")
def document():
    return openapi_document()


@pytest.fixture
def store():
    return InMemoryStore()


@pytest.fixture
def client(store):
    ports = Ports(InMemoryRuntime(), store, InMemoryTenancy())
    signer = IdentitySigner.generate()
    app = create_app(Settings(), ports, IdentityVerifier(signer.public_keys, AUDIENCE))
    return ServiceClient(app, signer, AUDIENCE, DEMO)
