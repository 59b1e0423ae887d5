"""Calls of the kernel that Python's standard library lacks: setns(2) (`os.setns` only from 3.12 on), prctl(2)."""

from __future__ import annotations

import ctypes
import fcntl
import os

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
# linux/nsfs.h: which user namespace owns this one.
_NS_GET_USERNS = 0xB701

# linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def open_network(pid: int) -> int:
    """Return a descriptor of the process's network namespace, which keeps it alive. Raises OSError."""
    return os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def join_network(network: int) -> None:
    """Move this single-threaded process into the namespace. Raises OSError if that is not allowed.

    There is no way back, so only a process that ends soon may do it. Works as root and as the ordinary
    user that made the namespace.
    """
    owner = fcntl.ioctl(network, _NS_GET_USERNS)
    # The owner of the network namespace, not the process's own user namespace: inside a pod they may
    # differ. Joining the one we are in already would be refused.
    if os.fstat(owner).st_ino != os.stat("/proc/self/ns/user").st_ino:
        _setns(owner, _CLONE_NEWUSER)
    _setns(network, _CLONE_NEWNET)


def adopt_orphans() -> None:
    """Become the parent of those descendants whose own parent ends."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def _setns(descriptor: int, kind: int) -> None:
    _check(_libc.setns(descriptor, kind))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
