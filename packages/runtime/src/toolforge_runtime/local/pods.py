"""The pods of this machine, for the engine: starting, watching, stopping, probing and adopting them.

A pod's shim is watched by a connection to its control socket: it tells when the container runs, and
the connection breaks when the shim ends, however it ends. So nobody looks at clocks or process ids.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import os
import shutil
import socket
from collections.abc import Callable, Collection, Coroutine
from pathlib import Path
from typing import Protocol

import structlog

from toolforge_common.errors import NotFound, Unavailable
from toolforge_runtime.local import podfiles, podprocess
from toolforge_runtime.local.channel import ask
from toolforge_runtime.local.isolation import Isolation
from toolforge_runtime.local.launching import Launcher, remove_group
from toolforge_runtime.local.logfiles import LogFolders
from toolforge_runtime.local.probing import complaint_of
from toolforge_runtime.local.sandbox import Confined
from toolforge_runtime.local.state import StateFolder
from toolforge_runtime.local.states import Phase, Pod, Why
from toolforge_runtime.ports import ProbeAction, Tenancy, Termination, Workload

logger = structlog.get_logger(__name__)

_ASK_TIMEOUT = 10.0
_ASK_AGAIN = 1.0
# A shim that is just ending has let go of its socket, but not yet of its lock.
_LOOK_AGAIN = 0.05
_LOST = "nobody saw how it ended: its keeper was killed, or the machine went down"


class PodEvents(Protocol):
    """Who is told what happens to pods."""

    def pod_started(self, pod_id: str, at: datetime.datetime) -> None:
        """The container runs."""

    def pod_ended(self, pod_id: str, ending: Termination, stop: str = "") -> None:
        """The container has ended; `stop` is the reason it was told to, if it was."""

    def pod_probed(self, pod_id: str, complaint: str) -> None:
        """A probe has its result; an empty complaint is a success."""


class LocalPods:
    """Implements `PodRunner`; to be used on the loop's thread only."""

    def __init__(
        self,
        state: StateFolder,
        tenancy: Tenancy,
        launcher: Launcher,
        isolation: Isolation,
        logs: LogFolders,
        *,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._state = state
        self._tenancy = tenancy
        self._launcher = launcher
        self._isolation = isolation
        self._logs = logs
        self._loop = loop
        self._events: PodEvents
        self._live_names: Callable[[], Collection[str]] = tuple
        self._watches: dict[str, socket.socket] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def report_to(self, events: PodEvents, live_names: Callable[[], Collection[str]]) -> None:
        """Say who is told what happens, and who knows the names of pods whose logs must stay."""
        self._events = events
        self._live_names = live_names

    def folder(self, pod_id: str) -> Path:
        """Return the pod's folder."""
        return self._state.pods / pod_id

    # --- PodRunner --------------------------------------------------------------------------------

    def start(self, workload: Workload, pod: Pod) -> None:
        """See `PodRunner.start`."""
        folder = self.folder(pod.id)
        try:
            tool = self._tenancy.get(workload.tool)
            folder.mkdir(mode=0o700, exist_ok=True)
            log = self._logs.make(tool, workload.name, pod.name)
            self._logs.prune_workload(log.parent, {pod.name, *self._live_names()})
            _write_spec(folder, workload, pod, log)
        except NotFound as error:
            raise Unavailable(error.message) from error
        except OSError as error:
            raise Unavailable(f"the pod's folder cannot be made: {error.strerror}") from error
        confined = Confined(workload.tool, tool.uid, tool.home, pod.name, workload.container)
        self._launcher.launch(
            folder,
            log,
            confined,
            self._isolation.mode,
            self._isolation.limits,
            grace=workload.termination_grace_period,
        )
        self._watch(pod.id)

    def stop(self, pod: Pod, grace: float) -> None:
        """See `PodRunner.stop`."""
        self._spawn(self._stop(pod.id, {"do": "stop", "grace": grace, "reason": pod.stopping}))

    def probe(self, pod: Pod, action: ProbeAction, timeout: float) -> None:
        """See `PodRunner.probe`."""
        self._spawn(self._probe(pod.id, action, timeout))

    def adopt(self, pod: Pod) -> bool:
        """See `PodRunner.adopt`."""
        if pod.phase is Phase.STARTING and not podfiles.was_begun(str(self.folder(pod.id))):
            return False
        self._watch(pod.id)
        return True

    def forget(self, pod_id: str) -> None:
        """See `PodRunner.forget`."""
        self._unwatch(pod_id)
        shutil.rmtree(self.folder(pod_id), ignore_errors=True)
        remove_group(pod_id, self._isolation.limits)

    # --- besides ----------------------------------------------------------------------------------

    def clear_away(self, known: Collection[str]) -> None:
        """Remove the folders of pods that nobody knows, and end those among them that live."""
        for folder in self._state.pods.iterdir():
            if folder.name in known:
                continue
            lock = podfiles.take_lock(str(folder))
            if lock is None:
                logger.warning("unknown_pod_stopped", pod_id=folder.name)
                self._spawn(
                    self._stop(folder.name, {"do": "stop", "grace": 0, "reason": Why.DELETED})
                )
            else:
                podprocess.kill_leftovers(str(folder))
                self.forget(folder.name)
                os.close(lock)

    async def close(self) -> None:
        """Watch nothing any more; pods go on."""
        for pod_id in list(self._watches):
            self._unwatch(pod_id)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- inside -----------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        # The loop itself keeps no hold of its tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _stop(self, pod_id: str, request: dict[str, object]) -> None:
        while True:
            try:
                await ask(self.folder(pod_id), request, _ASK_TIMEOUT)
            except (ConnectionError, FileNotFoundError):
                return  # It has ended meanwhile, which its watch tells.
            except OSError as error:
                logger.warning("pod_not_told_to_stop", pod_id=pod_id, reason=str(error))
                await asyncio.sleep(_ASK_AGAIN)
            else:
                return

    async def _probe(self, pod_id: str, action: ProbeAction, within: float) -> None:
        self._events.pod_probed(pod_id, await complaint_of(self.folder(pod_id), action, within))

    def _watch(self, pod_id: str) -> None:
        self._unwatch(pod_id)
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        channel.setblocking(False)
        try:
            channel.connect(str(self.folder(pod_id) / podfiles.CONTROL))
            channel.send(b'{"do": "watch"}')
        except BlockingIOError:
            channel.close()
            self._loop.call_later(_LOOK_AGAIN, self._watch, pod_id)
        except OSError:
            channel.close()
            self._settle(pod_id)
        else:
            self._watches[pod_id] = channel
            self._loop.add_reader(channel.fileno(), self._heard, pod_id)

    def _unwatch(self, pod_id: str) -> None:
        channel = self._watches.pop(pod_id, None)
        if channel is not None:
            self._loop.remove_reader(channel.fileno())
            channel.close()

    def _heard(self, pod_id: str) -> None:
        try:
            data = self._watches[pod_id].recv(4096)
        except ConnectionError:
            data = b""
        if data:
            self._events.pod_started(pod_id, _time(json.loads(data)["at"]))
        else:
            self._unwatch(pod_id)
            self._settle(pod_id)

    def _settle(self, pod_id: str) -> None:
        """Find out how a pod ended whose shim does not answer."""
        folder = str(self.folder(pod_id))
        record = podfiles.read_exit(folder)
        if record is None:
            try:
                lock = podfiles.take_lock(folder)
            except FileNotFoundError:
                self._report(pod_id, _lost())
                return
            if lock is None:
                self._loop.call_later(_LOOK_AGAIN, self._watch, pod_id)
                return
            record = _end_without_shim(folder, lock)
        self._report(pod_id, record)

    def _report(self, pod_id: str, record: dict[str, object]) -> None:
        started = record["started_at"]
        ending = Termination(
            exit_code=int(str(record["code"])),
            reason=str(record["reason"]),
            finished_at=_time(record["finished_at"]),
            started_at=None if started is None else _time(started),
            message=str(record["message"]),
        )
        self._events.pod_ended(pod_id, ending, str(record["stop"]))


def _end_without_shim(folder: str, lock: int) -> dict[str, object]:
    """Return how the pod ended, now that its lock is ours; see to it that no shim can begin it any more."""
    try:
        record = podfiles.read_exit(folder)
        if record is None:
            podprocess.kill_leftovers(folder)
            logger.error("pod_lost", folder=folder, shim_errors=_shim_errors(folder))
            record = _lost()
            # Without room for the record the folder still goes away, only a moment later.
            with contextlib.suppress(OSError):
                podfiles.write_exit(folder, record)
        return record
    finally:
        os.close(lock)


def _shim_errors(folder: str) -> str:
    with contextlib.suppress(FileNotFoundError):
        return Path(folder, podfiles.SHIM_ERRORS).read_text()
    return ""


def _lost() -> dict[str, object]:
    return {
        "code": 137,
        "reason": "Lost",
        "stop": "",
        "message": _LOST,
        "started_at": None,
        "finished_at": datetime.datetime.now(datetime.UTC).timestamp(),
    }


def _time(seconds: object) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(float(str(seconds)), datetime.UTC)


def _write_spec(folder: Path, workload: Workload, pod: Pod, log: Path) -> None:
    """Write what the pod is for, for people who find the folder; no variables, which may be confidential."""
    spec = {
        "version": 1,
        "tool": workload.tool,
        "workload": workload.name,
        "pod": pod.name,
        "image": workload.container.image,
        "log": str(log),
    }
    temporary = folder / f".{podfiles.SPEC}.new"
    temporary.write_text(json.dumps(spec))
    temporary.replace(folder / podfiles.SPEC)
