"""One process out of the parts: adapters, services, gateway, and the servers in front of them.

This is the one place that knows every part. Another service is another line in `_backends`. Parts are
entered in the order in which they depend on one another and left in the opposite one.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import errno
import gc
import json
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, TextIO, cast

import structlog
import uvloop

from toolforge_common.errors import Conflict, InvalidRequest, Unavailable
from toolforge_common.identity import IdentitySigner, IdentityVerifier
from toolforge_common.logging import configure_logging
from toolforge_common.names import ToolName
from toolforge_common.settings import SettingsError
from toolforge_dev import __version__
from toolforge_dev.admin import AdminApp
from toolforge_dev.control import PlatformControl
from toolforge_dev.log_stream import LogStream
from toolforge_dev.pki import Pki, open_pki
from toolforge_dev.readiness import Readiness
from toolforge_dev.settings import Places, Settings
from toolforge_gateway.certificates import CertificateReader
from toolforge_gateway.front import Backend, Gateway
from toolforge_gateway.openapi import Server
from toolforge_gateway.policy import Policy, Route
from toolforge_gateway.request_log import log_request
from toolforge_gateway.server import EmbeddedServer, edge_config, listen
from toolforge_gateway.tls import server_context
from toolforge_jobs_api.app import AUDIENCE as JOBS
from toolforge_jobs_api.app import create_app as create_jobs_app
from toolforge_jobs_api.app import openapi_document as jobs_document
from toolforge_jobs_api.settings import Settings as JobsSettings
from toolforge_runtime.local.pki import write_private
from toolforge_runtime.local.routes import serve_routes
from toolforge_runtime.local.runtime import LocalRuntime
from toolforge_runtime.local.spawning import Spawner
from toolforge_runtime.local.state import StateFolder
from toolforge_runtime.local.store import LocalStore
from toolforge_runtime.local.tenancy import LocalTenancy
from toolforge_runtime.ports import Ports

logger = structlog.get_logger(__name__)

HOST = "127.0.0.1"
# Pods get 15 seconds to end by themselves, unless they ask for more.
_PODS_TIMEOUT = 45.0
_OPEN_FILES = 8192
# How often certificates are looked at, in seconds. They are renewed a month before they end.
_RENEWAL = 86400.0


def run(settings: Settings, state: StateFolder, spawner: Spawner, readiness: Readiness) -> None:
    """Run the platform until it is told to stop. Raises errors of ours if it cannot start."""
    with LogStream(Places(state.root).log) as log:
        # All that is written to is what a log handler needs.
        configure_logging(cast(TextIO, log))
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_run(settings, state, spawner, readiness))
        finally:
            configure_logging()  # for last words, once the log is closed


async def _run(
    settings: Settings, state: StateFolder, spawner: Spawner, readiness: Readiness
) -> None:
    async with contextlib.AsyncExitStack() as parts:
        _allow_open_files()
        stopping = Stopping()
        stopping.listen_to_signals()
        description = await _enter(parts, settings, state, spawner, stopping)
        file = Places(state.root).description
        write_private(file, json.dumps(description).encode())
        parts.callback(file.unlink, missing_ok=True)
        # What is there now stays; the collector need not look at it again.
        gc.collect()
        gc.freeze()
        logger.info("platform_ready", **description)
        readiness.ready(description)
        await stopping.wait()
        logger.info("platform_stopping", keep_pods=stopping.keep_pods)


def _allow_open_files() -> None:
    """Let this process open many files: each followed log is a connection and a file, and there are 512."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))


class Stopping:
    """The wish that the platform stops, from a signal or an order."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.keep_pods = False

    def listen_to_signals(self) -> None:
        """Take SIGTERM and SIGINT for the wish; a terminal that goes away is none."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._event.set)
        # Not ignored, because what we start would ignore it, too.
        self._loop.add_signal_handler(signal.SIGHUP, logger.info, "terminal_gone")

    def ask(self, keep_pods: bool) -> None:  # noqa: FBT001  a callback
        """Ask for it, from any thread. The first wish stands."""
        self._loop.call_soon_threadsafe(self._take, keep_pods)

    def is_wished(self) -> bool:
        """Say whether anybody asked for it."""
        return self._event.is_set()

    def _take(self, keep_pods: bool) -> None:  # noqa: FBT001  a callback
        if not self._event.is_set():
            self.keep_pods = keep_pods
            self._event.set()

    async def wait(self) -> None:
        """Wait for the wish."""
        await self._event.wait()


async def _enter(
    parts: contextlib.AsyncExitStack,
    settings: Settings,
    state: StateFolder,
    spawner: Spawner,
    stopping: Stopping,
) -> dict[str, Any]:
    """Start every part; return what the platform says about itself."""
    pki = open_pki(state)
    listener = parts.enter_context(_listen(settings.port))
    routes = Routes()
    routes_port = await routes.serve(parts, settings.routes_port)
    gateway_url = f"https://{HOST}:{listener.getsockname()[1]}"

    tenancy = LocalTenancy(state, pki.tools, gateway_url, pki.gateway_authority)
    parts.callback(tenancy.close)
    await parts.enter_async_context(repeated(tenancy.renew_certificates, _RENEWAL))
    store = LocalStore(state)
    parts.callback(store.close)
    public_url = f"http://{{tool}}.localhost:{routes_port}"
    # Filled last and emptied only when pods have ended: the platform says to the end that it is there.
    orders = await parts.enter_async_context(contextlib.AsyncExitStack())
    runtime = LocalRuntime(state, tenancy, spawner, public_url=public_url)
    await asyncio.to_thread(runtime.start)
    parts.push_async_callback(_stop_runtime, runtime, stopping)
    routes.runtime = runtime
    # Nothing new comes to pods that are about to end.
    parts.callback(routes.close)
    ports = Ports(runtime, store, tenancy)

    gateway = _gateway(ports, pki, gateway_url)
    await gateway.start()
    parts.push_async_callback(gateway.stop)
    tls = server_context(pki.certificate, pki.key, pki.tools_certificate)
    config = edge_config(gateway, log_request, tls)
    await parts.enter_async_context(EmbeddedServer(config, listener))

    description = {
        "pid": os.getpid(),
        "version": __version__,
        "gateway_url": gateway_url,
        "routes_url": f"http://{HOST}:{routes_port}",
        "publish_url_template": f"http://{{tool_name}}.localhost:{routes_port}",
        "started_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "state": str(state.root),
    }
    control = PlatformControl(
        ports, [runtime, store], description, stopping.ask, stopping.is_wished
    )
    admin = orders.enter_context(_listen_unix(state))
    orders.callback(Places(state.root).admin_socket.unlink, missing_ok=True)
    config = edge_config(AdminApp(control), log_request, tls=None)
    await orders.enter_async_context(EmbeddedServer(config, admin))
    return description


@contextlib.asynccontextmanager
async def repeated(work: Callable[[], None], interval: float) -> AsyncIterator[None]:
    """Do the work in a thread again and again, `interval` seconds after it was done, until left.

    Leaving waits for work under way.
    """
    left = asyncio.Event()
    task = asyncio.create_task(_repeat(work, interval, left))
    try:
        yield
    finally:
        left.set()
        await task


async def _repeat(work: Callable[[], None], interval: float, left: asyncio.Event) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(interval):
                await left.wait()
            return
        try:
            await asyncio.to_thread(work)
        except Exception:
            # The platform goes on, and so does the work next time.
            logger.exception("repeated_work_failed")


async def _stop_runtime(runtime: LocalRuntime, stopping: Stopping) -> None:
    # The wish is known only when this is called.
    await asyncio.to_thread(runtime.stop, keep_pods=stopping.keep_pods, timeout=_PODS_TIMEOUT)


class Routes:
    """The web front of published jobs. It is bound before the runtime, which wants to know its port."""

    def __init__(self) -> None:
        self.runtime: LocalRuntime | None = None
        self._server: asyncio.Server | None = None

    async def serve(self, parts: contextlib.AsyncExitStack, port: int) -> int:
        """Start answering; return the port. Raises Conflict if it is taken."""
        try:
            server = await serve_routes(self._connect, HOST, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise _taken(port, "--routes-port") from error
        self._server = server
        parts.callback(self.close)
        found: int = server.sockets[0].getsockname()[1]
        return found

    def close(self) -> None:
        """Take no new connections. Calling it again does nothing."""
        if self._server is not None:
            self._server.close()

    async def _connect(self, tool: ToolName) -> socket.socket:
        if self.runtime is None:
            raise Unavailable("the platform is starting", hint="try again in a moment")
        return await self.runtime.connect(tool)


def _gateway(ports: Ports, pki: Pki, gateway_url: str) -> Gateway:
    signer = IdentitySigner.generate()
    backends = _backends(ports, signer)
    policy = Policy(
        [backend.route for backend in backends],
        CertificateReader(pki.tools.certificate),
        ports.tenancy.get,
        lambda: datetime.datetime.now(datetime.UTC),
    )
    servers = [Server(gateway_url, "this platform")]
    return Gateway(policy, signer, backends, log_request, servers=servers)


def _backends(ports: Ports, signer: IdentitySigner) -> list[Backend]:
    try:
        settings = JobsSettings.read(os.environ)
    except SettingsError as error:
        raise InvalidRequest(str(error)) from error
    app = create_jobs_app(settings, ports, IdentityVerifier(signer.public_keys, JOBS))
    return [Backend(Route(JOBS), app, jobs_document())]


def _listen(port: int) -> socket.socket:
    try:
        return listen(HOST, port)
    except Conflict as error:
        raise _taken(port, "--port") from error


def _listen_unix(state: StateFolder) -> socket.socket:
    path = Places(state.root).admin_socket
    # Left behind by a platform that was killed; the lock on the folder says that it is gone.
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(os.fsencode(path))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _taken(port: int, option: str) -> Conflict:
    return Conflict(
        f"port {port} on {HOST} is taken by another program",
        hint=f"stop that one, or choose another port: toolforge dev up {option} NUMBER",
    )
