"""What quickstart and test do before anything is made: look for what is missing."""

import os
import shutil
import subprocess

import pytest

# All that the scripts call until they know what is missing.
PROGRAMS = ["bash", "basename", "cat", "dirname", "mktemp", "sed", "tail", "timeout"]


@pytest.fixture
def programs(tmp_path):
    """A folder that holds these programs and nothing else, to be the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PROGRAMS:
        (folder / name).symlink_to(shutil.which(name))
    return folder


def _write_program(folder, name, script):
    (folder / name).write_text(f"#!{shutil.which('bash')}\n{script}\n")
    (folder / name).chmod(0o755)


def _quickstart(repository, path):
    return subprocess.run(
        [shutil.which("bash"), str(repository / "tools" / "quickstart")],
        env={**os.environ, "PATH": str(path), "TMPDIR": str(repository.parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _commands(text):
    return [line.strip() for line in text.splitlines() if "apt-get install" in line]


@pytest.mark.skipif(os.geteuid() == 0, reason="root installs what is missing")
def test_a_user_without_rights_gets_one_line_to_type(repository, programs):
    result = _quickstart(repository, programs)

    assert result.returncode == 3
    assert _commands(result.stderr) == [
        "sudo apt-get install -y --no-install-recommends bubblewrap git"
    ]
    assert not (repository / ".venv").exists()


def test_without_apt_get_what_is_missing_is_named(repository, programs):
    _write_program(programs, "sudo", "exit 0")

    result = _quickstart(repository, programs)

    assert result.returncode == 3
    assert "there is no apt-get here: bubblewrap git" in result.stderr
    assert not (repository / ".venv").exists()


def test_what_is_missing_is_installed_where_that_is_allowed(repository, programs):
    calls = programs.parent / "calls"
    _write_program(programs, "sudo", '[[ $1 != -n ]] || shift; "$@"')
    _write_program(programs, "env", 'while [[ $1 == *=* ]]; do shift; done; "$@"')
    _write_program(programs, "apt-get", f'echo "$@" >>{calls}')

    result = _quickstart(repository, programs)

    assert calls.read_text().splitlines() == [
        "update -q",
        "install -y -q --no-install-recommends bubblewrap git",
    ]
    # This apt-get only pretends.
    assert result.returncode == 3
    assert "still missing after the installation: bubblewrap git" in result.stderr


def test_a_failed_installation_says_so_and_shows_the_end_of_its_log(repository, programs):
    _write_program(programs, "sudo", '[[ $1 != -n ]] || shift; "$@"')
    _write_program(programs, "apt-get", 'echo "no network today"; exit 100')

    result = _quickstart(repository, programs)

    assert result.returncode == 1
    assert "this step did not work: install bubblewrap git" in result.stderr
    assert "no network today" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_checkout_of_somebody_else_is_refused_before_anything_is_made(repository):
    repository.chmod(0o555)

    result = _quickstart(repository, os.environ["PATH"])

    repository.chmod(0o755)
    assert result.returncode == 1
    assert f"you may not write to {repository}" in result.stderr
