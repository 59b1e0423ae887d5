"""Whom a certificate names, and which ones count for nothing."""

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from toolforge_common.errors import NotAuthenticated
from toolforge_gateway.certificates import CertificateReader
from toolforge_runtime.local.pki import CertificateAuthority


@pytest.fixture
def reader(authority):
    return CertificateReader(authority.certificate)


def test_a_certificate_of_the_tool_authority_names_its_tool(reader, der):
    certificate = reader.read(der())

    assert certificate.tool == "demo"
    assert certificate.not_before < certificate.not_after


def test_what_the_tool_authority_issues_counts(reader, authority):
    pem = authority.issue_client("demo").certificate

    assert reader.read(_to_der(pem)).tool == "demo"


def test_a_right_certificate_is_read_once(reader, der):
    certificate = der()

    assert reader.read(certificate) is reader.read(certificate)


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ([("O", "admins"), ("CN", "demo")], "organization"),
        ([("O", "Toolforge"), ("CN", "demo")], "organization"),
        ([("CN", "demo")], "organization"),
        ([("O", "toolforge"), ("O", "toolforge"), ("CN", "demo")], "organization"),
        ([("O", "toolforge"), ("O", "admins"), ("CN", "demo")], "organization"),
        ([("O", "toolforge")], "common name"),
        ([("O", "toolforge"), ("CN", "demo"), ("CN", "other")], "common name"),
        ([("O", "toolforge"), ("CN", "service:jobs-api")], "not a tool's"),
        ([("O", "toolforge"), ("CN", "Demo")], "not a tool's"),
        ([("O", "toolforge"), ("CN", "demo\x00")], "not a tool's"),
    ],
)
def test_a_subject_that_is_not_one_tool_is_refused(reader, der, subject, reason):
    with pytest.raises(NotAuthenticated, match=reason) as refused:
        reader.read(der(subject))

    assert "dev shell" in refused.value.hint


@pytest.mark.parametrize("usages", [(), (ExtendedKeyUsageOID.SERVER_AUTH,)])
def test_a_certificate_that_is_not_for_clients_is_refused(reader, der, usages):
    with pytest.raises(NotAuthenticated, match="not meant for clients"):
        reader.read(der(usages=usages))


def test_another_authority_of_the_same_name_is_refused(reader, der, tmp_path):
    impostor = CertificateAuthority.open(tmp_path / "impostor", "Tool CA")

    with pytest.raises(NotAuthenticated, match="not issued by"):
        reader.read(der(signer=impostor))


def test_another_authority_of_another_name_is_refused(reader, der, tmp_path):
    stranger = CertificateAuthority.open(tmp_path / "stranger", "Stranger")

    with pytest.raises(NotAuthenticated, match="not issued by"):
        reader.read(der(signer=stranger))


def test_bytes_that_are_no_certificate_are_refused(reader):
    with pytest.raises(NotAuthenticated, match="not issued by"):
        reader.read(b"\x30\x03\x02\x01\x00")


def _to_der(pem):
    from ssl import PEM_cert_to_DER_cert

    return PEM_cert_to_DER_cert(pem.decode())
