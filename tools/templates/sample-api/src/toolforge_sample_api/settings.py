"""Settings of the sample service, from variables that begin with TOOLFORGE_SAMPLE_."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from toolforge_common.settings import read_settings

PREFIX = "TOOLFORGE_SAMPLE_"


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """What an installation decides about the sample service.

    `address`, `port`: where a process of its own listens; only the gateway should reach it.
    `gateway_keys`: a JSON file of the gateway's public keys, by key id; without it a process of its own
    does not start. `ports`: `memory` to try the service on a runtime that runs nothing; else empty.
    `threads`: requests served at the same time. `debug`: whether to log details.
    """

    address: str = "127.0.0.1"
    port: int = dataclasses.field(default=8000, metadata={"minimum": 1})
    gateway_keys: Path | None = None
    ports: str = ""
    threads: int = dataclasses.field(default=40, metadata={"minimum": 1})
    debug: bool = False

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings as the environment has them. Raises SettingsError for a bad value."""
        return read_settings(cls, PREFIX, environ)
