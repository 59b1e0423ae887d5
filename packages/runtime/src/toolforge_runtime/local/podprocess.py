"""The pod's processes, as its shim sees them: starting bubblewrap, finding them, their control groups.

Only light modules are imported here, because every shim carries them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import time

# Signals that a shim does not die of.
IGNORED = (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE)
START_FAILED = 128

# Descriptors move up here first, so that giving them their final numbers overwrites none.
_HIGH = 64
_REMOVE_TRIES, _REMOVE_PAUSE = 100, 0.02
# One that is in the kernel's hands, on a disk that hangs, cannot be waited for for ever.
_KILL_WAIT = 5


def name_of(folder: str) -> str:
    """Return under what name bubblewrap runs for the pod, as its processes' command lines show."""
    return f"bwrap[{folder}]"


def launch(program: str, argv: list[str], given: list[int], groups: list[str]) -> int:
    """Start the program inside the control groups, with `given` as its descriptors from 1 on; return its id.

    One that cannot be started says why on its standard error and ends with `START_FAILED`.
    """
    pid = os.fork()
    if pid:
        return pid
    try:
        _give_descriptors(given)
        for group in groups:
            # The pod and bubblewrap are under the limits, the shim is not.
            with open(f"{group}/cgroup.procs", "wb") as file:
                file.write(b"0")
        _reset_signals()
        os.execve(program, argv, {})  # noqa: S606  there is no shell to start it with
    except OSError as error:
        os.write(2, f"{error.strerror}: {error.filename or program}\n".encode())
    finally:
        os._exit(START_FAILED)


def _give_descriptors(given: list[int]) -> None:
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH) for descriptor in given]
    os.dup2(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), 0)
    for number, descriptor in enumerate(high, start=1):
        os.dup2(descriptor, number)


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (*IGNORED, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def descendants(ancestor: int) -> list[int]:
    """Return the processes that descend from this one, without it."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with (
                contextlib.suppress(OSError),
                open(f"/proc/{name}/stat", "rb") as file,
            ):
                # The program's name, in parentheses, may contain anything.
                parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
    found = {ancestor}
    # Numbers do not tell age once they have wrapped around, so repeat until nothing is new.
    while new := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= new
    return sorted(found - {ancestor})


def programs(inner: int, folder: str) -> list[int]:
    """Return the pod's own processes: all that descend from bubblewrap's inner one and are not it."""
    return [pid for pid in descendants(inner) if not _is_bubblewrap(pid, folder)]


def kill_leftovers(folder: str) -> None:
    """End what is left of a pod whose shim was killed, and wait until it has ended.

    bubblewrap does not yet die with its parent in the first milliseconds. Its inner process then goes
    on without anybody to keep it. And what dies with it takes a moment, in which nothing else may
    start in its place.
    """
    for name in os.listdir("/proc"):
        if name.isdecimal() and _is_bubblewrap(int(name), folder):
            # It may be gone by now.
            with contextlib.suppress(ProcessLookupError):
                _kill(int(name))


def _kill(pid: int) -> None:
    process = os.pidfd_open(pid)
    try:
        # The first process of a pid namespace takes all others along, and ends after them.
        signal.pidfd_send_signal(process, signal.SIGKILL)
        ended = select.poll()
        ended.register(process, select.POLLIN)
        ended.poll(_KILL_WAIT * 1000)
    finally:
        os.close(process)


def _is_bubblewrap(pid: int, folder: str) -> bool:
    prefix = name_of(folder).encode() + b"\0"
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read(len(prefix)) == prefix
    except OSError:
        return False


def oom_kills(groups: list[str]) -> int:
    """Return how many processes of the groups were ended because they wanted too much memory."""
    for group in groups:
        for name in ("memory.events", "memory.oom_control"):
            with (
                contextlib.suppress(FileNotFoundError),
                open(f"{group}/{name}") as file,
            ):
                return int(dict(line.split() for line in file).get("oom_kill", 0))
    return 0


def remove_groups(groups: list[str]) -> None:
    """Remove the groups, which are empty or about to be; those that are gone already are fine."""
    for group in groups:
        for _ in range(_REMOVE_TRIES):
            try:
                os.rmdir(group)
            except FileNotFoundError:
                break
            except OSError:
                # The kernel lets go of a group a moment after its last process.
                time.sleep(_REMOVE_PAUSE)
            else:
                break
