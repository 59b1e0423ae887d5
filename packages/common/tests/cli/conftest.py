import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DEADLINE = 10


class Authority:
    """A certificate authority for one test run; files appear in its folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        constraint = x509.BasicConstraints(ca=True, path_length=0)
        certificate = self._sign(self._name, self._key, constraint, [], days=1)
        self.file = folder / f"{name}.crt"
        self.file.write_bytes(certificate)

    def issue(self, name: str, alternatives=(), days: int = 1) -> tuple[Path, Path]:
        """Return files with a new certificate and its key; a negative number of days is in the past."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraint = x509.BasicConstraints(ca=False, path_length=None)
        certificate, key_file = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        certificate.write_bytes(self._sign(subject, key, constraint, alternatives, days))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, key_file

    def _sign(self, subject, key, constraint, alternatives, days):
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=10))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(constraint, critical=True)
        )
        if alternatives:
            names = [x509.IPAddress(ipaddress.ip_address(one)) for one in alternatives]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """The folder with the authorities of a gateway and of its tools."""
    folder = tmp_path_factory.mktemp("pki")

    class Pki:
        gateway = Authority(folder, "gateway-ca")
        tools = Authority(folder, "tools-ca")

    return Pki


class Server:
    """A server that answers each connection with prepared bytes and keeps what it was asked."""

    def __init__(self, *answers: bytes, context: ssl.SSLContext | None = None) -> None:
        self.heads: list[bytes] = []
        self._answers = list(answers)
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(DEADLINE)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # which wakes the thread up
        self._thread.join(DEADLINE)
        self._listener.close()

    def _serve(self) -> None:
        for answer in self._answers:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return  # closed before it was asked that often
            plain.settimeout(DEADLINE)
            with plain, contextlib.suppress(OSError):  # the client may not like us
                self._answer(plain, answer)

    def _secured(self, plain: socket.socket) -> socket.socket:
        return (
            plain if self._context is None else self._context.wrap_socket(plain, server_side=True)
        )

    def _answer(self, plain: socket.socket, answer: bytes) -> None:
        with self._secured(plain) as connection:
            head = b""
            # A client that speaks TLS to us who do not would wait for ever.
            while (
                not head.startswith(b"\x16")
                and b"\r\n\r\n" not in head
                and (block := connection.recv(65536))
            ):
                head += block
            self.heads.append(head)
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass  # until the client has gone, so that nothing is reset under it


@pytest.fixture
def serve():
    """Start servers that are gone after the test."""
    with contextlib.ExitStack() as stack:

        def start(*answers, context=None):
            server = Server(*answers, context=context)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def server_context(pki):
    """Make the TLS side of a gateway that demands a certificate of the tools' authority."""

    def make(name="gateway", alternatives=("127.0.0.1",), days=1, tools=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pki.gateway.issue(name, alternatives, days))
        context.load_verify_locations((tools or pki.tools).file)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    return make
