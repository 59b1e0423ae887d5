"""Talking to a pod's shim over its control socket, from whichever event loop asks."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

from toolforge_common.errors import Unavailable
from toolforge_runtime.local import podfiles

_PAUSE = 0.01
_ANSWER_SIZE = 4096


async def ask(
    folder: Path, request: dict[str, object], within: float
) -> tuple[dict[str, object], socket.socket | None]:
    """Return the shim's answer, and the socket that came with it, if any.

    Raises OSError (TimeoutError is one) if there is no shim, or it does not answer within so many seconds.
    """
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
        channel.setblocking(False)
        async with asyncio.timeout(within):
            await _connect(channel, folder)
            channel.send(json.dumps(request).encode())
            readable = asyncio.Event()
            loop.add_reader(channel.fileno(), readable.set)
            try:
                await readable.wait()
            finally:
                loop.remove_reader(channel.fileno())
        data, descriptors, _, _ = socket.recv_fds(channel, _ANSWER_SIZE, 1, socket.MSG_CMSG_CLOEXEC)
    passed = socket.socket(fileno=descriptors[0]) if descriptors else None
    if not data:
        raise ConnectionResetError
    answer: dict[str, object] = json.loads(data)
    return answer, passed


async def connect(folder: Path, port: int, within: float) -> socket.socket:
    """Return a non-blocking socket connected to the port inside the pod. Raises Unavailable."""
    request: dict[str, object] = {"do": "connect", "port": port, "timeout": within}
    try:
        # The shim gives up first, and says why.
        answer, passed = await ask(folder, request, within + 1)
    except OSError as error:
        raise Unavailable("the pod is not running") from error
    if passed is None:
        raise Unavailable(f"the pod's port {port} does not answer: {answer.get('error')}")
    passed.setblocking(False)
    return passed


async def _connect(channel: socket.socket, folder: Path) -> None:
    while True:
        try:
            channel.connect(str(folder / podfiles.CONTROL))
        except BlockingIOError:
            # More callers at this moment than the shim's queue holds.
            await asyncio.sleep(_PAUSE)
        else:
            return
