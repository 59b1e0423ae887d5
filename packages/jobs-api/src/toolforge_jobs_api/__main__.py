"""The jobs service as a process of its own: `python -m toolforge_jobs_api`.

On one machine the platform holds the service in its own process, because a state folder belongs to
one process. So this serves the app on ports in memory, for trying it out and for generators of
clients, when TOOLFORGE_JOBS_PORTS=memory says so; nothing runs there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from toolforge_common.api.front import Front
from toolforge_common.identity import IdentityVerifier
from toolforge_common.logging import configure_logging
from toolforge_common.settings import SettingsError
from toolforge_jobs_api.app import AUDIENCE, create_app
from toolforge_jobs_api.settings import PREFIX, Settings
from toolforge_runtime.ports import Ports
from toolforge_runtime.testing import InMemoryRuntime, InMemoryStore, InMemoryTenancy


def build(settings: Settings) -> Front:
    """Return the app for a process of its own. Raises SettingsError if there is nothing to serve."""
    if settings.ports != "memory":
        raise SettingsError(
            "the jobs service runs inside the platform (`toolforge dev up`); to try it alone, on a "
            f"runtime that runs nothing, set {PREFIX}PORTS=memory"
        )
    if settings.gateway_keys is None:
        raise SettingsError(
            f"{PREFIX}GATEWAY_KEYS must name the file with the gateway's public keys"
        )
    ports = Ports(InMemoryRuntime(), InMemoryStore(), InMemoryTenancy())
    verifier = IdentityVerifier(read_keys(settings.gateway_keys), AUDIENCE)
    return create_app(settings, ports, verifier)


def read_keys(file: Path) -> Mapping[str, Ed25519PublicKey]:
    """Return the keys in a file such as `{"<key id>": "<64 hexadecimal digits>"}`. Raises SettingsError."""
    try:
        keys = json.loads(file.read_text("utf-8"))
        return {
            key_id: Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
            for key_id, text in keys.items()
        }
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise SettingsError(f"{file} does not hold public keys of a gateway: {error}") from error


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Serve until told to stop; return 2 if the settings do not allow it."""
    try:
        settings = Settings.read(environ)
        app = build(settings)
    except SettingsError as error:
        print(f"toolforge_jobs_api: {error}", file=sys.stderr)  # noqa: T201  this is a program
        return 2
    configure_logging(debug=settings.debug)
    # The gateway writes the log of requests, and metrics count them.
    uvicorn.run(app, host=settings.address, port=settings.port, log_config=None, access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
