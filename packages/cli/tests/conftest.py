import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def install(tmp_path):
    """Put a program into a folder of this test."""

    def write(folder: str, name: str, text: str = "#!/bin/sh\n", mode: int = 0o755) -> Path:
        file = tmp_path / folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    return write


@pytest.fixture
def built_in(tmp_path):
    """Put a Python package into the dispatcher's way, in place of a built-in subcommand's."""

    def write(package: str, module: str, text: str) -> None:
        folder = tmp_path / "packages" / package
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / f"{module}.py").write_text(text)

    return write


@pytest.fixture
def toolforge(tmp_path, home, install):
    """Run the dispatcher as a program in a folder of its own, with `bin1` and `bin2` on PATH."""
    script = (
        f"#!{sys.executable}\n"
        f"import sys; sys.path.insert(0, {str(tmp_path / 'packages')!r})\n"
        "from toolforge_cli.main import main\nmain()\n"
    )
    program = install("own", "toolforge", script)
    assert program.stat().st_mode & stat.S_IXUSR

    def run(
        *arguments: str,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **variables: str,
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{tmp_path}/bin1:{tmp_path}/bin2:{tmp_path}/missing",
            "HOME": str(home),
            # What the tests of everything else run with is not the point here.
            "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
            **variables,
        }
        return subprocess.run(
            [program, *arguments],
            env=environment,
            stdout=stdout,
            stderr=stderr,
            text=True,
            timeout=30,
            check=False,
        )

    return run
