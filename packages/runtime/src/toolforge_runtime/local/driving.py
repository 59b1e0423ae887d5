"""The engine's thread: an event loop that turns the engine when something has happened or is due."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TypeVar

import structlog

from toolforge_common.errors import Unavailable
from toolforge_runtime.local.engine import Engine
from toolforge_runtime.local.isolation import Isolation
from toolforge_runtime.local.launching import Launcher
from toolforge_runtime.local.logfiles import LogFolders
from toolforge_runtime.local.pods import LocalPods
from toolforge_runtime.local.repository import Repository
from toolforge_runtime.local.state import StateFolder
from toolforge_runtime.local.watching import Watcher
from toolforge_runtime.ports import Tenancy

logger = structlog.get_logger(__name__)

_T = TypeVar("_T")

# The wall clock may jump, which a timer does not notice; so look at it now and then.
_LONGEST_SLEEP = 60.0
_AFTER_FAILURE = 1.0
_PRUNE_EVERY = 24 * 3600.0


class Driver:
    """Runs an engine over real pods from construction to `close`."""

    def __init__(
        self,
        state: StateFolder,
        tenancy: Tenancy,
        launcher: Launcher,
        isolation: Isolation,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.isolation = isolation
        self._tenancy = tenancy
        self._state = state
        self._logs = LogFolders(state.logs, clock)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._thread.start()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closing = False
        self._repository = Repository(state)
        self._pods = LocalPods(state, tenancy, launcher, isolation, self._logs, loop=self._loop)
        self.engine = Engine(self._repository, self._pods, self._wake, clock)
        try:
            self.watcher = self._on_loop(self._begin())
        except BaseException:
            self._end_thread()
            raise

    def pod_folder(self, pod_id: str) -> Path:
        """Return the folder of a pod."""
        return self._pods.folder(pod_id)

    def close(self) -> None:
        """Stop turning. Pods go on."""
        self._is_closing = True
        self._on_loop(self._end())
        self._end_thread()

    def _end_thread(self) -> None:
        self._is_closing = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._repository.close()

    def _on_loop(self, work: Coroutine[None, None, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _begin(self) -> Watcher:
        watcher = Watcher(self._loop)
        self._pods.report_to(self.engine, self._live_names)
        with self.engine.reading:
            known = [pod.id for pod in self.engine.live_pods()]
        self._pods.clear_away(known)
        self.engine.resume()
        self._prune()
        self._turn()
        return watcher

    async def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._pods.close()
        self.watcher.close()
        if self.isolation.limits is not None:
            for parent in self.isolation.limits.parents:
                # It stays while pods are in it.
                with contextlib.suppress(OSError):
                    parent.rmdir()

    def _live_names(self) -> list[str]:
        with self.engine.reading:
            return [pod.name for pod in self.engine.live_pods()]

    def _prune(self) -> None:
        self._logs.prune(self._tenancy.list(), self._live_names())
        self._prune_history()
        self._loop.call_later(_PRUNE_EVERY, self._prune)

    def _prune_history(self) -> None:
        try:
            more = self.engine.prune()
        except Unavailable as error:
            # It is tried again the next time.
            logger.warning("history_not_pruned", reason=error.message)
            return
        if more:
            self._loop.call_soon(self._prune_history)

    def _wake(self) -> None:
        if not self._is_closing:
            self._loop.call_soon_threadsafe(self._turn)

    def _turn(self) -> None:
        if self._is_closing:
            return
        if self._timer is not None:
            self._timer.cancel()
        try:
            delay = self.engine.turn()
        except Exception:
            # The engine works again as soon as what hinders it is gone, a full disk for instance.
            logger.exception("engine_hindered")
            delay = _AFTER_FAILURE
        sleep = _LONGEST_SLEEP if delay is None else min(delay, _LONGEST_SLEEP)
        self._timer = self._loop.call_later(sleep, self._turn)
