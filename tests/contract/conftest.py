"""The installed command line against the real services behind the real gateway, in one process.

Only the ports are made of memory, and only the network is left out: a request of the command line goes
straight into the gateway, with the certificate that TLS would have shown.
"""

import asyncio
import datetime
import json
import threading

import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from toolforge_common.api.testing.client import DEADLINE, ServiceClient
from toolforge_common.cli.transport import Response
from toolforge_common.identity import IdentitySigner, IdentityVerifier
from toolforge_common.names import ToolName
from toolforge_common.testing import at_home, make_home, run_command
from toolforge_gateway.certificates import CertificateReader
from toolforge_gateway.front import Backend, Gateway
from toolforge_gateway.policy import Policy, Route
from toolforge_jobs_api.app import AUDIENCE, create_app, openapi_document
from toolforge_jobs_api.settings import Settings
from toolforge_jobs_cli.main import PROGRAM
from toolforge_runtime.local.pki import CertificateAuthority
from toolforge_runtime.ports import Ports
from toolforge_runtime.testing import InMemoryRuntime, InMemoryStore, InMemoryTenancy


class InProcessGateway:
    """A transport into an ASGI app, whose event loop runs in a thread of its own.

    `certificate` is what TLS would have shown, DER or None.
    """

    def __init__(self, app):
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.certificate = None

    def __enter__(self):
        self._thread.start()
        self._run(self._app.start())
        return self

    def __exit__(self, *_):
        self._run(self._app.stop())
        self._run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE)
        self._loop.close()

    def __call__(self, request):
        """Send the request; the body comes as the app gives it, and leaving it disconnects."""
        # Nothing is signed here: that is the gateway's own business.
        client = ServiceClient(self._with_certificate, IdentitySigner.generate(), "none")
        stream = client.open(
            request.method,
            request.path,
            content=request.body or b"",
            headers={name.lower(): value for name, value in request.headers.items()},
            signed=False,
        )
        answer = self._run(stream.__aenter__())
        return Response(answer.status, answer.headers, self._chunks(stream, answer))

    def _chunks(self, stream, answer):
        try:
            while (chunk := self._run(_next(answer))) is not None:
                yield chunk
        finally:
            self._run(stream.__aexit__(None, None, None))

    async def _with_certificate(self, scope, receive, send):
        extensions = {"tls": {"client_certificate": self.certificate}}
        await self._app({**scope, "extensions": extensions}, receive, send)

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE)


async def _next(answer):
    async for chunk in answer:
        return chunk
    return None


def utc_now():
    return datetime.datetime.now(datetime.UTC)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return CertificateAuthority.open(tmp_path_factory.mktemp("pki") / "tools", "tools")


@pytest.fixture
def tenancy():
    tenancy = InMemoryTenancy()
    tenancy.create(ToolName("demo"))
    return tenancy


@pytest.fixture
def runtime(tenancy):
    """A runtime on which `echo`, `exit`, `true` and `sleep` do what they say."""
    return InMemoryRuntime(tenancy, runs_commands=True, heartbeat=0.01)


@pytest.fixture
def gateway(authority, tenancy, runtime):
    signer = IdentitySigner.generate()
    ports = Ports(runtime, InMemoryStore(), tenancy)
    verifier = IdentityVerifier(signer.public_keys, AUDIENCE)
    app = create_app(Settings(), ports, verifier, clock=lambda: runtime.now)
    backend = Backend(Route("jobs"), app, openapi_document())
    policy = Policy([backend.route], CertificateReader(authority.certificate), tenancy.get, utc_now)
    records = []
    # The services would log to the standard output that belongs to the command line here.
    with (
        structlog.testing.capture_logs(),
        InProcessGateway(Gateway(policy, signer, [backend], records.append)) as transport,
    ):
        transport.records = records
        yield transport


@pytest.fixture
def certificate(authority, tenancy):
    """Make the certificate that a tool shows."""

    def make(name):
        created_at = tenancy.get(ToolName(name)).created_at
        pem = authority.issue_client(name, not_before=created_at).certificate
        return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)

    return make


@pytest.fixture
def jobs(gateway, certificate, tmp_path):
    """Run `toolforge jobs` as the tool `demo`."""
    gateway.certificate = certificate("demo")

    def run(*arguments, is_terminal=False):
        return run_command(PROGRAM, arguments, gateway, is_terminal=is_terminal)

    with at_home(make_home(tmp_path / "home", "demo"), TOOLFORGE_CLI="1", NO_COLOR="1"):
        yield run


@pytest.fixture
def job(jobs):
    """Read a job as a machine does."""
    return lambda name: json.loads(jobs("show", name, "--output", "json").stdout)
