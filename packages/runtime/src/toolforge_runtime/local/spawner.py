"""The spawner: a small process that forks a shim for each pod, so that the large platform need not.

It is started as `python -m toolforge_runtime.local.spawner FD` and talks over the socket it inherits
(SEQPACKET). A request is one packet with descriptors: the first is a file that holds the request as
JSON (`folder`, `log`, `argv`, `groups`, `grace`, `owner`), the others are what bubblewrap is to be given. The
answer is `{"ok": true}` once the shim holds the pod's lock and its control socket listens, or
`{"ok": false, "error": word or text}`: `alive` and `ended` say that this pod was begun before.

It ends when the other end of its socket closes. The shims do not.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import traceback

from toolforge_runtime.local import podfiles
from toolforge_runtime.local.shim import Shim

_MAX_DESCRIPTORS = 64


def serve(channel: socket.socket) -> None:
    """Answer requests until the other end closes."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(channel, 16, _MAX_DESCRIPTORS)
        if not data:
            return
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        try:
            answer = _start(channel, descriptors)
        except OSError as error:
            answer = {"ok": False, "error": f"{error.strerror}: {error.filename or 'fork'}"}
        for descriptor in descriptors:
            os.close(descriptor)
        channel.send(json.dumps(answer).encode())


def _start(channel: socket.socket, descriptors: list[int]) -> dict[str, object]:
    with open(os.dup(descriptors[0]), "rb") as file:
        request = json.load(file)
    folder = request["folder"]
    lock = podfiles.take_lock(folder)
    if lock is None:
        return {"ok": False, "error": "alive"}
    try:
        if podfiles.read_exit(folder) is not None:
            return {"ok": False, "error": "ended"}
        with _listen(folder) as listener:
            if os.fork() == 0:
                _become_shim(request, lock, listener, channel, descriptors)
    finally:
        # The shim has the lock by its own copy of the descriptor.
        os.close(lock)
    return {"ok": True}


def _listen(folder: str) -> socket.socket:
    path = f"{folder}/{podfiles.CONTROL}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        listener.bind(path)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _become_shim(
    request: dict[str, object],
    lock: int,
    listener: socket.socket,
    channel: socket.socket,
    descriptors: list[int],
) -> None:
    code = 1
    try:
        channel.close()
        os.setsid()
        # Files that pods make are theirs; ours say their modes.
        os.umask(0o022)
        _rename()
        # The platform's terminal or log is not a shim's business, and may go away before it.
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.close(null)
        os.close(descriptors[0])
        Shim(request, lock, listener, descriptors[1:]).run()
        code = 0
    except BaseException:  # noqa: BLE001  the last chance to leave a trace; the pod becomes Lost
        with open(f"{request['folder']}/{podfiles.SHIM_ERRORS}", "a") as file:
            traceback.print_exc(file=file)
    finally:
        os._exit(code)


def _rename() -> None:
    # For people who look at the process table; nothing depends on it.
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as file:
        file.write("toolforge-shim")


def main() -> None:
    """Serve on the descriptor named by the only argument."""
    # Shims that end are not waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # What is there now is shared by all shims, if the collector does not touch it.
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        serve(channel)


if __name__ == "__main__":
    main()
