"""The runtime of this machine: an engine in a thread of its own, pods in bubblewrap, logs in files."""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
import shutil
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import structlog

from toolforge_common.errors import NotFound, Unavailable, Unsupported
from toolforge_common.names import ToolName
from toolforge_runtime.local import channel
from toolforge_runtime.local.driving import Driver
from toolforge_runtime.local.images import load_catalogue
from toolforge_runtime.local.isolation import find_isolation
from toolforge_runtime.local.launching import Launcher
from toolforge_runtime.local.logfiles import LogFolders
from toolforge_runtime.local.logs import WorkloadLog, follow
from toolforge_runtime.local.observing import observe
from toolforge_runtime.local.spawning import Spawner
from toolforge_runtime.local.state import StateFolder
from toolforge_runtime.local.states import Phase, State
from toolforge_runtime.ports import (
    HEARTBEAT,
    Container,
    ExecProbe,
    Image,
    LogLine,
    RunRecord,
    RuntimeDescription,
    Tenancy,
    Workload,
    WorkloadObservation,
)

logger = structlog.get_logger(__name__)

_CONNECT_TIMEOUT = 5.0


class LocalRuntime:
    """Implements `Runtime` between `start` and `stop`; before and after it is Unavailable.

    The spawner stays the caller's, who closes it after `stop`. `public_url` is the address of
    published workloads, with a place for the tool's name.
    """

    def __init__(
        self,
        state: StateFolder,
        tenancy: Tenancy,
        spawner: Spawner,
        clock: Callable[[], float] = time.time,
        *,
        public_url: str = "http://{tool}.localhost:30000",
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self._state = state
        self._tenancy = tenancy
        self._spawner = spawner
        self._clock = clock
        self._public_url = public_url
        self._heartbeat = heartbeat
        self._logs = LogFolders(state.logs, clock)
        self._driver: Driver | None = None

    def start(self) -> None:
        """Find out what this machine offers, take over the pods of a previous platform, begin to work.

        Raises Unavailable if pods cannot be run here.
        """
        launcher = Launcher(self._spawner)
        isolation = find_isolation(self._state, launcher)
        self._driver = Driver(self._state, self._tenancy, launcher, isolation, clock=self._clock)
        logger.info("runtime_started", isolation=isolation.name)

    def stop(self, *, keep_pods: bool = True, timeout: float = 60) -> None:
        """Stop working. Pods go on and are taken over by the next start, unless they are not to be kept.

        Continuous and scheduled workloads begin again at the next start in any case.
        """
        driver = self._driver
        if driver is None:
            return
        try:
            if not keep_pods and not driver.engine.shut_down(timeout):
                logger.warning("pods_still_running")
        finally:
            self._driver = None
            driver.close()

    # --- the port ---------------------------------------------------------------------------------

    def create(self, workload: Workload) -> None:
        """See `Runtime.create`."""
        engine = self._running().engine
        tool = self._tenancy.get(workload.tool)
        self._check_supported(workload)
        if self._logs.of_workload(tool, workload.name) is None:
            raise Unsupported(f"{workload.name!r} cannot be the name of a workload")
        engine.create(workload)

    def replace(self, workload: Workload) -> None:
        """See `Runtime.replace`."""
        engine = self._running().engine
        self._check_supported(workload)
        engine.replace(workload)

    def restart(self, tool: ToolName, name: str) -> None:
        """See `Runtime.restart`."""
        self._running().engine.restart(tool, name)

    def delete(self, tool: ToolName, name: str, timeout: float = 30) -> None:
        """See `Runtime.delete`."""
        self._running().engine.delete(tool, name, timeout)

    def get(self, tool: ToolName, name: str) -> WorkloadObservation:
        """See `Runtime.get`."""
        engine = self._running().engine
        with engine.reading:
            return self._observe(engine.get(tool, name))

    def list(self, tool: ToolName) -> Sequence[WorkloadObservation]:
        """See `Runtime.list`."""
        engine = self._running().engine
        with engine.reading:
            return [self._observe(state) for state in engine.states_of(tool)]

    def history(self, tool: ToolName, name: str, limit: int = 100) -> Sequence[RunRecord]:
        """See `Runtime.history`."""
        return self._running().engine.history(tool, name, limit)

    def images(self) -> Sequence[Image]:
        """See `Runtime.images`."""
        return self._catalogue

    def logs(self, tool: ToolName, name: str, *, last: int | None = None) -> Iterator[LogLine]:
        """See `Runtime.logs`."""
        try:
            folder = self._logs.of_workload(self._tenancy.get(tool), name)
        except NotFound:
            return iter(())
        if folder is None:
            return iter(())
        # A pod that writes all the time would give no end.
        end = time.time()
        lines = WorkloadLog(folder, last).so_far()
        return itertools.takewhile(lambda line: line.time.timestamp() <= end, lines)

    def follow(
        self, tool: ToolName, name: str, *, last: int | None = None, after: str | None = None
    ) -> AsyncIterator[LogLine | None]:
        """See `Runtime.follow`. Raises NotFound if there is no such tool."""
        owner = self._tenancy.get(tool)
        above = self._logs.of_tool(owner)
        above.mkdir(mode=0o700, exist_ok=True)
        # A name that no workload can have is a folder that never comes to be.
        folder = self._logs.of_workload(owner, name) or above / "_"
        log = WorkloadLog(folder, last, after)
        return follow(log, self._running().watcher, self._heartbeat)

    def describe(self) -> RuntimeDescription:
        """See `Runtime.describe`."""
        isolation = self._running().isolation
        return RuntimeDescription("local", isolation.name, isolation.notes)

    # --- besides the port -------------------------------------------------------------------------

    async def connect(self, tool: ToolName) -> socket.socket:
        """Return a non-blocking socket into a ready pod of the tool's published workload.

        Raises NotFound if the tool publishes nothing, Unavailable if no pod of it answers.
        """
        driver = self._running()
        with driver.engine.reading:
            published = [s for s in driver.engine.states_of(tool) if s.workload.published]
            targets = [target for state in published for target in _targets(state)]
        if not published:
            raise NotFound(f"the tool {tool} publishes nothing here")
        # Copies of a workload share the visitors; this is no secret.
        for pod_id, port in random.sample(targets, len(targets)):
            with contextlib.suppress(Unavailable):
                return await channel.connect(driver.pod_folder(pod_id), port, _CONNECT_TIMEOUT)
        raise Unavailable(f"the tool {tool} does not answer now", hint="try again in a moment")

    def forget_tool(self, name: ToolName, timeout: float = 30) -> None:
        """Delete all workloads and logs of a tool that is going to be deleted.

        Raises Unavailable if pods are still there after so many seconds each.
        """
        for workload in self.list(name):
            self.delete(name, workload.workload.name, timeout)
        shutil.rmtree(self._logs.of_tool(self._tenancy.get(name)), ignore_errors=True)

    # --- inside -----------------------------------------------------------------------------------

    @functools.cached_property
    def _catalogue(self) -> tuple[Image, ...]:
        return load_catalogue()

    def _running(self) -> Driver:
        if self._driver is None:
            raise Unavailable("the runtime is not running")
        return self._driver

    def _observe(self, state: State) -> WorkloadObservation:
        return observe(state, self._public_url, self._running().isolation.name)

    def _check_supported(self, workload: Workload) -> None:
        container = workload.container
        if not all(_is_plain(text) for text in _texts(container)):
            raise Unsupported("commands and variables cannot have zero bytes or broken characters")
        if container.image not in {image.name for image in self._catalogue}:
            raise Unsupported(f"this runtime has no image {container.image!r}")
        for probe in (container.startup_probe, container.liveness_probe):
            if probe is not None and isinstance(probe.action, ExecProbe):
                raise Unsupported(
                    "this runtime cannot check health by a command yet",
                    hint="check an address or a port instead",
                )


def _texts(container: Container) -> Iterator[str]:
    yield from container.command
    yield from container.env
    yield from container.env.values()
    yield str(container.working_dir)


def _is_plain(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _targets(state: State) -> Iterator[tuple[str, int]]:
    for pod in state.pods:
        if pod.ready and pod.phase is Phase.RUNNING:
            # A pod that has yet to be replaced answers where it did before.
            for port in state.workload_of(pod).container.ports[:1]:
                yield pod.id, port.number
