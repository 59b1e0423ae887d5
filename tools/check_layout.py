#!/usr/bin/env python3
"""Check that the repository has the layout it is meant to have, and say where it has not.

What a linter of Python can see is left to ruff, mypy and import-linter; here is what holds between
files: names, versions, required files, the lists a new package must be added to, and words that
must not be written down.
"""

from __future__ import annotations

import ast
import configparser
import dataclasses
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP_FOLDERS = {"packages", "meta", "debian", "ci", "tools", "tests", ".ci"}
TOP_FILES = {
    *("README.md", "LICENSE", ".gitignore"),
    *("tox.toml", "pytest.ini", "ruff.toml", "mypy.ini", "towncrier.toml"),
    *(".importlinter", ".codespellrc", ".pre-commit-config.yaml"),
}
FRAGMENT_KINDS = {"added", "changed", "fixed", "removed"}

# By the end of the package's name; the paths are below its import package.
REQUIRED = {
    "-api": (
        *("__main__.py", "app.py", "openapi.yaml", "settings.py", "schemas.py"),
        *("handlers/__init__.py", "handlers/health.py"),
        *("domain/__init__.py", "domain/service.py"),
    ),
    "-cli": ("main.py", "client.py", "render.py", "commands/__init__.py"),
}
REQUIRED_TESTS = {"-api": ("tests/conftest.py", "tests/test_contract.py"), "-cli": ()}

# What a package may install. Any `toolforge-*` on PATH is a command for users.
SCRIPTS = {"cli": "toolforge", "dev": "toolforge-dev", "builds-cli": "toolforge-build"}
# Services and command lines of any name must stand in the same lists as this pair.
PATTERN_PAIR = {"-api": "toolforge_jobs_api", "-cli": "toolforge_jobs_cli"}

# A heading alone says nothing.
README_LINES = 5
MODULE_LIMIT = 500
TEST_MODULE_LIMIT = 1000

# Written so that they do not match themselves.
FORBIDDEN_WORDS = {
    "the host of a package registry": re.compile(
        r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|proxy[.]golang|deb[.]debian[.]org"
        r"|docker[.]io|ghcr[.]io|quay[.]io"
    ),
    "a path of somebody's machine": re.compile(
        r"/(?:home|Users)/\w+/(?:src|git|code|work|projects)\b|/[w]ork/\w|[.][.]/share[d]/"
    ),
}
BARE_SUPPRESSION = re.compile(
    r"#[ ]noqa(?!:)|#[ ]noqa:[ ]?[A-Z]+\d+(?:,[ ]?[A-Z]+\d+)*\s*$"
    r"|#[ ]type:[ ]ignore(?!\[)|#[ ]type:[ ]ignore\[[^]]*\]\s*$"
)


@dataclasses.dataclass(frozen=True)
class Package:
    """A folder below packages/."""

    folder: Path

    @property
    def name(self) -> str:
        """The one string that names it everywhere."""
        return self.folder.name

    @property
    def module(self) -> str:
        """Its import package."""
        return f"toolforge_{self.name.replace('-', '_')}"

    @property
    def source(self) -> Path:
        """The folder of its import package."""
        return self.folder / "src" / self.module

    @property
    def kind(self) -> str:
        """`-api`, `-cli` or nothing."""
        return next((end for end in REQUIRED if self.name.endswith(end)), "")

    @cached_property
    def pyproject(self) -> dict[str, Any]:
        """Its pyproject.toml; empty if there is none."""
        path = self.folder / "pyproject.toml"
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    @property
    def requirements(self) -> list[Requirement]:
        """Everything it requires, extras included."""
        return _requirements(self.pyproject)

    @property
    def version(self) -> str:
        """What its `__init__.py` says, or nothing."""
        path = self.source / "__init__.py"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        match = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
        return match[1] if match else ""


@dataclasses.dataclass(frozen=True)
class Repository:
    """The tree that is checked."""

    root: Path

    @cached_property
    def files(self) -> list[Path]:
        """Every file that git keeps or would keep, relative to the root."""
        # Continuous integration may read a checkout of somebody else.
        command = ["git", "-c", "safe.directory=*", "-C", str(self.root), "ls-files", "-z"]
        command += ["-co", "--exclude-standard"]
        listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        paths = sorted({Path(line) for line in listing.split("\0") if line})
        return [path for path in paths if (self.root / path).is_file()]

    @cached_property
    def packages(self) -> list[Package]:
        """Every package, by name."""
        names = {path.parts[1] for path in self.files if path.parts[0] == "packages"}
        return [Package(self.root / "packages" / name) for name in sorted(names)]

    @cached_property
    def meta(self) -> dict[str, Any]:
        """The pyproject.toml of the meta-package."""
        return self.toml("meta/pyproject.toml")

    def toml(self, name: str) -> dict[str, Any]:
        """Return a TOML file."""
        return tomllib.loads((self.root / name).read_text(encoding="utf-8"))

    def text(self, path: Path) -> str:
        """Return the text of a file; what is not text counts as empty."""
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return ""


def check_top_level(repository: Repository) -> Iterator[str]:
    """Nothing lies at the top that was not decided on."""
    for path in repository.files:
        known = TOP_FILES if len(path.parts) == 1 else TOP_FOLDERS
        if path.parts[0] not in known:
            yield f"{path}: nothing of that name belongs at the top level"


def check_names(repository: Repository) -> Iterator[str]:
    """One string names a package everywhere."""
    for package in repository.packages:
        where = f"packages/{package.name}"
        project = package.pyproject.get("project", {})
        if project.get("name") != f"toolforge-{package.name}":
            yield f"{where}/pyproject.toml: the name must be toolforge-{package.name}"
        if package.pyproject.get("tool") != {"flit": {"module": {"name": package.module}}}:
            yield f"{where}/pyproject.toml: [tool] holds the module's name and no settings"


def check_required_files(repository: Repository) -> Iterator[str]:
    """Every package has the files that its kind has."""
    for package in repository.packages:
        where = f"packages/{package.name}"
        for name in ("__init__.py", "py.typed", *REQUIRED.get(package.kind, ())):
            if not (package.source / name).is_file():
                yield f"{where}: src/{package.module}/{name} is missing"
        for name in REQUIRED_TESTS.get(package.kind, ()):
            if not (package.folder / name).is_file():
                yield f"{where}: {name} is missing"
        if not list(package.folder.glob("tests/test_*.py")):
            yield f"{where}: it has no tests"
        readme = package.folder / "README.md"
        if (
            not readme.is_file()
            or len(readme.read_text(encoding="utf-8").splitlines()) < README_LINES
        ):
            yield f"{where}: README.md must say what it is for and how to use it"


def check_versions(repository: Repository) -> Iterator[str]:
    """Everything carries one version, and siblings ask for at least that."""
    version = repository.meta["project"]["version"]
    for package in repository.packages:
        if package.version != version:
            yield f"packages/{package.name}: version {package.version!r}, meta has {version!r}"
        yield from _check_siblings(f"packages/{package.name}", package.requirements, version)
    yield from _check_siblings("meta", _requirements(repository.meta), version)


def _check_siblings(where: str, requirements: list[Requirement], version: str) -> Iterator[str]:
    for requirement in requirements:
        sibling = requirement.name.startswith("toolforge-")
        if sibling and str(requirement.specifier) != f">={version}":
            yield f"{where}/pyproject.toml: {requirement.name} must be asked for as >={version}"


def check_scripts(repository: Repository) -> Iterator[str]:
    """Only command lines install commands."""
    for package in repository.packages:
        expected = (
            f"toolforge-{package.name.removesuffix('-cli')}" if package.kind == "-cli" else ""
        )
        expected = SCRIPTS.get(package.name, expected)
        scripts = list(package.pyproject.get("project", {}).get("scripts", {}))
        if scripts != ([expected] if expected else []):
            wanted = f"the command {expected}" if expected else "no command"
            yield f"packages/{package.name}/pyproject.toml: it installs {wanted}, not {scripts}"


def check_lists(repository: Repository) -> Iterator[str]:
    """Every package stands in the lists that name packages."""
    environments = repository.toml("tox.toml")["env_list"]
    sections = repository.toml("towncrier.toml")["tool"]["towncrier"]["section"]
    for package in repository.packages:
        if package.name not in environments:
            yield f"tox.toml: {package.name} is missing in env_list"
        if {"name": package.name, "path": package.name} not in sections:
            yield f"towncrier.toml: there is no section for {package.name}"
    yield from _check_contracts(repository)


def _check_contracts(repository: Repository) -> Iterator[str]:
    parser = configparser.ConfigParser()
    parser.read_string((repository.root / ".importlinter").read_text(encoding="utf-8"))
    for section in parser.sections():
        for option, value in parser.items(section):
            yield from _check_contract_list(repository, f"{section} {option}", value.split())


def _check_contract_list(repository: Repository, where: str, entries: list[str]) -> Iterator[str]:
    """A list that names the jobs pair names every pair; the list of roots names every package."""
    wanted = set()
    for package in repository.packages:
        if where == "importlinter root_packages":
            wanted.add(package.module)
        elif pattern := PATTERN_PAIR.get(package.kind):
            wanted.update(
                re.sub(rf"^{pattern}\b", package.module, entry)
                for entry in entries
                if re.match(rf"{pattern}\b", entry)
            )
    for missing in sorted(wanted.difference(entries)):
        yield f".importlinter: {missing} is missing in [{where}]"


def check_lock(repository: Repository) -> Iterator[str]:
    """The lock has a fitting version of everything that is required."""
    lock = repository.text(Path("ci/constraints.txt")).splitlines()
    locked = dict(line.split("==") for line in lock if not line.startswith("#"))
    for asked, requirement in _foreign_requirements(repository):
        version = locked.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            yield f"ci/constraints.txt: nothing fits {requirement} of {asked}"


def _foreign_requirements(repository: Repository) -> Iterator[tuple[str, Requirement]]:
    for package in repository.packages:
        for requirement in package.requirements:
            if not requirement.name.startswith("toolforge-"):
                yield package.name, requirement
    for path in repository.files:
        if path.match("ci/requirements/*.txt"):
            for line in repository.text(path).splitlines():
                if not line.startswith(("#", "-r ")):
                    yield str(path), Requirement(line)


def check_fragments(repository: Repository) -> Iterator[str]:
    """Each change is told in one line, below the package it is about."""
    names = {package.name for package in repository.packages}
    for path in repository.files:
        if path.parts[:2] != ("meta", "changes") or path.name == "template.md":
            continue
        if path.parent.parent != Path("meta/changes") or path.parent.name not in names:
            yield f"{path}: a fragment is meta/changes/<package>/<slug>.<kind>"
        elif path.suffix.removeprefix(".") not in FRAGMENT_KINDS:
            yield f"{path}: the kind is one of {', '.join(sorted(FRAGMENT_KINDS))}"
        elif repository.text(path).count("\n") != 1:
            yield f"{path}: a fragment is one line"


def check_sizes(repository: Repository) -> Iterator[str]:
    """A module that grows too long is two modules."""
    for path in repository.files:
        limit = TEST_MODULE_LIMIT if "tests" in path.parts else MODULE_LIMIT
        if path.suffix == ".py" and (lines := repository.text(path).count("\n")) > limit:
            yield f"{path}: {lines} lines, more than {limit}; split it"


def check_docstrings(repository: Repository) -> Iterator[str]:
    """Each module says what lives in it."""
    for path in repository.files:
        source = path.suffix == ".py" and "src" in path.parts
        if source and not ast.get_docstring(ast.parse(repository.text(path))):
            yield f"{path}: the module has no docstring"


def check_words(repository: Repository) -> Iterator[str]:
    """Nothing is written down that holds on one machine only."""
    for path in repository.files:
        for number, line in enumerate(repository.text(path).splitlines(), start=1):
            for what, pattern in FORBIDDEN_WORDS.items():
                if pattern.search(line):
                    yield f"{path}:{number}: {what}"


def check_suppressions(repository: Repository) -> Iterator[str]:
    """No rule is silenced without being named, and without a reason beside it or right above."""
    for path in repository.files:
        lines = repository.text(path).splitlines() if path.suffix == ".py" else []
        for number, (above, line) in enumerate(pairwise(["", *lines]), start=1):
            if BARE_SUPPRESSION.search(line) and not above.lstrip().startswith("#"):
                yield f"{path}:{number}: a suppression names its rule and its reason"


CHECKS = (
    check_top_level,
    check_names,
    check_required_files,
    check_versions,
    check_scripts,
    check_lists,
    check_lock,
    check_fragments,
    check_sizes,
    check_docstrings,
    check_words,
    check_suppressions,
)


def findings(root: Path) -> list[str]:
    """Return a sentence for everything that is not as it should be."""
    repository = Repository(root)
    return [finding for check in CHECKS for finding in check(repository)]


def _requirements(pyproject: dict[str, Any]) -> list[Requirement]:
    project = pyproject.get("project", {})
    extras = project.get("optional-dependencies", {}).values()
    return [
        Requirement(text) for group in (project.get("dependencies", []), *extras) for text in group
    ]


def main() -> int:
    """Print the findings."""
    found = findings(Path(__file__).resolve().parent.parent)
    for finding in found:
        print(finding)
    print(f"{len(found)} findings" if found else "the layout is as it should be")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
