"""Client certificates: whom one names, if it is one of the tool CA's at all."""

from __future__ import annotations

import dataclasses
import datetime
import functools

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from toolforge_common.errors import InvalidRequest, NotAuthenticated
from toolforge_common.names import ToolName, parse_tool_name

ORGANIZATION = "toolforge"
# A fingerprint costs microseconds, reading and verifying a certificate a fifth of a millisecond.
_CACHED = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class ToolCertificate:
    """A certificate of the tool CA: for which tool, valid from when until when."""

    tool: ToolName
    not_before: datetime.datetime
    not_after: datetime.datetime


class CertificateReader:
    """Reads certificates that one CA issued; remembers those that were right."""

    def __init__(self, authority: bytes) -> None:
        self._authority = x509.load_pem_x509_certificate(authority)
        # An exception is not remembered; TLS lets few wrong ones come this far.
        self.read = functools.lru_cache(maxsize=_CACHED)(self._read)

    def _read(self, der: bytes) -> ToolCertificate:
        """Return what the certificate says. Raises NotAuthenticated if it counts for nothing.

        What depends on the clock or on the tool is left to the caller, because the result is kept.
        """
        try:
            certificate = x509.load_der_x509_certificate(der)
            certificate.verify_directly_issued_by(self._authority)
            _require_client_authentication(certificate)
            tool = _tool(certificate)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise refused("it was not issued by the certificate authority for tools") from error
        return ToolCertificate(
            tool=tool,
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )


def refused(reason: str) -> NotAuthenticated:
    """Say that the certificate does not count, and where a good one comes from."""
    return NotAuthenticated(
        f"the client certificate does not count: {reason}",
        hint="work as the tool, whose account holds a fresh one: become <tool>, "
        "or on your own machine: toolforge dev shell <tool>",
    )


def _require_client_authentication(certificate: x509.Certificate) -> None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound as error:
        raise refused("it is not meant for clients") from error
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        raise refused("it is not meant for clients")


def _tool(certificate: x509.Certificate) -> ToolName:
    organizations = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    if [item.value for item in organizations] != [ORGANIZATION]:
        raise refused(f"its organization is not exactly {ORGANIZATION!r}")
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1:
        raise refused("it does not have exactly one common name")
    try:
        return parse_tool_name(str(names[0].value))
    except InvalidRequest as error:
        raise refused("its common name is not a tool's") from error
