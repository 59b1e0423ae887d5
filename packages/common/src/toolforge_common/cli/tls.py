"""The TLS side of the transport: whom the client trusts, how it proves who it is, what goes wrong."""

from __future__ import annotations

import os
import ssl

from toolforge_common.config.account import CertificateFiles, Credentials, InlineCertificate
from toolforge_common.config.files import BECOME_HINT
from toolforge_common.errors import (
    InvalidRequest,
    NotAuthenticated,
    ToolforgeError,
    Unavailable,
)

_CA_HINT = (
    "name the file with the gateway's CA as `api_gateway.ca_file` in /etc/toolforge/common.yaml "
    "or in $TOOLFORGE_API_CA_FILE"
)
# OpenSSL's X509_V_ERR_ numbers, and the sentence and the hint for each.
_EXPIRED, _NOT_YET_VALID, _WRONG_NAME, _WRONG_ADDRESS = 10, 9, 62, 64
_UNTRUSTED = {
    _EXPIRED: ("its certificate has expired", "tell its administrators"),
    _NOT_YET_VALID: ("its certificate is not valid yet", "is the clock of this machine right?"),
    _WRONG_NAME: (
        "its certificate is for another name",
        "see `api_gateway.url` in the configuration and $TOOL_TOOLFORGE_API_URL",
    ),
    _WRONG_ADDRESS: (
        "its certificate is for another address",
        "see `api_gateway.url` in the configuration and $TOOL_TOOLFORGE_API_URL",
    ),
}
# What OpenSSL says when the other side wants another certificate than it was shown.
_CLIENT_REFUSED = (
    "ALERT_ACCESS_DENIED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_REQUIRED",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_UNKNOWN_CA",
    "ALERT_UNSUPPORTED_CERTIFICATE",
)


def client_context(ca_file: str, credentials: Credentials) -> ssl.SSLContext:
    """Return a context that trusts the CA file (if empty, the system's) and shows the credentials.

    Raises InvalidRequest if the CA file cannot be used, NotAuthenticated if the credentials cannot.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        _trust(context, ca_file)
    else:
        context.load_default_certs()
    if isinstance(credentials, CertificateFiles):
        _show(context, credentials.certificate, credentials.key)
    elif isinstance(credentials, InlineCertificate):
        _show_inline(context, credentials)
    return context


def explained(error: Exception, place: str) -> ToolforgeError | None:
    """Return our error for what TLS has to complain about, or None if the error is about other things."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason, hint = _UNTRUSTED.get(
            error.verify_code, ("its certificate is not from an authority known here", _CA_HINT)
        )
        return Unavailable(f"the gateway at {place} cannot be trusted: {reason}", hint=hint)
    if not isinstance(error, ssl.SSLError):
        return None
    if (error.reason or "").endswith(_CLIENT_REFUSED):
        return NotAuthenticated(
            f"the gateway at {place} does not accept the certificate of this tool",
            hint=f"it may be out of date or from another installation; {BECOME_HINT}",
        )
    if error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"}:
        return Unavailable(f"what answers at {place} does not speak TLS")
    return None


def _trust(context: ssl.SSLContext, ca_file: str) -> None:
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # SSLError is one, too
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise InvalidRequest(
            f"cannot trust the gateway by {ca_file}: {reason}", hint=_CA_HINT
        ) from error


def _show(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        # An empty password, because OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except OSError as error:
        reason = "they do not fit" if isinstance(error, ssl.SSLError) else error.strerror
        raise NotAuthenticated(
            f"cannot use the certificate {certificate} with the key {key}: {reason}",
            hint=BECOME_HINT,
        ) from error


def _show_inline(context: ssl.SSLContext, credentials: InlineCertificate) -> None:
    # OpenSSL reads files only; this one is in memory and has no name.
    descriptor = os.memfd_create("client-certificate")
    try:
        os.write(descriptor, credentials.certificate + b"\n" + credentials.key)
        path = f"/proc/self/fd/{descriptor}"
        _show(context, path, path)
    finally:
        os.close(descriptor)
