"""The gateway as the command line reaches it: who trusts whom, and what is said when something is wrong."""

import base64
import socket
import ssl

import pytest

from toolforge_common.cli import tls
from toolforge_common.cli.transport import Gateway, Request, Response
from toolforge_common.config.account import CertificateFiles, InlineCertificate, Token
from toolforge_common.errors import InvalidRequest, NotAuthenticated, Unavailable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Request-Id: r1\r\n\r\n{}"
GET = Request("GET", "/jobs/v1/healthz", {"User-Agent": "test"}, timeout=10)


@pytest.fixture
def credentials(pki):
    return CertificateFiles(*map(str, pki.tools.issue("demo")))


@pytest.fixture
def gateway(pki, credentials):
    def make(
        port, credentials=credentials, *, ca_file=None, host="127.0.0.1", scheme="https", path=""
    ):
        ca_file = str(pki.gateway.file) if ca_file is None else ca_file
        return Gateway(f"{scheme}://{host}:{port}{path}", ca_file, credentials, "jobs")

    return make


def test_both_sides_show_their_certificates(gateway, serve, server_context):
    server = serve(OK, context=server_context())

    response = gateway(server.port)(GET)

    assert (response.status, response.read()) == (200, b"{}")
    assert response.headers["x-request-id"] == "r1"
    assert server.heads == [
        b"GET /jobs/v1/healthz HTTP/1.1\r\n"
        b"Host: 127.0.0.1:%d\r\nUser-Agent: test\r\nConnection: close\r\n\r\n" % server.port
    ]


def test_a_certificate_may_stand_in_the_kubeconfig_itself(gateway, serve, server_context, pki):
    certificate, key = (file.read_bytes() for file in pki.tools.issue("inline"))
    server = serve(OK, context=server_context())

    response = gateway(server.port, InlineCertificate(certificate, key))(GET)

    assert response.read() == b"{}"


def test_a_token_goes_into_a_header(gateway, serve):
    server = serve(OK)

    gateway(server.port, Token("secret"), scheme="http")(GET).read()

    assert b"\r\nAuthorization: Bearer secret\r\n" in server.heads[0]


def test_the_address_may_have_a_path(gateway, serve):
    server = serve(OK)

    gateway(server.port, Token("x"), scheme="http", path="/api/")(GET).read()

    assert server.heads[0].startswith(b"GET /api/jobs/v1/healthz ")


def test_lines_are_put_together_from_chunks():
    response = Response(200, {}, [b"on", b"e\ntw", b"o\n\nfour"])

    assert list(response.lines()) == [b"one", b"two", b"", b"four"]


def refusal(call) -> tuple[type, str, str]:
    with pytest.raises((InvalidRequest, NotAuthenticated, Unavailable)) as caught:
        call(GET).read()
    return type(caught.value), caught.value.message, caught.value.hint


def test_a_gateway_of_an_unknown_authority_is_not_trusted(gateway, serve, server_context, pki):
    server = serve(OK, context=server_context())

    kind, text, hint = refusal(gateway(server.port, ca_file=str(pki.tools.file)))

    assert kind is Unavailable
    assert text == (
        f"the gateway at https://127.0.0.1:{server.port} cannot be trusted: "
        "its certificate is not from an authority known here"
    )
    assert "api_gateway.ca_file" in hint
    assert server.heads == []


def test_without_a_file_the_system_decides_whom_to_trust(gateway, serve, server_context):
    server = serve(OK, context=server_context())

    kind, text, _ = refusal(gateway(server.port, ca_file=""))

    assert kind is Unavailable
    assert text.endswith("its certificate is not from an authority known here")


@pytest.mark.parametrize(
    ("server_side", "reason"),
    [
        ({"alternatives": ("127.0.0.2",)}, "its certificate is for another address"),
        ({"days": -1}, "its certificate has expired"),
    ],
)
def test_a_certificate_that_does_not_fit_is_not_trusted(
    gateway, serve, server_context, server_side, reason
):
    server = serve(OK, context=server_context(name="misfit", **server_side))

    kind, text, hint = refusal(gateway(server.port))

    assert kind is Unavailable
    assert text.endswith(f"cannot be trusted: {reason}")
    assert hint


def test_a_certificate_for_another_name_is_not_trusted(gateway, serve, server_context):
    server = serve(OK, context=server_context())

    kind, text, _ = refusal(gateway(server.port, host="localhost"))

    assert kind is Unavailable
    assert text.endswith("its certificate is for another name")


def test_a_gateway_may_refuse_the_tool(gateway, serve, server_context, pki):
    server = serve(OK, context=server_context(tools=pki.gateway))

    kind, text, hint = refusal(gateway(server.port))

    assert kind is NotAuthenticated, text
    assert "does not accept the certificate of this tool" in text
    assert "become <tool>" in hint


def test_an_expired_certificate_is_refused_by_the_gateway(gateway, serve, server_context, pki):
    expired = CertificateFiles(*map(str, pki.tools.issue("expired", days=-1)))
    server = serve(OK, context=server_context())

    kind, text, _ = refusal(gateway(server.port, expired))

    assert kind is NotAuthenticated
    assert "does not accept the certificate of this tool" in text


def test_what_does_not_speak_tls_is_said_so(gateway, serve):
    server = serve(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)

    kind, text, _ = refusal(gateway(server.port))

    assert kind is Unavailable
    assert text == f"what answers at https://127.0.0.1:{server.port} does not speak TLS"


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_nobody_at_the_port_means_the_service_seems_down(gateway, free_port):
    kind, text, hint = refusal(gateway(free_port))

    assert kind is Unavailable
    assert text == (
        f"the jobs service seems to be down (https://127.0.0.1:{free_port}: "
        "Connection refused); please try again in a few minutes"
    )
    assert "toolforge dev up" in hint


def test_a_service_that_does_not_answer_in_time_seems_down(gateway, serve):
    server = serve(b"")
    listener_answers_later = GET._replace(timeout=0.05)

    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unavailable) as caught:
        gateway(silent.getsockname()[1], Token("x"), scheme="http")(listener_answers_later)

    assert server.heads == []
    assert "it does not answer in time" in caught.value.message


def test_a_name_that_nobody_has_is_said_so(gateway, monkeypatch):
    # A resolver that is asked for real may be slow, or lie.
    def fail(*_args, **_kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    kind, text, _ = refusal(gateway(1, host="gateway.invalid"))

    assert kind is Unavailable
    assert text == "there is no machine named gateway.invalid, where the gateway should be"


def test_an_answer_that_breaks_off_is_no_answer(gateway, serve):
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")

    kind, text, _ = refusal(gateway(server.port, Token("x"), scheme="http"))

    assert kind is Unavailable
    assert text == "the connection to the jobs service broke in the middle of its answer"


def test_what_is_not_http_means_the_service_seems_down(gateway, serve):
    server = serve(b"SSH-2.0\r\n")

    kind, text, _ = refusal(gateway(server.port, Token("x"), scheme="http"))

    assert kind is Unavailable
    assert "it does not begin as HTTP does" in text


def test_a_request_that_http_cannot_carry_is_refused(gateway, serve):
    server = serve(OK)

    with pytest.raises(InvalidRequest, match="cannot ask for GET"):
        gateway(server.port, Token("x"), scheme="http")(GET._replace(path="/a b"))


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:30003", "ftp://x", "https://", "https://x/?y", "https://a b", "https://u:p@x"],
)
def test_an_address_must_be_one(url):
    with pytest.raises(InvalidRequest, match="cannot be the address of the gateway"):
        Gateway(url, "", Token("x"), "jobs")


def test_a_ca_file_must_be_there_and_be_one(gateway, tmp_path):
    empty = tmp_path / "empty.crt"
    empty.write_text("nothing")

    missing_file, broken_file = (
        refusal(gateway(1, ca_file=str(file))) for file in (tmp_path / "missing.crt", empty)
    )

    assert missing_file[:2] == (
        InvalidRequest,
        f"cannot trust the gateway by {tmp_path}/missing.crt: No such file or directory",
    )
    assert broken_file[1] == f"cannot trust the gateway by {empty}: it holds no certificate"


def test_credentials_must_be_there_and_fit(gateway, pki, tmp_path):
    certificate, key = pki.tools.issue("one")
    _, other_key = pki.tools.issue("other")
    missing = CertificateFiles(str(certificate), str(tmp_path / "missing.key"))
    unfit = CertificateFiles(str(certificate), str(other_key))

    kind, text, _ = refusal(gateway(1, missing))
    assert kind is NotAuthenticated
    assert text == (
        f"cannot use the certificate {certificate} with the key {missing.key}: "
        "No such file or directory"
    )
    assert refusal(gateway(1, unfit))[1].endswith("they do not fit")
    assert key.exists()


def test_other_complaints_of_tls_are_left_to_the_caller():
    error = ssl.SSLError(1, "no protocols available")
    error.reason = "NO_PROTOCOLS_AVAILABLE"  # which OpenSSL's own errors have

    assert tls.explained(error, "https://x") is None


def test_an_encrypted_key_is_refused_instead_of_asking_for_a_password(gateway, pki, tmp_path):
    certificate, _ = pki.tools.issue("one")
    sealed = tmp_path / "sealed.key"
    content = base64.encodebytes(b"0" * 64).decode()
    sealed.write_text(
        f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{content}-----END ENCRYPTED PRIVATE KEY-----\n"
    )

    kind, _, hint = refusal(gateway(1, CertificateFiles(str(certificate), str(sealed))))

    assert kind is NotAuthenticated
    assert "become <tool>" in hint
