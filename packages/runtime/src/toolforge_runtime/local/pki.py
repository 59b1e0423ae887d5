"""A small certificate authority on disk: EC P-256 keys, certificates for clients and servers.

P-256 because each call of a command line is a new TLS connection, which costs 1.3 times as much with RSA.
"""

from __future__ import annotations

import dataclasses
import datetime
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from toolforge_common.errors import Unavailable

CA_LIFETIME = datetime.timedelta(days=3650)
# What a cluster's signer gives by default, too.
LEAF_LIFETIME = datetime.timedelta(days=365)
# Clocks of two machines may differ a little.
_BACKDATE = datetime.timedelta(minutes=5)


@dataclasses.dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes = dataclasses.field(repr=False)


class CertificateAuthority:
    """Signs certificates with a key that never leaves its folder."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def open(cls, folder: Path, name: str) -> CertificateAuthority:
        """Open the authority kept in `folder` (mode 0700), or make it there under the common name `name`."""
        certificate_file, key_file = folder / "ca.crt", folder / "ca.key"
        if not certificate_file.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = _build_ca(name, key)
            write_private(key_file, _key_pem(key))
            # The certificate comes last: what exists without it is made anew.
            write_private(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
        stored = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(stored, ec.EllipticCurvePrivateKey):
            raise Unavailable(f"the key in {key_file} is not an elliptic curve key")
        return cls(x509.load_pem_x509_certificate(certificate_file.read_bytes()), stored)

    @property
    def certificate(self) -> bytes:
        """The authority's own certificate, PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue_client(
        self,
        common_name: str,
        organization: str = "toolforge",
        not_before: datetime.datetime | None = None,
    ) -> KeyPair:
        """Return a certificate for client authentication.

        `not_before` is when it begins to be valid, to the second; left out, some minutes ago. A tool's
        begins exactly with the tool, so that one of a deleted namesake can be told by its age.
        """
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )
        return self._issue(subject, ExtendedKeyUsageOID.CLIENT_AUTH, names=(), begin=not_before)

    def issue_server(self, names: Sequence[str]) -> KeyPair:
        """Return a certificate for a server reachable under these host names and addresses."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        return self._issue(subject, ExtendedKeyUsageOID.SERVER_AUTH, names=names)

    def _issue(
        self,
        subject: x509.Name,
        usage: x509.ObjectIdentifier,
        names: Sequence[str],
        begin: datetime.datetime | None = None,
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        begin = begin or datetime.datetime.now(datetime.UTC) - _BACKDATE
        builder = (
            _builder(subject, self._certificate.subject, key, begin)
            .not_valid_after(begin + LEAF_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        if names:
            alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return KeyPair(certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key))


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _build_ca(name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.datetime.now(datetime.UTC) - _BACKDATE
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(subject, subject, key, begin)
        .not_valid_after(begin + CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    begin: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
