import functools
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from toolforge_common.errors import Unavailable
from toolforge_runtime.local import cgroups, podprocess
from toolforge_runtime.local.cgroups import Cgroups, Group, Limits

LIMITS = Limits(memory=64 * 1024**2, cpu=Decimal("0.5"), processes=10)


def contents(folder):
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_text() for file in files}


def test_version_1_makes_a_group_per_controller_below_its_own(tmp_path):
    own = tmp_path / "own"
    own.write_text("8:pids:/\n4:memory:/box\n2:cpu,cpuacct:/\n0::/\n")
    for folder in ("memory/box", "cpu", "pids"):
        (tmp_path / folder).mkdir(parents=True)

    group = cgroups.find("toolforge", tmp_path, own).create("web-1", LIMITS)

    assert group.folders == (
        tmp_path / "memory/box/toolforge/web-1",
        tmp_path / "cpu/toolforge/web-1",
        tmp_path / "pids/toolforge/web-1",
    )
    own.unlink()
    assert contents(tmp_path) == {
        "memory/box/toolforge/web-1/memory.limit_in_bytes": "67108864",
        "cpu/toolforge/web-1/cpu.cfs_period_us": "100000",
        "cpu/toolforge/web-1/cpu.cfs_quota_us": "50000",
        "pids/toolforge/web-1/pids.max": "10",
    }


def version_2(tmp_path):
    own = tmp_path / "own"
    own.write_text("0::/user.slice/app.scope\n")
    scope = tmp_path / "top/user.slice/app.scope"
    scope.mkdir(parents=True)
    (scope / "cgroup.procs").write_text("41\n42\n")
    return own, scope


def test_version_2_moves_the_platform_out_of_the_way_where_a_group_was_delegated(tmp_path):
    own, scope = version_2(tmp_path)

    group = cgroups.find("toolforge", tmp_path / "top", own).create("web-1", LIMITS)

    assert group.folders == (scope / "toolforge/web-1",)
    assert contents(scope) == {
        "cgroup.procs": "41\n42\n",
        "cgroup.subtree_control": "+memory +cpu +pids",
        "platform/cgroup.procs": "42",  # a real kernel adds instead of replacing
        "toolforge/cgroup.subtree_control": "+memory +cpu +pids",
        "toolforge/web-1/cpu.max": "50000 100000",
        "toolforge/web-1/memory.max": "67108864",
        "toolforge/web-1/memory.oom.group": "1",
        "toolforge/web-1/pids.max": "10",
    }


def test_version_2_uses_the_top_where_it_may(tmp_path):
    own, _ = version_2(tmp_path)
    (tmp_path / "top/cgroup.subtree_control").write_text("")

    groups = cgroups.find("toolforge", tmp_path / "top", own)

    assert groups == Cgroups(2, (tmp_path / "top/toolforge",))


def test_a_machine_without_groups_says_how_to_get_them(tmp_path):
    own = tmp_path / "own"
    own.write_text("0::/nowhere\n")

    with pytest.raises(Unavailable, match="no control groups") as refusal:
        cgroups.find("toolforge", tmp_path, own)

    assert "systemd-run" in refusal.value.hint


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("memory.events", "low 0\noom 2\noom_kill 1\n"),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
    ],
)
def test_either_version_tells_kills(tmp_path, file, content):
    (tmp_path / file).write_text(content)

    assert podprocess.oom_kills(["/nowhere", str(tmp_path)]) == 1
    assert podprocess.oom_kills(["/nowhere"]) == 0


def test_a_group_that_is_gone_can_be_removed(tmp_path):
    Group((tmp_path / "gone",)).remove()
    podprocess.remove_groups([str(tmp_path / "gone")])

    assert list(tmp_path.iterdir()) == []


def enter(group):
    for folder in group.folders:
        (folder / "cgroup.procs").write_text("0")


@pytest.fixture
def real_groups():
    if os.geteuid() != 0:
        pytest.skip("making control groups needs root")
    groups = cgroups.find(f"toolforge-test-{os.getpid()}")
    yield groups
    for parent in groups.parents:
        for left in [*parent.glob("*/"), parent]:
            left.rmdir()


def run_inside(group: Group, script: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", script],
        preexec_fn=functools.partial(enter, group),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.root
def test_the_kernel_ends_what_takes_too_much_memory(real_groups):
    group = real_groups.create("hog", LIMITS)

    result = run_inside(group, "x = bytearray(200 * 1024**2); print(len(x))")

    assert (result.returncode, result.stdout) == (-9, "")
    folders = [str(folder) for folder in group.folders]
    assert podprocess.oom_kills(folders) == 1
    podprocess.remove_groups(folders)
    assert not any(folder.exists() for folder in group.folders)


@pytest.mark.root
def test_the_kernel_stops_a_fork_bomb(real_groups):
    group = real_groups.create("bomb", LIMITS)

    result = run_inside(
        group,
        "import os, signal\n"
        "children = []\n"
        "try:\n"
        "    while len(children) < 50:\n"
        "        if (child := os.fork()) == 0: signal.pause()\n"
        "        children.append(child)\n"
        "except BlockingIOError: print(len(children))\n"
        "for child in children: os.kill(child, signal.SIGKILL)",
    )

    assert result.stdout == "9\n"
    group.remove()


@pytest.mark.root
def test_a_group_in_use_is_not_removed(real_groups):
    group = real_groups.create("busy", LIMITS)
    with subprocess.Popen(
        ["/bin/sleep", "30"],
        preexec_fn=functools.partial(enter, group),  # noqa: PLW1509  this test has no threads
    ) as process:
        with pytest.raises(OSError, match="busy"):
            group.remove()

        process.kill()
        assert process.wait(timeout=10) == -9
    group.remove()


def test_own_groups_are_found_on_this_machine():
    assert Path("/proc/self/cgroup").exists()
    assert cgroups._own_paths(cgroups.OWN)
