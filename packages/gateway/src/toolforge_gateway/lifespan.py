"""Starts and stops mounted apps, each by the ASGI lifespan protocol, for a front that is one app itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from toolforge_gateway.asgi import App, Message


class StartupFailed(Exception):
    """An app said that it cannot start; the text is its reason."""


class MountedLifespan:
    """One app's life: started once, then stopped once.

    An app that returns without an answer has no lifespan and just serves. One that raises is broken:
    the protocol would have it served all the same, but ours all know their lifespan.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.state: dict[str, Any] = {}

    async def start(self) -> None:
        """Start the app and wait until it serves. Raises StartupFailed if it says that it cannot."""
        self._task = asyncio.create_task(self._run())
        answer = await self._ask("lifespan.startup")
        if answer is None:
            await self._task
        elif answer["type"] == "lifespan.startup.failed":
            raise StartupFailed(answer.get("message") or "an app could not start")

    async def stop(self) -> None:
        """Stop the app and wait for its end. Nothing happens if it never started or ended already."""
        if self._task is None:
            return
        if not self._task.done():
            await self._ask("lifespan.shutdown")
        await self._task

    async def _ask(self, what: str) -> Message | None:
        """Send a message and return the answer, None if the app ended without one."""
        self._inbox.put_nowait({"type": what})
        return await self._outbox.get()

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self._app(scope, self._inbox.get, self._outbox.put)
        finally:
            self._outbox.put_nowait(None)


async def start_all(lifespans: Sequence[MountedLifespan]) -> None:
    """Start them in order; stop those that started if one cannot. Raises what that one raised."""
    started: list[MountedLifespan] = []
    try:
        for lifespan in lifespans:
            await lifespan.start()
            started.append(lifespan)
    except BaseException:
        await stop_all(started)
        raise


async def stop_all(lifespans: Sequence[MountedLifespan]) -> None:
    """Stop all of them, the last started first."""
    for lifespan in reversed(lifespans):
        await lifespan.stop()
