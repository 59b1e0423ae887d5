"""The sample service as one ASGI app: the only file that knows every other."""

from __future__ import annotations

from typing import Any

from toolforge_common.api.document import load_document
from toolforge_common.api.front import Front
from toolforge_common.api.service import ServiceLimits, create_service
from toolforge_common.identity import IdentityVerifier
from toolforge_runtime.ports import Ports
from toolforge_sample_api.domain.service import SampleService
from toolforge_sample_api.handlers.health import HealthHandlers
from toolforge_sample_api.handlers.sample import SampleHandlers
from toolforge_sample_api.settings import Settings

# The name that the gateway signs identity tokens for.
AUDIENCE = "sample"


def openapi_document() -> dict[str, Any]:
    """Return the service's contract."""
    return load_document("toolforge_sample_api")


def create_app(settings: Settings, ports: Ports, verifier: IdentityVerifier) -> Front:
    """Return the service on these ports, for callers that the verifier believes."""
    return create_service(
        document=openapi_document(),
        handlers={
            "health": HealthHandlers(ports.runtime),
            "sample": SampleHandlers(SampleService(ports.store)),
        },
        verifier=verifier,
        limits=ServiceLimits(threads=settings.threads),
    )
