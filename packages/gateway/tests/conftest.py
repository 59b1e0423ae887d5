"""A gateway over a service that tells what it saw."""

import dataclasses
import datetime
from pathlib import PurePosixPath
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from toolforge_common.errors import NotFound
from toolforge_common.identity import IdentitySigner
from toolforge_gateway.certificates import CertificateReader
from toolforge_gateway.front import Backend, Gateway
from toolforge_gateway.policy import Policy, Route
from toolforge_runtime.local.pki import CertificateAuthority
from toolforge_runtime.ports import Tool

NOW = datetime.datetime.now(datetime.UTC)
AN_HOUR = datetime.timedelta(hours=1)

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Jobs", "version": "4.12.1"},
    "paths": {
        "/v1/tool/{toolname}/jobs": {
            "parameters": [{"$ref": "#/components/parameters/toolname"}],
            "get": {
                "operationId": "jobs.list_jobs",
                "security": [{"identity": []}],
                "responses": {
                    "200": {
                        "description": "The jobs.",
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Jobs"}}
                        },
                    }
                },
            },
        },
        "/v1/healthz": {
            "get": {
                "operationId": "health.show_health",
                "responses": {"200": {"description": "Fine."}},
            }
        },
    },
    "components": {
        "parameters": {
            "toolname": {
                "name": "toolname",
                "in": "path",
                "required": True,
                "schema": {"type": "string"},
            }
        },
        "schemas": {
            "Jobs": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}},
            "Job": {
                "oneOf": [{"$ref": "#/components/schemas/OneOff"}],
                "discriminator": {
                    "propertyName": "job_type",
                    "mapping": {"one-off": "#/components/schemas/OneOff"},
                },
            },
            "OneOff": {"type": "object", "properties": {"job_type": {"type": "string"}}},
        },
        "securitySchemes": {
            "identity": {"type": "apiKey", "in": "header", "name": "X-Toolforge-Identity"}
        },
    },
}


class Tools:
    """Looks tools up as a tenancy does."""

    def __init__(self):
        self.by_name = {
            name: Tool(name, uid, PurePosixPath("/tools", name), NOW - AN_HOUR)
            for uid, name in enumerate(["demo", "other"], start=52000)
        }

    def get(self, name):
        if name not in self.by_name:
            raise NotFound(f"there is no tool named {name!r}")
        return self.by_name[name]

    def change(self, name, **changes):
        self.by_name[name] = dataclasses.replace(self.by_name[name], **changes)


class EchoService:
    """Answers with what it was asked. `hold` sees each scope first and may raise."""

    def __init__(self):
        self.scopes = []
        self.hold = None
        self.life = []

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self.scopes.append(scope)
        if self.hold is not None:
            await self.hold(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            if not message["more_body"]:
                break
        answer = orjson.dumps({"path": scope["path"], "size": len(body)})
        headers = [(b"content-type", b"application/json"), (b"x-request-id", b"the service's own")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _live(self, receive, send):
        for _ in range(2):
            message = await receive()
            self.life.append(message["type"])
            await send({"type": f"{message['type']}.complete"})

    @property
    def seen_headers(self):
        return self.scopes[-1]["headers"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return CertificateAuthority.open(tmp_path_factory.mktemp("pki") / "tools", "Tool CA")


@pytest.fixture(scope="session")
def craft(authority):
    """Return a function that makes certificates, right ones unless told otherwise."""

    def craft(
        subject=(("O", "toolforge"), ("CN", "demo")),
        *,
        signer=authority,
        not_before=NOW - AN_HOUR,
        not_after=NOW + AN_HOUR,
        usages=(ExtendedKeyUsageOID.CLIENT_AUTH,),
    ):
        names = {"O": NameOID.ORGANIZATION_NAME, "CN": NameOID.COMMON_NAME}
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder()
            .subject_name(
                x509.Name([x509.NameAttribute(names[oid], value) for oid, value in subject])
            )
            .issuer_name(signer._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        )
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        return builder.sign(signer._key, hashes.SHA256()), key

    return craft


@pytest.fixture(scope="session")
def der(craft):
    """Return a function that makes certificates in DER."""

    def der(*args, **kwargs):
        return craft(*args, **kwargs)[0].public_bytes(serialization.Encoding.DER)

    return der


@pytest.fixture
def document():
    return DOCUMENT


@pytest.fixture
def tools():
    return Tools()


@pytest.fixture
def policy(authority, tools):
    reader = CertificateReader(authority.certificate)
    return Policy([Route("jobs"), Route("builds", ("v1", "v2"))], reader, tools.get, lambda: NOW)


@pytest.fixture
def service():
    return EchoService()


@pytest.fixture
def signer():
    return IdentitySigner.generate()


@pytest.fixture
def records():
    return []


@pytest.fixture
def gateway(policy, signer, service, records):
    return Gateway(
        policy, signer, [Backend(Route("jobs"), service, DOCUMENT)], records.append, max_body=1000
    )


@pytest.fixture
def hasty_gateway(policy, signer, service, records):
    """One that does not wait for bodies."""
    backends = [Backend(Route("jobs"), service, DOCUMENT)]
    return Gateway(policy, signer, backends, records.append, body_time=0.01)
