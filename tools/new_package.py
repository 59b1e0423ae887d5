#!/usr/bin/env python3
"""Make the next service and its command line: packages/NAME-api and packages/NAME-cli.

They work at once, with a small example in the place of the domain: what is left to do is their own
OpenAPI document and domain. What is the same in every pair is taken from the jobs pair as it is today;
the example comes from tools/templates. A test makes a pair and runs everything on it.

    .venv/bin/python tools/new_package.py envvars
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "tools" / "templates"
# One plain word, so that it is a module, a command, a part of paths and of variables alike.
NAME = re.compile(r"[a-z][a-z0-9]*")

# Taken from the jobs pair: in these files nothing is about jobs but the name.
SHARED = {
    "api": (
        *("pyproject.toml", "src/MODULE/py.typed", "src/MODULE/__main__.py"),
        *("src/MODULE/handlers/__init__.py", "src/MODULE/handlers/health.py"),
    ),
    "cli": (
        *("pyproject.toml", "src/MODULE/py.typed", "src/MODULE/commands/__init__.py"),
        "tests/test_program.py",
    ),
}
# What every service answers by itself.
SHARED_PATHS = ("/openapi.json", "/v1/healthz", "/v1/metrics")

LEFT_TO_DO = """\
The pair {name} is there and works. Left to do:

  - the contract, packages/{name}-api/src/toolforge_{name}_api/openapi.yaml, then schemas.py, domain/,
    handlers/{name}.py; its commands, in packages/{name}-cli
  - packages/dev: the service as another line in `_backends` of composition.py, and as a dependency
  - packages/cli: what `toolforge --help` says about it, in table.py

Then: tools/test {name}-api {name}-cli lint types
"""


def main() -> int:
    """Make the pair."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", help="what users will type after `toolforge`, such as envvars")
    name = parser.parse_args().name
    if not NAME.fullmatch(name):
        parser.error(f"{name!r} is not one plain word of lower-case letters and digits")
    folders = [ROOT / "packages" / f"{name}-{half}" for half in SHARED]
    if found := [folder for folder in folders if folder.exists()]:
        parser.error(f"{found[0]} is there already")
    for path, content in new_files(name):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    register(name)
    tidy(folders)
    print(LEFT_TO_DO.format(name=name))
    return 0


# --- the files ------------------------------------------------------------------------------------


def new_files(name: str) -> Iterator[tuple[Path, str]]:
    """Give every file of the pair, with what belongs into it."""
    for half, shared in SHARED.items():
        target = ROOT / "packages" / f"{name}-{half}"
        for path in shared:
            source = path.replace("MODULE", f"toolforge_jobs_{half}")
            text = (ROOT / "packages" / f"jobs-{half}" / source).read_text(encoding="utf-8")
            yield target / renamed("jobs", name, source), renamed("jobs", name, text)
        for source_file in sorted((TEMPLATES / f"sample-{half}").rglob("*")):
            relative = source_file.relative_to(TEMPLATES / f"sample-{half}").as_posix()
            if source_file.suffix in {".py", ".md"}:
                text = source_file.read_text(encoding="utf-8")
                yield target / renamed("sample", name, relative), renamed("sample", name, text)
    document = yaml.dump(openapi_document(name), Dumper=PlainDumper, sort_keys=False, width=100)
    module = f"toolforge_{name}_api"
    yield ROOT / "packages" / f"{name}-api" / "src" / module / "openapi.yaml", document


def renamed(old: str, new: str, text: str) -> str:
    """Return the text with one name in place of another: as a word, as a class, as a variable."""
    for write in (str.lower, str.capitalize, str.upper):
        text = text.replace(write(old), write(new))
    return text


# --- its OpenAPI document -------------------------------------------------------------------------


class PlainDumper(yaml.SafeDumper):
    """Writes shared values out wherever they occur."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  the signature is PyYAML's
        """Return True: what is repeated here is repeated for people who will change it."""
        return True


def openapi_document(name: str) -> dict[str, Any]:
    """Return a document of what every service has, as in that of jobs, and of the example."""
    source = ROOT / "packages" / "jobs-api" / "src" / "toolforge_jobs_api" / "openapi.yaml"
    jobs = yaml.safe_load(source.read_text(encoding="utf-8"))
    example_text = (TEMPLATES / "sample-api" / "paths.yaml").read_text(encoding="utf-8")
    example = yaml.safe_load(renamed("sample", name, example_text))
    document = {
        "openapi": jobs["openapi"],
        "info": {**jobs["info"], "title": f"Toolforge {name} API", "version": "1.0.0"}
        | {"description": "Items of tools."},
        "servers": jobs["servers"],
        "security": jobs["security"],
        "tags": [
            {"name": name, "description": "Items of a tool."},
            *(tag for tag in jobs["tags"] if tag["name"] == "service"),
        ],
        "paths": {path: jobs["paths"][path] for path in SHARED_PATHS} | example["paths"],
    }
    known = {**jobs["components"], "schemas": {**jobs["components"]["schemas"]}}
    known["schemas"] |= example["components"]["schemas"]
    return {**document, "components": used_components(document, known)}


def used_components(document: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the document refers to, and what that refers to in turn; all ways to identify."""
    used: dict[str, dict[str, Any]] = {"securitySchemes": known["securitySchemes"]}
    queue = list(references(document))
    for reference in queue:
        kind, component = reference.removeprefix("#/components/").split("/")
        if component not in used.setdefault(kind, {}):
            used[kind][component] = known[kind][component]
            queue += references(known[kind][component])
    return {
        kind: {name: part for name, part in parts.items() if name in used[kind]}
        for kind, parts in known.items()
        if kind in used
    }


def references(node: Any) -> Iterator[str]:
    """Give every reference below a node."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


# --- the lists it must be in ----------------------------------------------------------------------


def register(name: str) -> None:
    """Add the pair to the lists of packages. What checks the layout looks for the same."""
    twin = lambda line: renamed("jobs", name, line)  # noqa: E731  used four times, here only
    edit(".importlinter", lambda text: doubled(text, r"    toolforge_jobs_(api|cli)\b.*", twin))
    edit("tox.toml", lambda text: doubled(text, r'  "(-e \./packages/)?jobs-(api|cli)",', twin))
    edit("tox.toml", lambda text: with_environment(text, name))
    edit("towncrier.toml", lambda text: text + sections(name))
    edit("meta/pyproject.toml", lambda text: with_dependency(text, name))


def edit(file: str, change: Callable[[str], str]) -> None:
    """Change the text of a file. Raises SystemExit if there was nothing to change."""
    path = ROOT / file
    before = path.read_text(encoding="utf-8")
    after = change(before)
    if after == before:
        raise SystemExit(f"{file}: the place for the new pair was not found")
    path.write_text(after, encoding="utf-8")


def doubled(text: str, pattern: str, twin: Callable[[str], str]) -> str:
    """Return the text with a twin below each line of that form."""
    return re.sub(rf"(?m)^{pattern}$", lambda line: f"{line[0]}\n{twin(line[0])}", text)


def with_environment(text: str, name: str) -> str:
    """Return tox's settings with the environment of the service, which is like that of jobs."""
    block = re.search(r"(?m)^\[env\.jobs-api\].*\n(?:.+\n)+", text)
    if block is None:
        return text
    return text.replace(block[0], f"{block[0]}\n{renamed('jobs', name, block[0])}")


def sections(name: str) -> str:
    """Return the parts of the change log for the pair."""
    return "".join(
        f'\n[[tool.towncrier.section]]\nname = "{name}-{half}"\npath = "{name}-{half}"\n'
        for half in SHARED
    )


def with_dependency(text: str, name: str) -> str:
    """Return the meta-package's settings with the new command line."""
    return re.sub(r'"toolforge-jobs-cli(>=[^"]+)"', rf'\g<0>, "toolforge-{name}-cli\1"', text)


def tidy(folders: list[Path]) -> None:
    """Put imports and line breaks in order, which depend on the length and letters of the name."""
    ruff = [sys.executable, "-m", "ruff"]
    paths = [str(folder) for folder in folders]
    subprocess.run([*ruff, "check", "--quiet", "--select", "I", "--fix", *paths], check=True)
    subprocess.run([*ruff, "format", "--quiet", *paths], check=True)


if __name__ == "__main__":
    sys.exit(main())
