"""The jobs service as one ASGI app: the only file that knows every other."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from toolforge_common.api.document import load_document
from toolforge_common.api.front import Front
from toolforge_common.api.service import ServiceLimits, create_service
from toolforge_common.identity import IdentityVerifier
from toolforge_jobs_api.domain.log_reader import LogReader
from toolforge_jobs_api.domain.resolution import ContainerLimits
from toolforge_jobs_api.domain.service import JobService, Rules
from toolforge_jobs_api.handlers.health import HealthHandlers
from toolforge_jobs_api.handlers.images import ImageHandlers
from toolforge_jobs_api.handlers.jobs import JobHandlers
from toolforge_jobs_api.handlers.logs import LogHandlers
from toolforge_jobs_api.handlers.quotas import QuotaHandlers
from toolforge_jobs_api.settings import Settings
from toolforge_runtime.ports import Ports

# The name that the gateway signs identity tokens for.
AUDIENCE = "jobs"
# Clients of old tell a body of the wrong shape by this status.
INVALID_BODY = 422


Clock = Callable[[], datetime.datetime]


def utc_now() -> datetime.datetime:
    """Return the time of day."""
    return datetime.datetime.now(datetime.UTC)


def openapi_document() -> dict[str, Any]:
    """Return the service's contract."""
    return load_document("toolforge_jobs_api")


def create_app(
    settings: Settings, ports: Ports, verifier: IdentityVerifier, clock: Clock = utc_now
) -> Front:
    """Return the service on these ports, for callers that the verifier believes."""
    service = JobService(ports.runtime, ports.store, clock, _rules(settings))
    handlers = {
        "health": HealthHandlers(ports.runtime),
        "images": ImageHandlers(service),
        "jobs": JobHandlers(service),
        "logs": LogHandlers(LogReader(ports.runtime, service)),
        "quotas": QuotaHandlers(),
    }
    limits = ServiceLimits(
        threads=settings.threads,
        streams_per_tool=settings.streams_per_tool,
        streams=settings.streams,
    )
    return create_service(
        document=openapi_document(),
        handlers=handlers,
        verifier=verifier,
        limits=limits,
        invalid_body=INVALID_BODY,
    )


def _rules(settings: Settings) -> Rules:
    limits = ContainerLimits(
        settings.min_memory, settings.max_memory, settings.min_cpu, settings.max_cpu
    )
    return Rules(settings.default_cpu_limit, limits)
