#!/usr/bin/env python3
"""Check the OpenAPI document of every service: that it is one, and that it keeps our rules.

What needs the running service (an operation's handler, its schemas) is tested in the service's package.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator

ROOT = Path(__file__).resolve().parent.parent
METHODS = {"get", "put", "post", "patch", "delete", "head", "options"}


def findings(document: dict[str, Any]) -> Iterator[str]:
    """Give a sentence for everything that is not as it should be."""
    # Connexion understands 3.0 only, and so does this validator.
    for error in OpenAPIV30SpecValidator(document).iter_errors():
        where = "/".join(str(part) for part in error.absolute_path)
        yield f"{where}: {error.message.splitlines()[0]}"
    for path, item in document.get("paths", {}).items():
        for method in METHODS & item.keys():
            for finding in _operation_findings(document, item[method]):
                yield f"{method.upper()} {path}: {finding}"


def _operation_findings(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    for name in ("operationId", "summary", "tags"):
        if not operation.get(name):
            yield f"it has no {name}"
    for status, response in operation.get("responses", {}).items():
        # Connexion refuses plain results where there are two types to choose from.
        if len(_resolve(document, response).get("content", {})) > 1:
            yield f"the response {status} has more than one content type"


def _resolve(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference within the document."""
    if "$ref" not in node:
        return node
    found: Any = document
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return _resolve(document, found)


def main() -> int:
    """Print the findings in all documents."""
    count = 0
    for path in sorted(ROOT.glob("packages/*-api/src/*/openapi.yaml")):
        for finding in findings(yaml.safe_load(path.read_text(encoding="utf-8"))):
            print(f"{path.relative_to(ROOT)}: {finding}")
            count += 1
    print(f"{count} findings" if count else "the OpenAPI documents are as they should be")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
