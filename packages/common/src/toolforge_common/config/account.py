"""Who the tool is and how it proves it, from the current context of the kubeconfig.

Values here and on the way of every command are named tuples: making a class of one takes a twentieth of
the time that a frozen dataclass takes.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from toolforge_common.config.cache import cached
from toolforge_common.config.files import BECOME_HINT, expand, read_yaml
from toolforge_common.errors import InvalidRequest, NotAuthenticated
from toolforge_common.names import ToolName, tool_of

_BEGIN = b"-----BEGIN "


class Token(NamedTuple):
    """A bearer token."""

    token: str

    def __repr__(self) -> str:
        return "Token()"  # secrets stay out of tracebacks and logs


class CertificateFiles(NamedTuple):
    """A client certificate and its key in two files."""

    certificate: str
    key: str


class InlineCertificate(NamedTuple):
    """A client certificate and its key, PEM, as they stood in the kubeconfig."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "InlineCertificate()"  # see Token


Credentials = Token | CertificateFiles | InlineCertificate


class Account(NamedTuple):
    """The account behind a kubeconfig. `file` is the kubeconfig."""

    file: str
    namespace: str
    credentials: Credentials

    @property
    def tool(self) -> ToolName:
        """The tool that the namespace belongs to. Raises NotAuthenticated if it is no tool's."""
        try:
            return tool_of(self.namespace)
        except InvalidRequest as error:
            raise NotAuthenticated(f"{self.file}: {error.message}", hint=BECOME_HINT) from error


def load_account() -> Account:
    """Return the account of the current context in `$KUBECONFIG`, else in `~/.kube/config`.

    Raises NotAuthenticated, naming the file, if there is none or it does not say who the caller is,
    and InvalidRequest if it is not YAML.
    """
    file = expand(os.environ.get("KUBECONFIG") or "~/.kube/config")
    return cached(
        "account",
        [file],
        lambda: _without_secrets(_read(file)),
        lambda document: _build(file, document),
    )


def _read(file: str) -> dict[str, str]:
    """Return the namespace and the user's credentials in the current context."""
    if not os.path.exists(file):
        raise NotAuthenticated(f"there is no kubeconfig at {file}", hint=BECOME_HINT)
    content = read_yaml(file)
    context = _named(file, content, "context", content.get("current-context"))
    user = _named(file, content, "user", context.get("user"))
    for fields in _WAYS:
        given = {field: user.get(field) for field in fields}
        found = {field: text for field, text in given.items() if isinstance(text, str) and text}
        if len(found) == len(fields):
            return {"namespace": str(context.get("namespace") or "default"), **found}
    raise NotAuthenticated(
        f"{file} has neither a token nor a client certificate with its key", hint=BECOME_HINT
    )


# The first one that is complete counts.
_TOKEN = ("token",)
_FILES = ("client-certificate", "client-key")
_INLINE = ("client-certificate-data", "client-key-data")
_WAYS = (_TOKEN, _FILES, _INLINE)


def _named(file: str, content: Mapping[Any, Any], kind: str, name: Any) -> Mapping[Any, Any]:
    if not name:
        raise NotAuthenticated(f"{file} does not say which {kind} to use", hint=BECOME_HINT)
    entries = content.get(f"{kind}s")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(kind)
            return found if isinstance(found, dict) else {}
    raise NotAuthenticated(f"{file} has no {kind} named {name!r}", hint=BECOME_HINT)


def _without_secrets(found: dict[str, str]) -> dict[str, str]:
    """Return what may be kept in a cache: without files for the credentials, the namespace alone."""
    return {key: value for key, value in found.items() if key in ("namespace", *_FILES)}


def _build(file: str, document: dict[str, str]) -> Account:
    if not document.keys() >= set(_FILES):
        document = _read(file)
    return Account(file, document["namespace"], _credentials(file, document))


def _credentials(file: str, found: Mapping[str, str]) -> Credentials:
    if "token" in found:
        return Token(found["token"])
    if _FILES[0] in found:
        folder = os.path.dirname(file)
        certificate, key = (os.path.normpath(os.path.join(folder, found[name])) for name in _FILES)
        return CertificateFiles(certificate, key)
    certificate_data, key_data = (_pem(file, name, found[name]) for name in _INLINE)
    return InlineCertificate(certificate_data, key_data)


def _pem(file: str, field: str, text: str) -> bytes:
    """Return the PEM that a field holds as it is or in base64."""
    content = text.encode()
    if content.lstrip().startswith(_BEGIN):
        return content
    try:
        decoded = base64.b64decode(content, validate=True)
    except binascii.Error:
        decoded = b""
    if not decoded.lstrip().startswith(_BEGIN):
        raise NotAuthenticated(
            f"{file}: {field} is neither PEM nor PEM in base64", hint=BECOME_HINT
        )
    return decoded
