"""The configuration of one client: where the gateway is, and the client's own sections."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from toolforge_common.config import files
from toolforge_common.config.cache import cached
from toolforge_common.errors import InvalidRequest

URL_VARIABLE = "TOOL_TOOLFORGE_API_URL"
CA_VARIABLE = "TOOLFORGE_API_CA_FILE"

S = TypeVar("S")
_Section = Mapping[str, Any]


class GatewaySettings(NamedTuple):
    """The section `api_gateway`.

    `url` is where the gateway listens; `ca_file` the certificate authority that vouches for it, empty
    for those that the system trusts.
    """

    url: str = "https://api.svc.tools.eqiad1.wikimedia.cloud:30003"
    ca_file: str = ""


class DispatcherSettings(NamedTuple):
    """What stands outside of sections: `toolforge_prefix`, how the names of plug-ins begin."""

    toolforge_prefix: str = "toolforge-"


class Config(NamedTuple):
    """The effective configuration. The environment has the last word on the gateway."""

    gateway: GatewaySettings
    dispatcher: DispatcherSettings
    sections: Mapping[type, Any]

    def section(self, kind: type[S]) -> S:
        """Return the settings of that class, which `load_config` was asked for."""
        found = self.sections[kind]
        assert isinstance(found, kind)  # noqa: S101  `load_config` made it
        return found


def load_config(
    client_name: str,
    kinds: Mapping[str, type] | None = None,
    *,
    system_folder: str = files.SYSTEM_FOLDER,
) -> Config:
    """Return the configuration of the client.

    `kinds` names the sections that the client knows, each with a named tuple whose fields are the
    keys, all with defaults; other sections and keys are ignored. Raises InvalidRequest, naming the file, if
    one cannot be read or says something of the wrong type.
    """
    known = {"api_gateway": GatewaySettings, **(kinds or {})}
    candidates = files.candidates(client_name, system_folder)
    return cached(
        f"config-{client_name}",
        candidates,
        lambda: _read(candidates, known),
        lambda document: _build(document, known),
    )


def _read(candidates: list[str], known: Mapping[str, type]) -> dict[str, Any]:
    """Return what the files say, reduced to the known keys: others may be secrets, or newer than we are."""
    sections, origins = files.merge(candidates)
    document = {
        name: _known_keys(sections.get(name), kind, f"{origins.get(name)}: {name}.")
        for name, kind in known.items()
    }
    document[""] = _known_keys(sections, DispatcherSettings, f"{origins.get('toolforge_prefix')}: ")
    gateway = document["api_gateway"]
    if gateway.get("ca_file"):
        folder = os.path.dirname(origins["api_gateway"])
        gateway["ca_file"] = _from_folder(gateway["ca_file"], folder)
    return document


def _known_keys(section: Any, kind: type, place: str) -> dict[str, Any]:
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise InvalidRequest(f"{place.rstrip('.')} must be a mapping with `key: value` lines")
    defaults: Mapping[str, Any] = kind._field_defaults  # type: ignore[attr-defined]  # a named tuple has them
    found = {key: section[key] for key in defaults if section.get(key) is not None}
    for key, value in found.items():
        wanted = type(defaults[key])
        if not isinstance(value, wanted):
            raise InvalidRequest(f"{place}{key} must be {_TYPE_NAMES[wanted]}, not {value!r}")
    return found


_TYPE_NAMES: Mapping[type, str] = {str: "a text", int: "a whole number", bool: "true or false"}


def _from_folder(path: str, folder: str) -> str:
    """Return a path that is relative to the folder unless it starts somewhere."""
    return path if path.startswith(("/", "~", "$")) else f"{folder}/{path}"


def _build(document: dict[str, Any], known: Mapping[str, type]) -> Config:
    sections = {kind: kind(**document[name]) for name, kind in known.items()}
    gateway = sections[GatewaySettings]
    assert isinstance(gateway, GatewaySettings)  # noqa: S101  see `known`
    ca_file = os.environ.get(CA_VARIABLE) or gateway.ca_file
    return Config(
        gateway=GatewaySettings(
            url=os.environ.get(URL_VARIABLE) or gateway.url,
            ca_file=files.expand(ca_file) if ca_file else "",
        ),
        dispatcher=DispatcherSettings(**document[""]),
        sections=sections,
    )
