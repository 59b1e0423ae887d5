import errno
import struct

import pytest

from toolforge_common.errors import Unsupported
from toolforge_runtime.local.seccomp import pod_filter

X86_64 = 0xC000003E
KILL, EPERM, ENOSYS, ALLOW = (
    0x80000000,
    0x00050000 | errno.EPERM,
    0x00050000 | errno.ENOSYS,
    0x7FFF0000,
)


def answer(number, *, architecture=X86_64, first_argument=0):
    """Run the filter as the kernel does, for the four instructions that it uses."""
    data = struct.pack("=IIQQQQQQQ", number, architecture, 0, first_argument, 0, 0, 0, 0, 0)
    program = list(struct.iter_unpack("=HBBI", pod_filter("x86_64")))
    position = accumulator = 0
    while True:
        code, if_true, if_false, value = program[position]
        position += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x06:
            return value
        else:
            holds = {
                0x15: accumulator == value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[code]
            position += if_true if holds else if_false


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, ALLOW),  # read
        (59, ALLOW),  # execve
        (231, ALLOW),  # exit_group
        (101, EPERM),  # ptrace
        (165, EPERM),  # mount
        (272, EPERM),  # unshare
        (308, EPERM),  # setns
        (321, EPERM),  # bpf
        (425, EPERM),  # io_uring_setup
        (435, ENOSYS),  # clone3: the C library then tries clone
        (0x40000000 | 39, EPERM),  # getpid by the x32 interface
    ],
)
def test_calls_are_answered(number, expected):
    assert answer(number) == expected


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (17, ALLOW),  # fork: SIGCHLD only
        (0x003D0F00, ALLOW),  # a thread
        (0x10000000, EPERM),  # a user namespace
        (0x00020000 | 17, EPERM),  # a mount namespace
    ],
)
def test_clone_may_not_make_namespaces(flags, expected):
    assert answer(56, first_argument=flags) == expected


def test_another_architecture_is_killed():
    assert answer(0, architecture=0x40000003) == KILL


def test_an_unknown_machine_is_refused():
    with pytest.raises(Unsupported, match="riscv64"):
        pod_filter("riscv64")
