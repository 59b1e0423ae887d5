"""Becoming a tool."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolforge_common.errors import Unavailable
from toolforge_dev import shell
from toolforge_dev.shell import ToolAccount

ACCOUNT = ToolAccount("demo", 52000, Path("/state/tools/demo"))
CA = Path("/state/pki-public/gateway-ca.crt")
ADDRESSES = shell.Addresses("https://127.0.0.1:1", CA, "http://{tool_name}.localhost:2")


def test_the_environment_is_made_from_nothing():
    environ = {
        "AWS_SECRET_ACCESS_KEY": "s3cret",
        "PATH": "/root/bin",
        "HOME": "/root",
        "PYTHONPATH": "/root/x",
        "LD_PRELOAD": "/root/x.so",
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
        "TOOLFORGE_STATE": "/state",
    }

    assert shell.environment(ACCOUNT, ADDRESSES, environ) == {
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
        "TOOLFORGE_STATE": "/state",
        "HOME": "/state/tools/demo",
        "USER": "local.demo",
        "LOGNAME": "local.demo",
        "SHELL": "/bin/bash",
        "PATH": f"/usr/local/bin:/usr/bin:/bin:{Path(sys.executable).parent}",
        "KUBECONFIG": "/state/tools/demo/.kube/config",
        "TOOL_TOOLFORGE_API_URL": "https://127.0.0.1:1",
        "TOOLFORGE_API_CA_FILE": str(CA),
        "TOOLFORGE_PUBLISH_URL_TEMPLATE": "http://{tool_name}.localhost:2",
        "TOOL_DATA_DIR": "/state/tools/demo",
    }


def test_another_shell_than_bash_is_left_as_it_is():
    assert shell.interactive(ACCOUNT, "/bin/sh") == ["/bin/sh"]


def test_the_prompt_names_the_tool(tmp_path):
    argv = shell.interactive(ACCOUNT, "/bin/bash")
    descriptor = int(argv[-1].rpartition("/")[2])
    try:
        assert os.get_inheritable(descriptor)
        finished = subprocess.run(
            [*argv, "-i"],
            input='echo "$PS1"; ls /proc/$$/fd\n',
            capture_output=True,
            text=True,
            check=True,
            env={"HOME": str(tmp_path), "PATH": os.defpath},
            pass_fds=[descriptor],
        )
    finally:
        os.close(descriptor)

    prompt, *descriptors = finished.stdout.splitlines()
    assert prompt == r"\[\e[1m\]demo\[\e[0m\]:\w\$ "
    assert str(descriptor) not in descriptors


def test_a_home_that_is_not_there_is_told(tmp_path, monkeypatch):
    # Whoever runs the tests stays who they are.
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    previous = os.umask(0o022)

    with pytest.raises(Unavailable, match="'demo': No such file or directory"):
        shell.become(ToolAccount("demo", 52000, tmp_path / "gone"), [])

    os.umask(previous)


def test_a_way_that_the_kernel_does_not_open_is_told_with_what_to_type(monkeypatch, tmp_path):
    closed = tmp_path / "closed"
    home = closed / "home"
    home.mkdir(parents=True)
    closed.chmod(0o700)
    _pass_all_but(monkeypatch, closed)

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    # The kernel of the machine that tests usually run on would do it.
    monkeypatch.setattr(shell.reach, "open_way", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    with pytest.raises(Unavailable, match=f"cannot pass {closed}") as refused:
        shell.become(ToolAccount("demo", 52000, home), [])

    assert f"chmod o+x {closed}" in refused.value.hint


def _pass_all_but(monkeypatch, closed):
    """Make only this folder look closed; pytest's own ones above it are, too."""
    monkeypatch.setattr(shell.reach, "_is_passable", lambda folder: folder != closed)
