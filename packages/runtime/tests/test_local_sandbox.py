"""What bubblewrap is told, as whole values."""

import dataclasses
from decimal import Decimal
from pathlib import PurePosixPath

import pytest

from toolforge_runtime.local.sandbox import Confined, Mode, environment, invocation, working_dir
from toolforge_runtime.ports import Container, Resources

CONTAINER = Container(
    image="bookworm",
    command=("/bin/sh", "-c", "--", "echo hi"),
    resources=Resources(2**20, 2**29, Decimal(1), Decimal(1)),
    env={"PASSWORD": "hunter2"},
    working_dir=PurePosixPath("/data/project/demo"),
)
POD = Confined("demo", 52001, PurePosixPath("/state/tools/demo"), "job-x", CONTAINER)


def changed(**fields):
    return dataclasses.replace(POD, container=dataclasses.replace(CONTAINER, **fields))


def lines(text):
    return tuple(word for line in text.strip().splitlines() for word in line.split())


SYSTEM = """
--ro-bind /usr /usr
--symlink usr/bin /bin
--symlink usr/lib /lib
--symlink usr/lib64 /lib64
--symlink usr/sbin /sbin
--dir /etc
--dir /data
--dir /data/project
--ro-bind /etc/alternatives /etc/alternatives
--ro-bind /etc/ssl /etc/ssl
--ro-bind-try /etc/resolv.conf /etc/resolv.conf
"""
ROOT_NAMESPACES = """
--unshare-pid --unshare-ipc --unshare-uts --unshare-net --unshare-cgroup-try
--cap-drop ALL
--cap-add CAP_DAC_READ_SEARCH --cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP
"""
USER_NAMESPACES = """
--unshare-all --unshare-user --disable-userns --uid 52001 --gid 52001
"""
FOLDERS = """
--hostname job-x --die-with-parent --new-session
--proc /proc
--dev /dev
--size 67108864 --perms 1777 --tmpfs /dev/shm
--remount-ro /dev
--size 536870912 --perms 1777 --tmpfs /tmp
--size 16777216 --perms 0755 --tmpfs /run
--perms 0444 --ro-bind-data 6 /etc/passwd
--perms 0444 --ro-bind-data 7 /etc/group
--perms 0444 --ro-bind-data 8 /etc/hosts
"""
STORAGE = "--bind /state/tools/demo /data/project/demo"
REST = """
--remount-ro /
--clearenv
--setenv PATH /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
--setenv LANG C.UTF-8
--setenv HOSTNAME job-x
--setenv HOME /data/project/demo
--setenv TOOL_DATA_DIR /data/project/demo
--setenv PASSWORD hunter2
--chdir /data/project/demo
--json-status-fd 3
--seccomp 5
"""


def test_as_root_a_pod_becomes_its_tool():
    call = invocation(POD, Mode.ROOT)

    assert call.arguments == lines(SYSTEM + ROOT_NAMESPACES + FOLDERS + STORAGE + REST)
    become = lines(
        """
        /usr/bin/bwrap --args 4 --
        /usr/bin/setpriv --reuid 52001 --regid 52001 --clear-groups
        --bounding-set=-all --inh-caps=-all --no-new-privs
        """
    )
    assert call.argv == (*become, "/bin/sh", "-c", "--", "echo hi")


def test_as_a_user_a_pod_sees_itself_as_its_tool():
    call = invocation(POD, Mode.USER)

    assert call.arguments == lines(SYSTEM + USER_NAMESPACES + FOLDERS + STORAGE + REST)
    assert call.argv == ("/usr/bin/bwrap", "--args", "4", "--", "/bin/sh", "-c", "--", "echo hi")


def test_programs_find_their_user_and_localhost():
    assert invocation(POD, Mode.ROOT).files == (
        b"demo:x:52001:52001::/data/project/demo:/bin/sh\n",
        b"demo:x:52001:\n",
        b"127.0.0.1 localhost job-x\n::1 localhost ip6-localhost\n",
    )


@pytest.mark.parametrize("mode", Mode)
def test_variables_are_on_no_command_line(mode):
    assert not any("hunter2" in word for word in invocation(POD, mode).argv)


def test_without_storage_there_is_no_home():
    pod = changed(mount_storage=False, env={})
    arguments = invocation(pod, Mode.ROOT).arguments

    assert "/state/tools/demo" not in arguments
    assert set(environment(pod)) == {"PATH", "LANG", "HOSTNAME"}
    # Kubernetes makes a missing working directory, too.
    at = arguments.index("/data/project/demo")
    assert arguments[at - 1] == "--dir"


def test_images_that_want_no_home_keep_the_folder():
    pod = changed(env={"NO_HOME": "yes"})

    assert "HOME" not in environment(pod)
    assert environment(pod)["TOOL_DATA_DIR"] == "/data/project/demo"
    assert working_dir(pod) == PurePosixPath("/")


@pytest.mark.parametrize(
    ("name", "value"), [("HOME", "/tmp"), ("PATH", "/usr/bin"), ("LANG", "de_DE.UTF-8")]
)
def test_the_containers_own_variables_win(name, value):
    assert environment(changed(env={name: value}))[name] == value


def test_the_working_directory_is_the_root_unless_chosen():
    assert working_dir(changed(working_dir=None)) == PurePosixPath("/")


def test_host_names_have_a_limit():
    arguments = invocation(dataclasses.replace(POD, pod="x" * 100), Mode.ROOT).arguments

    assert arguments[arguments.index("--hostname") + 1] == "x" * 63
