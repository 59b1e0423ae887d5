"""Probing a pod: does its port accept a connection, does its address answer?"""

from __future__ import annotations

import asyncio
from pathlib import Path

from toolforge_common.errors import Unavailable
from toolforge_runtime.local.channel import connect
from toolforge_runtime.ports import HttpProbe, ProbeAction, TcpProbe

_STATUS_LINE = 4096


async def complaint_of(folder: Path, action: ProbeAction, within: float) -> str:
    """Probe once; return what is wrong, or "" if nothing is."""
    try:
        async with asyncio.timeout(within):
            if isinstance(action, TcpProbe):
                (await connect(folder, action.port, within)).close()
                return ""
            if isinstance(action, HttpProbe):
                return await _ask_http(folder, action, within)
    except TimeoutError:
        return f"no answer within {within:g} seconds"
    except Unavailable as error:
        return error.message
    except OSError as error:
        return f"the connection broke: {error.strerror}"
    return "this runtime cannot run commands in a pod"


async def _ask_http(folder: Path, action: HttpProbe, within: float) -> str:
    inside = await connect(folder, action.port, within)
    reader, writer = await asyncio.open_connection(sock=inside, limit=_STATUS_LINE)
    try:
        writer.write(
            f"GET {action.path} HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{action.port}\r\n"
            "User-Agent: toolforge-probe\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        line = await reader.readline()
    except ValueError:
        return "the answer is not HTTP"
    finally:
        writer.close()
    words = line.split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():  # noqa: PLR2004  version and status
        return "the answer is not HTTP"
    status = int(words[1])
    return "" if 200 <= status < 400 else f"{action.path} answered with status {status}"  # noqa: PLR2004  as Kubernetes
