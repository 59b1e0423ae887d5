"""Settings of the jobs service, from variables that begin with TOOLFORGE_JOBS_."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from toolforge_common.settings import read_settings

PREFIX = "TOOLFORGE_JOBS_"


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """What an installation decides about the jobs service.

    `address`, `port`: where a process of its own listens; only the gateway should reach it.
    `gateway_keys`: a JSON file of the gateway's public keys, by key id; without it a process of its own
    does not start. `ports`: `memory` to try the service on a runtime that runs nothing; else empty.
    `threads`: requests served at the same time; a handler mostly waits for the runtime.
    `streams_per_tool`, `streams`: logs being read at the same time, of one tool and of all.
    `default_cpu_limit`: cores that a job may use which does not ask for CPU; upstream deploys one.
    `min_memory`, `max_memory`, `min_cpu`, `max_cpu`: what one container may ask for, as Kubernetes quantities;
    upstream's numbers. `debug`: whether to log details.
    """

    address: str = "127.0.0.1"
    port: int = dataclasses.field(default=8000, metadata={"minimum": 1})
    gateway_keys: Path | None = None
    ports: str = ""
    threads: int = dataclasses.field(default=40, metadata={"minimum": 1})
    streams_per_tool: int = dataclasses.field(default=32, metadata={"minimum": 1})
    streams: int = dataclasses.field(default=512, metadata={"minimum": 1})
    default_cpu_limit: Decimal = dataclasses.field(
        default=Decimal(1), metadata={"minimum": Decimal("0.1")}
    )
    min_memory: str = "100Mi"
    max_memory: str = "6Gi"
    min_cpu: str = "50m"
    max_cpu: str = "3"
    debug: bool = False

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings as the environment has them. Raises SettingsError for a bad value."""
        return read_settings(cls, PREFIX, environ)
