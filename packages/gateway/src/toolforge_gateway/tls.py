"""TLS at the edge: the context of the server, and what an app may learn of a connection.

uvicorn does not show the peer's certificate to the app. Here it goes, in DER, into the scope as
`extensions["tls"]["client_certificate"]`.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

TLS_EXTENSION = "tls"
CLIENT_CERTIFICATE = "client_certificate"


def server_context(certificate: Path, key: Path, client_authority: Path) -> ssl.SSLContext:
    """Return the context of a server that asks for a client certificate, and takes none as well.

    One that the authority did not issue, or that is out of date, ends the handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(client_authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    # A command makes one connection and would never use a ticket; making two costs a third of a handshake.
    context.num_tickets = 0
    return context


def tls_extension(transport: asyncio.BaseTransport) -> dict[object, object]:
    """Return what the app may know of the connection's TLS: nothing without it, else the peer's certificate."""
    connection = transport.get_extra_info("ssl_object")
    if connection is None:
        return {}
    return {CLIENT_CERTIFICATE: connection.getpeercert(binary_form=True)}
