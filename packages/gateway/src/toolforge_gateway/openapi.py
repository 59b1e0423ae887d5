"""One OpenAPI document out of the services' own, as a caller of the gateway sees them.

Paths get the service's prefix, schemas and other components its name (`JobsNewJob`), so that nothing can
clash. Security schemes are left out: they describe the token between gateway and service, which no
caller has, and OpenAPI 3.0 has no word for client certificates; the description says it instead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]

OPENAPI = "3.0.3"
_COMPONENTS = "#/components/"
_SECURITY = "securitySchemes"
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_DESCRIPTION = """\
Every service of Toolforge behind one address. What belongs to a tool is under
`/<service>/v1/tool/<tool>/` and needs the client certificate of that tool. Open to everybody are this
document, `/<service>/openapi.json`, `/<service>/v1/healthz` and `/<service>/v1/metrics`.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Server:
    """An address under which the gateway answers."""

    url: str
    description: str = ""


def merge(documents: Mapping[str, Document], servers: Sequence[Server] = ()) -> dict[str, Any]:
    """Return the merged document; `documents` are the services' own by name.

    Raises ValueError if one is not in OpenAPI 3.0 or two operations would have one id.
    """
    merged: dict[str, Any] = {
        "openapi": OPENAPI,
        "info": {
            "title": "Toolforge",
            "description": _DESCRIPTION,
            # It changes whenever one of the parts does.
            "version": "+".join(
                f"{service}-{document['info']['version']}"
                for service, document in sorted(documents.items())
            ),
        },
        "servers": [dataclasses.asdict(server) for server in servers],
        "tags": [],
        "paths": {},
        "components": {},
    }
    for service, document in sorted(documents.items()):
        _add(merged, service, document)
    _require_unique_ids(merged)
    return merged


def _add(merged: dict[str, Any], service: str, document: Document) -> None:
    if not document["openapi"].startswith("3.0."):
        raise ValueError(f"the document of {service!r} is not in OpenAPI 3.0")
    info = document["info"]
    merged["tags"].append({"name": service, "description": info.get("description", info["title"])})
    for path, item in document["paths"].items():
        merged["paths"][f"/{service}{path}"] = _path_item(item, service)
    for kind, components in document.get("components", {}).items():
        if kind != _SECURITY:
            renamed = {
                _component(service, name): _with_references(value, service)
                for name, value in components.items()
            }
            merged["components"].setdefault(kind, {}).update(renamed)


def _path_item(item: Document, service: str) -> dict[str, Any]:
    return {
        key: _operation(value, service) if key in _METHODS else _with_references(value, service)
        for key, value in item.items()
    }


def _operation(operation: Document, service: str) -> dict[str, Any]:
    adapted = {
        key: _with_references(value, service)
        for key, value in operation.items()
        if key != "security" and not key.startswith("x-")
    }
    adapted["tags"] = [service]
    adapted["operationId"] = _operation_id(service, operation["operationId"])
    return adapted


def _operation_id(service: str, name: str) -> str:
    """Write `jobs.list_jobs` of the service `jobs` as `jobs-list-jobs`."""
    words = name.replace(".", "-").replace("_", "-")
    return words if words.startswith(f"{service}-") else f"{service}-{words}"


def _component(service: str, name: str) -> str:
    return f"{service.title().replace('-', '')}{name}"


def _with_references(value: Any, service: str) -> Any:
    """Return the value with each reference to a component pointing to its new name."""
    if isinstance(value, list):
        return [_with_references(item, service) for item in value]
    if isinstance(value, Mapping):
        return {
            key: _reference(item, service)
            if isinstance(item, str) and item.startswith(_COMPONENTS)
            else _with_references(item, service)
            for key, item in value.items()
        }
    return value


def _reference(reference: str, service: str) -> str:
    kind, name = reference.removeprefix(_COMPONENTS).split("/", 1)
    return f"{_COMPONENTS}{kind}/{_component(service, name)}"


def _require_unique_ids(merged: Document) -> None:
    ids = [
        operation["operationId"]
        for item in merged["paths"].values()
        for key, operation in item.items()
        if key in _METHODS
    ]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ValueError(f"operations of one name: {', '.join(twice)}")
