"""What bubblewrap is told for a pod: pure functions from the pod to arguments and files.

Nothing of the pod but its command is on a command line, where every user of the machine could read
it: the rest goes through `--args`. Pods see the host's `/usr` read-only, the tool's home, private
temporary folders, and nothing else of the machine; they have a network of their own with a loopback.

As root the pod runs under the tool's own number, without a user namespace (bubblewrap keeps just the
capabilities that setpriv needs to give up all of them). As an ordinary user it runs under that user's
number, which it sees as the tool's.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from toolforge_common.names import ToolName
from toolforge_runtime.local.shim import ARGS_FD, FIRST_FILE_FD, SECCOMP_FD, STATUS_FD
from toolforge_runtime.ports import Container

BUBBLEWRAP = "/usr/bin/bwrap"
SETPRIV = "/usr/bin/setpriv"

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Container runtimes' usual size of shared memory.
_SHARED_MEMORY = 64 * 1024 * 1024
_RUN_SIZE = 16 * 1024 * 1024
_MAX_HOSTNAME = 63


class Mode(enum.Enum):
    """Who starts the pods."""

    ROOT = "root"
    USER = "user"


@dataclasses.dataclass(frozen=True, slots=True)
class Confined:
    """A pod to be sandboxed. `home` is the tool's home on the host."""

    tool: ToolName
    uid: int
    home: PurePosixPath
    pod: str
    container: Container


@dataclasses.dataclass(frozen=True, slots=True)
class Invocation:
    """How to run bubblewrap: `argv`, what descriptor `ARGS_FD` holds, and the files from `FIRST_FILE_FD` on."""

    argv: tuple[str, ...]
    arguments: tuple[str, ...]
    files: tuple[bytes, ...]


def invocation(pod: Confined, mode: Mode) -> Invocation:
    """Return how to run the pod."""
    files = _files(pod)
    arguments = (
        *_SYSTEM,
        *(_NAMESPACES_ROOT if mode is Mode.ROOT else _namespaces_user(pod)),
        "--hostname",
        pod.pod[:_MAX_HOSTNAME],
        "--die-with-parent",
        "--new-session",
        *_own_folders(pod),
        *_bind_files(files),
        *_storage(pod),
        # Folders above are mount points by now; what is left of the root would be unbounded memory.
        "--remount-ro",
        "/",
        "--clearenv",
        *_set_variables(environment(pod)),
        "--chdir",
        str(working_dir(pod)),
        "--json-status-fd",
        str(STATUS_FD),
        "--seccomp",
        str(SECCOMP_FD),
    )
    return Invocation(
        argv=(
            BUBBLEWRAP,
            "--args",
            str(ARGS_FD),
            "--",
            *_as_tool(pod, mode),
            *pod.container.command,
        ),
        arguments=arguments,
        files=tuple(content for _, content in files),
    )


def inner_home(tool: ToolName) -> PurePosixPath:
    """Return where pods see the tool's home."""
    return PurePosixPath("/data/project", tool)


def environment(pod: Confined) -> Mapping[str, str]:
    """Return the pod's variables: the container's own win over what every pod gets."""
    container = pod.container
    variables = {"PATH": DEFAULT_PATH, "LANG": "C.UTF-8", "HOSTNAME": pod.pod[:_MAX_HOSTNAME]}
    if container.mount_storage:
        home = str(inner_home(pod.tool))
        if "NO_HOME" not in container.env:
            variables["HOME"] = home
        variables |= {"TOOL_DATA_DIR": home}
    return variables | dict(container.env)


def working_dir(pod: Confined) -> PurePosixPath:
    """Return where the command starts; the images here leave it at the root."""
    chosen = pod.container.working_dir
    without_home = pod.container.mount_storage and "NO_HOME" in pod.container.env
    return PurePosixPath("/") if chosen is None or without_home else chosen


# Everything after /usr is merged into it, as in every supported release.
_SYSTEM = (
    *("--ro-bind", "/usr", "/usr"),
    *("--symlink", "usr/bin", "/bin"),
    *("--symlink", "usr/lib", "/lib"),
    *("--symlink", "usr/lib64", "/lib64"),
    *("--symlink", "usr/sbin", "/sbin"),
    # What bubblewrap makes on the way to a mount point would be closed to the tool.
    *("--dir", "/etc"),
    *("--dir", "/data"),
    *("--dir", "/data/project"),
    *("--ro-bind", "/etc/alternatives", "/etc/alternatives"),
    *("--ro-bind", "/etc/ssl", "/etc/ssl"),
    *("--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"),
)

# Without a user namespace, because some systems forbid them. CAP_DAC_READ_SEARCH lets bubblewrap enter
# the working directory, the others let setpriv become the tool; it drops all of them.
_NAMESPACES_ROOT = (
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-net",
    "--unshare-cgroup-try",
    *("--cap-drop", "ALL"),
    *("--cap-add", "CAP_DAC_READ_SEARCH"),
    *("--cap-add", "CAP_SETUID"),
    *("--cap-add", "CAP_SETGID"),
    *("--cap-add", "CAP_SETPCAP"),
)


def _namespaces_user(pod: Confined) -> tuple[str, ...]:
    return (
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        *("--uid", str(pod.uid)),
        *("--gid", str(pod.uid)),
    )


def _as_tool(pod: Confined, mode: Mode) -> tuple[str, ...]:
    if mode is Mode.USER:
        return ()
    return (
        SETPRIV,
        *("--reuid", str(pod.uid)),
        *("--regid", str(pod.uid)),
        "--clear-groups",
        "--bounding-set=-all",
        "--inh-caps=-all",
        "--no-new-privs",
    )


def _own_folders(pod: Confined) -> tuple[str, ...]:
    return (
        *("--proc", "/proc"),
        *("--dev", "/dev"),
        # As root these would belong to root, and the tool could not write to them.
        *_memory_folder("/dev/shm", _SHARED_MEMORY, "1777"),  # noqa: S108  the pod's own
        *("--remount-ro", "/dev"),
        # Files there are memory of the pod.
        *_memory_folder("/tmp", pod.container.resources.memory_limit, "1777"),  # noqa: S108  the pod's own
        *_memory_folder("/run", _RUN_SIZE, "0755"),
    )


def _memory_folder(path: str, size: int, mode: str) -> tuple[str, ...]:
    return ("--size", str(size), "--perms", mode, "--tmpfs", path)


def _storage(pod: Confined) -> tuple[str, ...]:
    inside = str(inner_home(pod.tool))
    if pod.container.mount_storage:
        return ("--bind", str(pod.home), inside)
    # Kubernetes makes a missing working directory, too.
    return ("--dir", str(working_dir(pod)))


def _files(pod: Confined) -> tuple[tuple[str, bytes], ...]:
    """Return the files that programs need in order to know names: their own user's, and localhost."""
    home = inner_home(pod.tool)
    host = pod.pod[:_MAX_HOSTNAME]
    texts = (
        ("/etc/passwd", f"{pod.tool}:x:{pod.uid}:{pod.uid}::{home}:/bin/sh\n"),
        ("/etc/group", f"{pod.tool}:x:{pod.uid}:\n"),
        ("/etc/hosts", f"127.0.0.1 localhost {host}\n::1 localhost ip6-localhost\n"),
    )
    return tuple((path, text.encode()) for path, text in texts)


def _bind_files(files: Iterable[tuple[str, bytes]]) -> Iterable[str]:
    for descriptor, (path, _) in enumerate(files, start=FIRST_FILE_FD):
        yield from ("--perms", "0444", "--ro-bind-data", str(descriptor), path)


def _set_variables(variables: Mapping[str, str]) -> Iterable[str]:
    for name, value in variables.items():
        yield from ("--setenv", name, value)
