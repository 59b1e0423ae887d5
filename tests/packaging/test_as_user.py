"""Root can see what an ordinary user would."""

import os
import subprocess

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")


def _as_user(root, command):
    return subprocess.run(
        [str(root / "tools" / "as-user"), "sh", "-c", command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_user_has_a_name_a_home_of_their_own_and_no_rights(root):
    said = _as_user(root, "whoami; touch ~/mine && echo writes at home; touch ./x; cat /etc/shadow")

    assert said.stdout.splitlines() == ["ordinary", "writes at home"]
    assert said.stderr.count("Permission denied") == 2


def test_the_status_is_that_of_the_command(root):
    assert _as_user(root, "exit 7").returncode == 7


def test_a_checkout_in_a_closed_folder_can_be_read_and_the_rest_of_it_not(repository):
    closed = repository.parent
    (closed / "secret").write_text("x")
    closed.chmod(0o700)

    said = _as_user(repository, f"pwd; head -n 1 LICENSE | wc -l; cat {closed}/secret")

    assert said.stdout.splitlines() == [str(repository), "1"]
