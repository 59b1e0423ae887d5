"""Whatever breaks the layout is found, and named."""

import subprocess
import sys

import check_layout
import pytest


def _replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _append(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)


JOBS_API = "packages/jobs-api/pyproject.toml"
JOBS_CLI = "packages/jobs-cli/src/toolforge_jobs_cli"

BREAKAGES = [
    pytest.param(
        lambda root: _append(root / "setup.cfg", "[x]\n"),
        "setup.cfg: nothing of that name belongs at the top level",
        id="a stray file at the top",
    ),
    pytest.param(
        lambda root: _replace(root / JOBS_API, '"toolforge-jobs-api"', '"toolforge-jobsapi"'),
        "packages/jobs-api/pyproject.toml: the name must be toolforge-jobs-api",
        id="another name than the folder's",
    ),
    pytest.param(
        lambda root: _append(root / JOBS_API, "[tool.ruff]\nline-length = 79\n"),
        "packages/jobs-api/pyproject.toml: [tool] holds the module's name and no settings",
        id="a tool's settings in a package",
    ),
    pytest.param(
        lambda root: (root / JOBS_CLI / "py.typed").unlink(),
        "packages/jobs-cli: src/toolforge_jobs_cli/py.typed is missing",
        id="no py.typed",
    ),
    pytest.param(
        lambda root: (root / "packages/jobs-api/src/toolforge_jobs_api/openapi.yaml").unlink(),
        "packages/jobs-api: src/toolforge_jobs_api/openapi.yaml is missing",
        id="a service without its document",
    ),
    pytest.param(
        lambda root: (root / "packages/gateway/README.md").write_text("# toolforge-gateway\n"),
        "packages/gateway: README.md must say what it is for and how to use it",
        id="an empty README",
    ),
    pytest.param(
        lambda root: _replace(root / JOBS_CLI / "__init__.py", '"0.1.0"', '"0.2.0"'),
        "packages/jobs-cli: version '0.2.0', meta has '0.1.0'",
        id="a version of its own",
    ),
    pytest.param(
        lambda root: _replace(
            root / JOBS_API, '"toolforge-runtime>=0.1.0"', '"toolforge-runtime==0.1.0"'
        ),
        "packages/jobs-api/pyproject.toml: toolforge-runtime must be asked for as >=0.1.0",
        id="a sibling pinned",
    ),
    pytest.param(
        lambda root: _append(
            root / JOBS_API, '[project.scripts]\ntoolforge-jobs-api = "toolforge_jobs_api:main"\n'
        ),
        "packages/jobs-api/pyproject.toml: it installs no command, not ['toolforge-jobs-api']",
        id="a service that installs a command",
    ),
    pytest.param(
        lambda root: _replace(root / "tox.toml", '  "gateway",\n', ""),
        "tox.toml: gateway is missing in env_list",
        id="a package without its environment",
    ),
    pytest.param(
        lambda root: _replace(root / "towncrier.toml", 'path = "gateway"', 'path = "gate"'),
        "towncrier.toml: there is no section for gateway",
        id="a package without its part of the change log",
    ),
    pytest.param(
        lambda root: _replace(
            root / ".importlinter",
            "    toolforge_gateway\n    toolforge_jobs",
            "    toolforge_jobs",
        ),
        ".importlinter: toolforge_gateway is missing in [importlinter root_packages]",
        id="a package that import-linter never sees",
    ),
    pytest.param(
        lambda root: _append(root / "packages/new-api/pyproject.toml", ""),
        ".importlinter: toolforge_new_api is missing in [importlinter:contract:service-layers containers]",
        id="a service without its layers",
    ),
    pytest.param(
        lambda root: _append(root / "packages/new-api/pyproject.toml", ""),
        ".importlinter: toolforge_new_api.domain is missing in [importlinter:contract:purity source_modules]",
        id="a service whose domain may import anything",
    ),
    pytest.param(
        lambda root: _append(root / "packages/new-cli/pyproject.toml", ""),
        ".importlinter: toolforge_new_cli is missing in [importlinter:contract:command-lines source_modules]",
        id="a command line that may import services",
    ),
    pytest.param(
        lambda root: _replace(root / JOBS_API, '"marshmallow>=4"', '"marshmallow>=99"'),
        "ci/constraints.txt: nothing fits marshmallow>=99 of jobs-api",
        id="a lock that does not fit",
    ),
    pytest.param(
        lambda root: _append(root / "ci/requirements/lint.txt", "perfectlint\n"),
        "ci/constraints.txt: nothing fits perfectlint of ci/requirements/lint.txt",
        id="a tool that is not locked",
    ),
    pytest.param(
        lambda root: _append(root / "meta/changes/jobs-api/faster.improved", "be faster\n"),
        "meta/changes/jobs-api/faster.improved: the kind is one of added, changed, fixed, removed",
        id="a fragment that the change log would leave out",
    ),
    pytest.param(
        lambda root: _append(root / "meta/changes/jobs/faster.changed", "be faster\n"),
        "meta/changes/jobs/faster.changed: a fragment is meta/changes/<package>/<slug>.<kind>",
        id="a fragment about no package",
    ),
    pytest.param(
        lambda root: _append(root / JOBS_CLI / "long.py", '"""Long."""\n' + "x = 1\n" * 500),
        f"{JOBS_CLI}/long.py: 501 lines, more than 500; split it",
        id="a module that is two",
    ),
    pytest.param(
        lambda root: _append(root / JOBS_CLI / "silent.py", "x = 1\n"),
        f"{JOBS_CLI}/silent.py: the module has no docstring",
        id="a module without docstring",
    ),
    pytest.param(
        lambda root: _append(root / "ci/notes.txt", "from https://py" + "pi.org/simple\n"),
        "ci/notes.txt:1: the host of a package registry",
        id="a registry's host",
    ),
    pytest.param(
        lambda root: _append(root / "ci/notes.txt", "\ncd /home/jo/s" + "rc/toolforge\n"),
        "ci/notes.txt:2: a path of somebody's machine",
        id="a path of one machine",
    ),
    pytest.param(
        lambda root: _append(root / "tools/silent.py", "import x  # no" + "qa: F401\n"),
        "tools/silent.py:1: a suppression names its rule and its reason",
        id="a rule silenced without reason",
    ),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory, copy_repository):
    """A copy of this repository, and what is found in it as it is."""
    copy = copy_repository(tmp_path_factory.mktemp("shared") / "repository")
    _git(copy, "add", "--all")
    return copy, check_layout.findings(copy)


@pytest.fixture
def repository(shared):
    """A copy of this repository, as good as new for each test."""
    copy, _ = shared
    yield copy
    _git(copy, "restore", ".")
    _git(copy, "clean", "-qfdx")


def _git(folder, *words):
    subprocess.run(["git", "-C", str(folder), *words], check=True)


@pytest.mark.parametrize(("break_it", "finding"), BREAKAGES)
def test_a_breakage_is_found_and_named(repository, shared, break_it, finding):
    assert finding not in shared[1]

    break_it(repository)

    assert finding in check_layout.findings(repository)


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # no" + "qa: S101  only we write this file",
        "x = f()  # type: " + "ignore[misc]  # Click has no types here",
        "# Click has no types here.\nx = f()  # type: " + "ignore[misc]",
    ],
)
def test_a_suppression_with_its_reason_passes(repository, line):
    _append(repository / "tools/reasoned.py", f"{line}\n")

    assert [text for text in check_layout.findings(repository) if "reasoned" in text] == []


def test_files_that_git_ignores_are_not_looked_at(repository):
    _append(repository / "build/lib/long.py", "x = 1\n" * 2000)

    assert [text for text in check_layout.findings(repository) if "build" in text] == []


def test_the_script_fails_when_there_are_findings(repository):
    _append(repository / "stray.txt", "x\n")
    command = [sys.executable, "tools/check_layout.py"]
    result = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)

    assert result.returncode == 1
    assert "stray.txt: nothing of that name belongs at the top level" in result.stdout
