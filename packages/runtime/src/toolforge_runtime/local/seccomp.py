"""The system call filter of a pod, as classic BPF (seccomp(2), struct sock_filter).

What a filter must answer: kill a program of another architecture, refuse (EPERM) what changes
namespaces, mounts or the kernel, pretend that clone3 does not exist (ENOSYS, so that the C library
falls back to clone, whose flags a filter can read), and allow the rest.
"""

from __future__ import annotations

import errno
import platform
import struct

from toolforge_common.errors import Unsupported

# linux/bpf_common.h and linux/filter.h: load a word, jump if equal / greater or equal / any bit set, return.
_LOAD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_GREATER_EQUAL = 0x35
_JUMP_ANY_BIT = 0x45
_RETURN = 0x06
# linux/seccomp.h
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000
_ALLOW = 0x7FFF0000
# struct seccomp_data: number, architecture, instruction pointer, six arguments of eight bytes.
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

_AUDIT_ARCH_X86_64 = 0xC000003E
# Numbers from here on are the x32 interface, which would offer every call a second time.
_X32_BIT = 0x40000000
# CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET} of linux/sched.h.
_NEW_NAMESPACES = 0x7E020000

# asm/unistd_64.h
_CLONE = 56
_CLONE3 = 435
_REFUSED = {
    "ptrace": 101,
    "syslog": 103,
    "pivot_root": 155,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "reboot": 169,
    "init_module": 175,
    "quotactl": 179,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "unshare": 272,
    "perf_event_open": 298,
    "open_by_handle_at": 304,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "finit_module": 313,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "mount_setattr": 442,
}


def pod_filter(machine: str | None = None) -> bytes:
    """Return the filter for pods on this machine (or on `machine`, as uname names it).

    Raises Unsupported for an architecture whose call numbers are not known here.
    """
    machine = machine or platform.machine()
    if machine != "x86_64":
        raise Unsupported(
            f"there is no system call filter for {machine}",
            hint="run the platform on x86_64",
        )
    return b"".join(_x86_64())


def _x86_64() -> list[bytes]:
    program = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_JUMP_EQUAL, _AUDIT_ARCH_X86_64, if_true=1),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD, _NUMBER),
        _instruction(_JUMP_GREATER_EQUAL, _X32_BIT, if_false=1),
        _refuse(errno.EPERM),
        _instruction(_JUMP_EQUAL, _CLONE3, if_false=1),
        _refuse(errno.ENOSYS),
    ]
    for number in sorted(_REFUSED.values()):
        program += [_instruction(_JUMP_EQUAL, number, if_false=1), _refuse(errno.EPERM)]
    return [
        *program,
        _instruction(_JUMP_EQUAL, _CLONE, if_false=3),
        _instruction(_LOAD, _FIRST_ARGUMENT),
        _instruction(_JUMP_ANY_BIT, _NEW_NAMESPACES, if_false=1),
        _refuse(errno.EPERM),
        _instruction(_RETURN, _ALLOW),
    ]


def _refuse(number: int) -> bytes:
    return _instruction(_RETURN, _ERRNO | number)


def _instruction(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
