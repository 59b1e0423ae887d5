#!/usr/bin/env python3
"""Build the wheel of every package, and of the meta-package, into one folder.

With --check each wheel must hold every file of its source (an OpenAPI document left out is noticed
here, not in production), and is imported, module by module, in a new environment where it finds only
what it declares.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
META = "toolforge"

# Runs in the new environment: imports every module of one package, blind to what it may not know.
IMPORT_ALONE = """
import importlib, json, pkgutil, sys

module, hidden = sys.argv[1], set(json.loads(sys.argv[2]))

class Blind:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"{module} does not declare what has {name!r}", name=name)

sys.meta_path.insert(0, Blind())
package = importlib.import_module(module)
for found in pkgutil.walk_packages(package.__path__, f"{module}."):
    # Programs start when they are imported; what helps tests may use what tests have.
    if not {"__main__", "testing"}.intersection(found.name.split(".")):
        importlib.import_module(found.name)
"""


def main() -> int:
    """Build, and check if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="check what was built")
    parser.add_argument("folder", type=Path, help="where the wheels go")
    arguments = parser.parse_args()
    wheels = build(arguments.folder)
    print(f"{len(wheels)} wheels are in {arguments.folder}")
    if not arguments.check:
        return 0
    found = [*missing_files(wheels), *failed_imports(wheels)]
    for finding in found:
        print(finding)
    print(f"{len(found)} findings" if found else "each is whole and imports with what it declares")
    return 1 if found else 0


def build(folder: Path) -> list[Path]:
    """Build everything; the folder then holds nothing else of ours."""
    for old in folder.glob("toolforge*.whl"):
        old.unlink()
    sources = [path.parent for path in sorted(ROOT.glob("packages/*/pyproject.toml"))]
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--wheel-dir", str(folder), *map(str, sources), str(ROOT / "meta")]
    subprocess.run(command, check=True)
    return sorted(folder.glob("toolforge*.whl"))


def missing_files(wheels: list[Path]) -> Iterator[str]:
    """Give a sentence for each source file that did not get into its wheel."""
    for wheel in wheels:
        module = module_of(wheel)
        source = ROOT / "packages" / module.removeprefix("toolforge_").replace("_", "-") / "src"
        kept = set(zipfile.ZipFile(wheel).namelist())
        for path in sorted(source.rglob("*")):
            name = path.relative_to(source).as_posix()
            if path.is_file() and "__pycache__" not in name and name not in kept:
                yield f"{wheel.name}: {name} is missing"


def failed_imports(wheels: list[Path]) -> Iterator[str]:
    """Give a sentence for each package that cannot be imported with what it declares."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder, "bin", "python"))
        subprocess.run([python, "-m", "pip", "install", "--quiet", *map(str, wheels)], check=True)
        (site,) = Path(folder).glob("lib/python*/site-packages")
        for wheel in wheels:
            module = module_of(wheel)
            if module != META:
                hidden = json.dumps(sorted(undeclared(site, module)))
                command = [python, "-I", "-c", IMPORT_ALONE, module, hidden]
                result = subprocess.run(command, check=False, capture_output=True, text=True)
                if result.returncode:
                    yield f"{wheel.name}: {result.stderr.strip().splitlines()[-1]}"


def undeclared(site: Path, module: str) -> set[str]:
    """Return the top-level modules of `site` that no requirement of the distribution leads to."""
    installed = {
        canonicalize_name(found.name): found for found in metadata.distributions(path=[str(site)])
    }
    # Installed without a wish for extras, every package still brings its own ones: they are for others.
    own = set(installed[canonicalize_name(module)].metadata.get_all("Provides-Extra") or ())
    known = _closure(installed, Requirement(f"{module}[{','.join(sorted(own))}]"))
    strangers = installed.keys() - known
    return {top for name in strangers for top in _top_modules(installed[name])} - {
        top for name in known for top in _top_modules(installed[name])
    }


def _closure(
    installed: Mapping[NormalizedName, metadata.Distribution], wanted: Requirement
) -> set[NormalizedName]:
    """Return the names of all distributions that the wanted one requires, itself included."""
    seen: set[tuple[NormalizedName, frozenset[str]]] = set()
    queue = [wanted]
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen or name not in installed:
            continue
        seen.add(key)
        extras = ("", *requirement.extras)
        for text in installed[name].requires or ():
            further = Requirement(text)
            if further.marker is None or any(
                further.marker.evaluate({"extra": extra}) for extra in extras
            ):
                queue.append(further)
    return {name for name, _ in seen}


def _top_modules(distribution: metadata.Distribution) -> set[str]:
    tops = {Path(str(path)).parts[0].partition(".")[0] for path in distribution.files or ()}
    return {top for top in tops if top.isidentifier()}


def module_of(wheel: Path) -> str:
    """Return the import package of a wheel, which is how its name begins."""
    return wheel.name.partition("-")[0]


if __name__ == "__main__":
    sys.exit(main())
