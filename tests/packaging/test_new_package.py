"""A pair fresh from the generator needs nothing more to be a good service and command line."""

import subprocess
import sys
import sysconfig
import venv

import check_layout
import check_openapi
import pytest
import yaml

# Comes before and after other names of ours, so that the order of imports is put to the test.
NAME = "gadgets"


@pytest.fixture(scope="module")
def repository(tmp_path_factory, copy_repository):
    """A copy of this repository with a new pair in it."""
    copy = copy_repository(tmp_path_factory.mktemp("new") / "repository")
    before = check_layout.findings(copy)
    command = [sys.executable, "tools/new_package.py", NAME]
    subprocess.run(command, cwd=copy, check=True, capture_output=True, timeout=120)
    (copy / "before").write_text("\n".join(before))
    return copy


@pytest.fixture(scope="module")
def python(repository, tmp_path_factory):
    """An interpreter with this environment's packages, but ours from the copy, whatever is in its environment."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    sources = sorted(map(str, repository.glob("packages/*/src")))
    ours = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})"
    (site / "copy.pth").write_text("\n".join([*sources, ours]))
    return str(folder / "bin" / "python")


@pytest.fixture(scope="module")
def run(repository, python):
    """Run a tool in the copy."""

    def run(*command):
        result = subprocess.run(
            [python, *command],
            cwd=repository,
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    return run


def test_it_has_the_layout_of_every_package(repository):
    before = (repository / "before").read_text().splitlines()
    (repository / "before").unlink()

    assert check_layout.findings(repository) == before


def test_its_document_is_good(repository):
    path = repository / f"packages/{NAME}-api/src/toolforge_{NAME}_api/openapi.yaml"
    document = yaml.safe_load(path.read_text())

    assert list(check_openapi.findings(document)) == []
    assert "jobs" not in path.read_text()


def test_it_passes_the_linters(run):
    folders = [f"packages/{NAME}-api", f"packages/{NAME}-cli"]
    run("-m", "ruff", "check", *folders)
    run("-m", "ruff", "format", "--check", *folders)
    run("-m", "codespell_lib", *folders)


def test_it_keeps_the_layers(run):
    assert " kept, 0 broken" in run("tools/check_imports.py")


def test_it_passes_the_strict_type_checker(run):
    run("-m", "mypy", f"packages/{NAME}-api/src", f"packages/{NAME}-cli/src")


@pytest.mark.parametrize("half", ["api", "cli"])
def test_its_own_tests_pass(run, half):
    """Among them seam, document and fuzzing, and what the command line imports."""
    said = run("-m", "pytest", "-q", f"packages/{NAME}-{half}")

    assert " passed" in said


@pytest.mark.parametrize("name", ["Jobs", "my-things", "2nd", "jobs"])
def test_a_name_that_cannot_be_is_refused(root, name):
    command = [sys.executable, "tools/new_package.py", name]
    result = subprocess.run(command, cwd=root, check=False, capture_output=True, timeout=60)

    assert result.returncode == 2
