"""The platform's side of the spawner: starts it, asks it for shims, starts another if it has died."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import toolforge_runtime
from toolforge_common.errors import Unavailable

# Forking takes a millisecond; a machine that cannot do it in this time is not well.
_TIMEOUT = 20.0


class Spawner:
    """A spawner process. It is started at once, and ends with this object or with this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process, self._channel = _launch()

    @property
    def pid(self) -> int:
        """The process id of the present spawner."""
        return self._process.pid

    def close(self) -> None:
        """End the spawner; shims go on."""
        with self._lock:
            self._end()

    def start(
        self, request: dict[str, object], arguments: Sequence[str], files: Sequence[bytes]
    ) -> str:
        """Have a shim forked for the pod; return "" if it was, `alive` or `ended` if it had begun before.

        `files` are the seccomp filter and the pod's data files. Raises Unavailable if it cannot be
        done now; then nothing runs.
        """
        if any("\0" in argument for argument in arguments):
            # It would end the argument, and what follows would be another one.
            raise Unavailable("the pod cannot be started: one of its texts has a zero byte")
        contents = [
            json.dumps(request).encode(),
            b"".join(os.fsencode(argument) + b"\0" for argument in arguments),
            *files,
        ]
        descriptors: list[int] = []
        try:
            # One by one into the list, so that a failure leaves none open.
            descriptors.extend(_memory_file(content) for content in contents)
            answer = self._ask(descriptors)
        except OSError as error:
            raise Unavailable(f"the pod cannot be started now: {error.strerror}") from error
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        if answer["ok"] or answer["error"] in {"alive", "ended"}:
            return str(answer.get("error", ""))
        raise Unavailable(f"the pod cannot be started now: {answer['error']}")

    def _ask(self, descriptors: list[int]) -> dict[str, object]:
        with self._lock:
            try:
                return _exchange(self._channel, descriptors)
            except OSError:
                # It has died, or hangs. A request it may have taken is repeated: the pod's lock sees to
                # it that only one shim starts.
                self._end()
                self._process, self._channel = _launch()
                for descriptor in descriptors:
                    os.lseek(descriptor, 0, os.SEEK_SET)
                return _exchange(self._channel, descriptors)

    def _end(self) -> None:
        self._channel.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _launch() -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(_TIMEOUT)
    package_parent = Path(toolforge_runtime.__file__).parent.parent
    with theirs:
        process = subprocess.Popen(
            # Without `site`: it imports what it pleases, and every shim would carry it.
            [
                sys.executable,
                "-S",
                "-s",
                "-m",
                "toolforge_runtime.local.spawner",
                str(theirs.fileno()),
            ],
            env={"PYTHONPATH": str(package_parent), "PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            cwd="/",
            # Ctrl-C in the platform's terminal is for the platform.
            start_new_session=True,
        )
    return process, ours


def _exchange(channel: socket.socket, descriptors: list[int]) -> dict[str, object]:
    socket.send_fds(channel, [b"start"], descriptors)
    data = channel.recv(65536)
    if not data:
        raise ConnectionResetError
    answer: dict[str, object] = json.loads(data)
    return answer


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("toolforge")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
