"""The files in a pod's folder: what the shim and the platform tell each other by them.

::

    spec.json   what the pod is for; written by the platform before it asks for a start
    lock        held by the shim as long as it lives: whether a pod is alive is asked here, never by a pid
    ctl         the shim's control socket (SEQPACKET, one JSON object per packet)
    exit.json   how the pod ended; written by whoever holds the lock, once

These files are an interface between versions: a new platform adopts the pods of the previous one.
Only the standard library's light modules are imported here, because every shim carries them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os

LOCK = "lock"
CONTROL = "ctl"
EXIT = "exit.json"
SPEC = "spec.json"
SHIM_ERRORS = "shim.err"

_PREPARED = "exit.json.new"
_PREPARED_SIZE = 4096


def take_lock(folder: str) -> int | None:
    """Return a descriptor that holds the pod's lock, None if somebody else holds it.

    Raises OSError if there is no such folder.
    """
    descriptor = os.open(f"{folder}/{LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def was_begun(folder: str) -> bool:
    """Say whether anybody ever took the pod's lock."""
    return os.path.exists(f"{folder}/{LOCK}")


def prepare_exit(folder: str) -> None:
    """Reserve the room that the exit record needs, so that a disk that fills up later cannot lose it."""
    descriptor = os.open(f"{folder}/{_PREPARED}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # A file system without this call has to do without the reserve.
        with contextlib.suppress(OSError):
            os.posix_fallocate(descriptor, 0, _PREPARED_SIZE)
    finally:
        os.close(descriptor)


def write_exit(folder: str, record: dict[str, object]) -> None:
    """Write the exit record, whole or not at all. The caller holds the lock."""
    content = json.dumps(record).encode()
    path = f"{folder}/{_PREPARED}"
    # Without O_TRUNC: the reserved room must not be given back before it is used.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(descriptor, content, 0)
        os.ftruncate(descriptor, len(content))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(path, f"{folder}/{EXIT}")


def read_exit(folder: str) -> dict[str, object] | None:
    """Return the exit record, None if there is none."""
    try:
        with open(f"{folder}/{EXIT}", "rb") as file:
            record: dict[str, object] = json.load(file)
    except FileNotFoundError:
        return None
    return record
