"""The platform's two authorities: one vouches for tools towards the gateway, one for the gateway itself.

They are apart so that a tool, which may read the public certificate of the second, trusts nothing that the
first has signed: no tool can pose as the gateway.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from toolforge_dev.settings import Places
from toolforge_runtime.local.pki import CertificateAuthority, write_private
from toolforge_runtime.local.state import StateFolder

# Every name under which a client on this machine may call the gateway.
_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclasses.dataclass(frozen=True, slots=True)
class Pki:
    """The authorities, and the files of the gateway's own certificate."""

    tools: CertificateAuthority
    tools_certificate: Path
    gateway_authority: bytes
    certificate: Path
    key: Path


def open_pki(state: StateFolder) -> Pki:
    """Open the authorities, or make them, and issue the gateway a certificate for this start."""
    tools = CertificateAuthority.open(state.pki / "tools", "Toolforge tool CA")
    authority = CertificateAuthority.open(state.pki / "gateway", "Toolforge gateway CA")
    certificate, key = state.pki / "gateway" / "server.crt", state.pki / "gateway" / "server.key"
    pair = authority.issue_server(_NAMES)
    write_private(key, pair.key)
    write_private(certificate, pair.certificate)
    public = Places(state.root).gateway_ca
    write_private(public, authority.certificate)
    public.chmod(0o644)
    return Pki(tools, state.pki / "tools" / "ca.crt", authority.certificate, certificate, key)
