"""Identity tokens: what the gateway signs is believed once, for one request, for a minute."""

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toolforge_common.errors import NotAuthenticated
from toolforge_common.identity import (
    ISSUER,
    LIFETIME,
    Identity,
    IdentitySigner,
    IdentityVerifier,
    request_digest,
)
from toolforge_common.names import ToolName

CALLER = Identity("tool:demo", ToolName("demo"), ("owner",), "request-1")
NOW = 1_800_000_000
KEY = Ed25519PrivateKey.generate()


class Clock:
    def __init__(self):
        self.now = float(NOW)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def signer(clock):
    return IdentitySigner(KEY, "key-1", clock)


@pytest.fixture
def verifier(signer, clock):
    return IdentityVerifier(signer.public_keys, "jobs", clock)


def sign(signer, audience="jobs", method="GET", path="/v1/a%20b"):
    return signer.sign(CALLER, audience, method, path)


def forge(key=KEY, algorithm="EdDSA", key_id="key-1", **changed):
    claims = {
        "iss": ISSUER,
        "aud": "jobs",
        "sub": "tool:demo",
        "tool": "demo",
        "roles": ["owner"],
        "rid": "request-1",
        "req": "GET /",
        "jti": "1",
        "iat": NOW,
        "exp": NOW + LIFETIME,
        **changed,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": key_id} if key_id else {})


def test_the_caller_comes_out_as_it_went_in(signer, verifier):
    assert verifier.verify(sign(signer), "get", "/v1/a%20b") == CALLER


def test_a_forged_token_of_the_right_key_would_be_believed(verifier):
    assert (
        verifier.verify(forge(), "GET", "/") == CALLER
    )  # so that the refusals below mean something


def test_a_fresh_signer_has_a_key_of_its_own():
    one, other = IdentitySigner.generate(), IdentitySigner.generate()

    assert one.public_keys.keys() != other.public_keys.keys()
    assert IdentityVerifier(one.public_keys, "jobs").verify(sign(one), "GET", "/v1/a%20b") == CALLER


def test_two_keys_are_valid_while_they_change(clock, signer):
    new = IdentitySigner(Ed25519PrivateKey.generate(), "key-2", clock)
    verifier = IdentityVerifier({**signer.public_keys, **new.public_keys}, "jobs", clock)

    for one in (signer, new):
        assert verifier.verify(sign(one), "GET", "/v1/a%20b") == CALLER


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/a%20b"), ("GET", "/v1/a b"), ("GET", "/v1/a%20b/"), ("GET", "/v1")],
)
def test_a_token_is_good_for_its_request_alone(signer, verifier, method, path):
    with pytest.raises(NotAuthenticated, match="another request"):
        verifier.verify(sign(signer), method, path)


def test_a_token_is_good_once(signer, verifier):
    token = sign(signer)
    verifier.verify(token, "GET", "/v1/a%20b")

    with pytest.raises(NotAuthenticated, match="used before"):
        verifier.verify(token, "GET", "/v1/a%20b")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (lambda: "", "not one of the gateway's"),
        (lambda: "a.b.c", "not one of the gateway's"),
        (lambda: forge(key_id="key-9"), "its key is unknown"),
        (lambda: forge(key_id=None), "its key is unknown"),
        (lambda: forge(Ed25519PrivateKey.generate()), "not one of the gateway's"),
        (
            lambda: forge("a secret that is long enough for HMAC", "HS256"),
            "not one of the gateway's",
        ),
        (lambda: forge(None, "none"), "not one of the gateway's"),
        (lambda: forge(aud="builds"), "not one of the gateway's"),
        (lambda: forge(iss="somebody"), "not one of the gateway's"),
        (lambda: forge(jti=None), "not one of the gateway's"),
        (lambda: forge(req="GET /other"), "another request"),
        (lambda: forge(exp=NOW), "out of date"),
        (lambda: forge(iat=NOW + LIFETIME + 1, exp=NOW + 2 * LIFETIME), "out of date"),
        (lambda: forge(exp=NOW + LIFETIME + 1), "live too long"),
    ],
)
def test_a_token_that_is_refused(verifier, token, reason):
    text = token()

    with pytest.raises(NotAuthenticated, match=reason) as caught:
        verifier.verify(text, "GET", "/")

    assert caught.value.hint
    assert not text or text not in caught.value.message


def test_the_public_key_is_no_secret_to_sign_with(verifier):
    # The classic confusion of algorithms: a public key used as the secret of a symmetric signature.
    public = KEY.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    with pytest.raises(NotAuthenticated, match="not one of the gateway's"):
        verifier.verify(forge(public, "HS256"), "GET", "/")


def test_used_tokens_are_forgotten_when_they_are_out_of_date(signer, verifier, clock):
    for _ in range(3):
        verifier.verify(sign(signer), "GET", "/v1/a%20b")
        clock.now += LIFETIME

    assert len(verifier._used) == 1  # or a busy service would fill its memory


def test_a_digest_keeps_the_path_as_it_is_and_the_method_in_capitals():
    assert request_digest("get", "/A%2Fb") == "GET /A%2Fb"
