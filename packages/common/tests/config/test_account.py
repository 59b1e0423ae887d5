"""Who the tool is, by its kubeconfig."""

import base64

import pytest
import yaml

from toolforge_common.config.account import (
    Account,
    CertificateFiles,
    InlineCertificate,
    Token,
    load_account,
)
from toolforge_common.errors import InvalidRequest, NotAuthenticated
from toolforge_common.testing import at_home

PEM = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"
FILES = {"client-certificate": "../.toolskube/client.crt", "client-key": "/keys/client.key"}


@pytest.fixture
def home(tmp_path):
    (tmp_path / ".kube").mkdir()
    with at_home(tmp_path):
        yield tmp_path


@pytest.fixture
def kubeconfig(home):
    def write(user=FILES, namespace="tool-demo", **changes):
        context = {"cluster": "toolforge", "user": "tf-demo"}
        content = {
            "current-context": "toolforge",
            "contexts": [
                {"name": "other", "context": {}},
                {"name": "toolforge", "context": {**context, "namespace": namespace}},
            ],
            "users": [{"name": "tf-demo", "user": user}],
            **changes,
        }
        (home / ".kube" / "config").write_text(yaml.safe_dump(content))
        return home / ".kube" / "config"

    return write


def test_the_current_context_names_the_tool_and_its_files(home, kubeconfig):
    file = kubeconfig()

    account = load_account()

    assert account == Account(
        str(file),
        "tool-demo",
        CertificateFiles(f"{home}/.toolskube/client.crt", "/keys/client.key"),
    )
    assert account.tool == "demo"


def test_the_environment_may_name_another_file(home, kubeconfig):
    moved = kubeconfig().rename(home / "elsewhere")

    with at_home(home, KUBECONFIG="~/elsewhere"):
        assert load_account().file == str(moved)


@pytest.mark.parametrize(
    ("user", "credentials"),
    [
        ({"token": "secret", **FILES}, Token("secret")),
        (
            {"client-certificate-data": PEM, "client-key-data": KEY},
            InlineCertificate(PEM.encode(), KEY.encode()),
        ),
        (
            {
                "client-certificate-data": base64.b64encode(PEM.encode()).decode(),
                "client-key-data": base64.b64encode(KEY.encode()).decode(),
            },
            InlineCertificate(PEM.encode(), KEY.encode()),
        ),
        # A certificate without its key does not count.
        ({"client-certificate": "x", "token": "secret"}, Token("secret")),
    ],
)
def test_there_are_several_ways_to_prove_who_one_is(kubeconfig, user, credentials):
    kubeconfig(user=user)

    assert load_account().credentials == credentials


def test_secrets_stay_out_of_tracebacks():
    assert repr(Token("secret")) == "Token()"
    assert repr(InlineCertificate(b"certificate", b"secret")) == "InlineCertificate()"


def refusal(kind=NotAuthenticated) -> str:
    with pytest.raises(kind) as caught:
        load_account()
    assert "become <tool>" in caught.value.hint or kind is InvalidRequest
    return caught.value.message


def test_a_missing_file_is_named(home):
    assert refusal() == f"there is no kubeconfig at {home}/.kube/config"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"current-context": "x"}, "{file} has no context named 'x'"),
        ({"current-context": None}, "{file} does not say which context to use"),
        ({"contexts": None}, "{file} has no context named 'toolforge'"),
        ({"contexts": [5]}, "{file} has no context named 'toolforge'"),
        (
            {"contexts": [{"name": "toolforge", "context": None}]},
            "{file} does not say which user to use",
        ),
        ({"users": []}, "{file} has no user named 'tf-demo'"),
        ({"user": {}}, "{file} has neither a token nor a client certificate with its key"),
        (
            {"user": {"client-certificate": "x"}},
            "{file} has neither a token nor a client certificate with its key",
        ),
        (
            {"user": {"client-certificate-data": "!", "client-key-data": KEY}},
            "{file}: client-certificate-data is neither PEM nor PEM in base64",
        ),
        (
            {"user": {"client-certificate-data": PEM, "client-key-data": "YWJj"}},
            "{file}: client-key-data is neither PEM nor PEM in base64",
        ),
    ],
)
def test_what_does_not_say_who_is_calling_is_refused(kubeconfig, changes, text):
    file = kubeconfig(**changes)

    assert refusal() == text.format(file=file)


def test_what_is_no_yaml_is_refused(kubeconfig):
    file = kubeconfig()
    file.write_text("contexts: [")

    assert refusal(InvalidRequest) == f"{file} is not valid YAML, line 1"


@pytest.mark.parametrize("namespace", ["default", None, "kube-system"])
def test_a_namespace_that_is_no_tools_is_refused(kubeconfig, namespace):
    file = kubeconfig(namespace=namespace)

    with pytest.raises(NotAuthenticated) as caught:
        _ = load_account().tool

    named = namespace or "default"
    assert caught.value.message == f"{file}: the namespace '{named}' is not a tool's"
