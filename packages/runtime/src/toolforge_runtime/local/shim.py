"""The keeper of one pod: bubblewrap's parent, which outlives the platform.

A shim is forked from the spawner and is single-threaded. It holds the pod's lock, writes the log,
ends the pod when asked, gives connections into it, and at last writes `exit.json`. bubblewrap runs
with `--die-with-parent`, so a shim that is killed takes its pod along, and nobody is left unkept.

Requests on the control socket are one JSON object per packet:

- `{"do": "watch"}`: answered by `{"event": "started", "at": …}` once the pod runs; the connection
  then stays open until the shim ends.
- `{"do": "stop", "grace": seconds, "reason": word}`: SIGTERM to the pod's processes, later SIGKILL.
- `{"do": "connect", "port": number, "timeout": seconds}`: answered with a socket that is connected
  to that port of the pod's loopback, or with `{"ok": false, "error": text}`.

Only light modules are imported here: their memory is multiplied by the number of pods.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable

from toolforge_runtime.local import kernel, podfiles, podprocess
from toolforge_runtime.local.crilog import LogWriter

# Where bubblewrap finds what it is given; the pod's own data files come after these.
STATUS_FD, ARGS_FD, SECCOMP_FD, FIRST_FILE_FD = 3, 4, 5, 6

_CHUNK = 65536
# Everybody who could write to the pipes is dead when bubblewrap has ended; this is for surprises.
_DRAIN = 5.0
_MAX_CONNECTING = 64
_EXIT_ATTEMPTS = 600
_SIGNAL_OFFSET = 128
# More than a shim ever has.
_MAX_DESCRIPTOR = 4096


class Shim:
    """Keeps one pod. `request` is what the spawner got, `files` what bubblewrap is to be given."""

    def __init__(
        self, request: dict[str, object], lock: int, listener: socket.socket, files: list[int]
    ) -> None:
        self._request = request
        self._folder = str(request["folder"])
        self._lock = lock
        self._listener = listener
        self._files = files
        self._grace = float(str(request["grace"]))
        self._groups = [str(group) for group in _list(request["groups"])]
        self._log = LogWriter(str(request["log"]))
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._pid = 0
        self._status: int | None = None
        self._inner = 0
        self._network = -1
        self._set_up = False
        self._is_empty = False
        self._is_wanted = True
        self._started_at = 0.0
        self._finished_at = 0.0
        self._pipes: set[int] = set()
        self._watchers: list[socket.socket] = []
        self._connecting: set[int] = set()
        self._stop_reason = ""
        self._kill_at: float | None = None
        self._complaint = b""
        self._status_rest = b""

    def run(self) -> None:
        """Run the pod to its end."""
        podfiles.prepare_exit(self._folder)
        self._catch_signals()
        # bubblewrap ends before the last of its pod does.
        kernel.adopt_orphans()
        self._serve(self._listener.fileno(), self._accept)
        self._start()
        while self._status is None:
            self._turn(None if self._kill_at is None else max(self._kill_at - time.monotonic(), 0))
        self._finished_at = time.time()
        for pid in podprocess.descendants(os.getpid()):
            # bubblewrap may have ended before its inner process learnt to die with it.
            _send(pid, signal.SIGKILL)
        drained_by = time.monotonic() + _DRAIN
        self._reap()
        while (self._pipes or not self._is_empty) and time.monotonic() < drained_by:
            self._turn(_DRAIN)
        self._log.finish()
        record = self._exit_record()
        podprocess.remove_groups(self._groups)
        if self._is_wanted:
            self._write_exit(record)

    # --- starting ---------------------------------------------------------------------------------

    def _start(self) -> None:
        out, out_end = os.pipe()
        errors, errors_end = os.pipe()
        status, status_end = os.pipe()
        if (owner := self._request.get("owner")) is not None:
            # A program that opens /dev/stdout by name must be allowed to.
            os.fchown(out_end, int(str(owner)), -1)
            os.fchown(errors_end, int(str(owner)), -1)
        given = [out_end, errors_end, status_end, *self._files]
        program, *words = [str(word) for word in _list(self._request["argv"])]
        # The name tells people, and `podprocess.kill_leftovers`, whose it is.
        words.insert(0, podprocess.name_of(self._folder))
        self._pid = podprocess.launch(program, words, given, self._groups)
        for descriptor in given:
            os.close(descriptor)
        self._read("stdout", out)
        self._read("stderr", errors)
        self._read("status", status)

    def _read(self, stream: str, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._pipes.add(descriptor)
        self._serve(descriptor, lambda: self._readable(stream, descriptor))

    def _readable(self, stream: str, descriptor: int) -> None:
        data = os.read(descriptor, _CHUNK)
        if not data:
            self._pipes.discard(descriptor)
            self._unserve(descriptor)
            os.close(descriptor)
        elif stream == "status":
            # bubblewrap writes an object in several pieces.
            *lines, self._status_rest = (self._status_rest + data).split(b"\n")
            for line in lines:
                self._status_changed(json.loads(line))
        else:
            if stream == "stderr" and len(self._complaint) < 1000:  # noqa: PLR2004  some sentences
                self._complaint += data[:1000]
            self._log.feed(stream, data)

    def _status_changed(self, status: dict[str, int]) -> None:
        if "exit-code" in status:
            # Told only if the sandbox stood; without it bubblewrap itself has failed.
            self._set_up = True
        if "child-pid" not in status:
            return
        self._inner = status["child-pid"]
        with contextlib.suppress(OSError):
            # It may be gone already; then there is nothing to connect to either.
            self._network = kernel.open_network(self._inner)
        self._started_at = time.time()
        for watcher in self._watchers:
            self._tell_started(watcher)
        if self._stop_reason:
            self._terminate()

    # --- turning ----------------------------------------------------------------------------------

    def _serve(self, descriptor: int, handler: Callable[[], None]) -> None:
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, select.POLLIN)

    def _unserve(self, descriptor: int) -> None:
        del self._handlers[descriptor]
        self._poll.unregister(descriptor)

    def _turn(self, timeout: float | None) -> None:
        events = self._poll.poll(None if timeout is None else timeout * 1000)
        for descriptor, _ in events:
            # An earlier handler of this turn may have ended it.
            if descriptor in self._handlers:
                self._handlers[descriptor]()
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._kill_at = None
            self._kill()

    def _catch_signals(self) -> None:
        for number in podprocess.IGNORED:
            signal.signal(number, signal.SIG_IGN)
        wake, wake_end = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(wake_end, False)
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGIO):
            # What matters is the byte that arrives in the pipe.
            signal.signal(number, lambda *_: None)
        self._serve(wake, lambda: self._signalled(os.read(wake, _CHUNK)))
        # SIGIO tells when something in the folder is deleted (fcntl(2), "dnotify").
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_DELETE | fcntl.DN_MULTISHOT)

    def _signalled(self, numbers: bytes) -> None:
        if signal.SIGTERM in numbers:
            # The machine goes down, or somebody ends the session of the platform.
            self._stop(self._grace, "NodeShutdown")
        if signal.SIGIO in numbers and not podfiles.was_begun(self._folder):
            # Who removes the state folder wants no pods of it, and could not find them any more.
            self._is_wanted = False
            self._stop(self._grace, "Deleted")
        self._reap()

    def _reap(self) -> None:
        try:
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                self._connecting.discard(ended[0])
                if ended[0] == self._pid:
                    self._status = ended[1]
        except ChildProcessError:
            # Nothing is left of the pod.
            self._is_empty = True

    # --- requests ---------------------------------------------------------------------------------

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        self._serve(connection.fileno(), lambda: self._asked(connection))

    def _asked(self, connection: socket.socket) -> None:
        try:
            request = json.loads(connection.recv(_CHUNK) or b"{}")
        except (OSError, ValueError):
            request = {}
        if request.get("do") == "watch":
            self._watchers.append(connection)
            if self._inner:
                self._tell_started(connection)
            return
        if connection in self._watchers:
            self._watchers.remove(connection)
        self._unserve(connection.fileno())
        with connection:
            self._answer(connection, request)

    def _answer(self, connection: socket.socket, request: dict[str, object]) -> None:
        if request.get("do") == "stop":
            self._stop(float(str(request.get("grace", 0))), str(request.get("reason", "Stopped")))
            _reply(connection, {"ok": True})
        elif request.get("do") == "connect":
            self._connect(
                connection, int(str(request.get("port", 0))), float(str(request.get("timeout", 5)))
            )

    def _tell_started(self, watcher: socket.socket) -> None:
        _reply(watcher, {"event": "started", "at": self._started_at})

    def _connect(self, connection: socket.socket, port: int, timeout: float) -> None:
        if self._network < 0 or len(self._connecting) >= _MAX_CONNECTING:
            text = "the pod is not running" if self._network < 0 else "too many connections at once"
            _reply(connection, {"ok": False, "error": text})
            return
        pid = os.fork()
        if pid:
            self._connecting.add(pid)
            return
        try:
            _connect_inside(connection, self._network, port, timeout)
        finally:
            os._exit(0)

    # --- ending -----------------------------------------------------------------------------------

    def _stop(self, grace: float, reason: str) -> None:
        kill_at = time.monotonic() + grace
        if not self._stop_reason:
            self._stop_reason = reason
            self._terminate()
        # A second request may shorten the grace, never prolong it.
        self._kill_at = kill_at if self._kill_at is None else min(self._kill_at, kill_at)

    def _terminate(self) -> None:
        if not self._inner:
            return  # This is called again as soon as there is something to end.
        pids = podprocess.programs(self._inner, self._folder)
        for pid in pids:
            _send(pid, signal.SIGTERM)
        if not pids:
            # bubblewrap is not done yet, and does not listen; the pod's own program never was.
            self._kill()

    def _kill(self) -> None:
        # The first process of a pid namespace takes all others along; bubblewrap then tells the end.
        _send(self._inner or self._pid, signal.SIGKILL)

    def _exit_record(self) -> dict[str, object]:
        code = os.waitstatus_to_exitcode(self._status or 0)
        # Without a set-up sandbox the code is bubblewrap's own, unless we have killed it.
        failed = not self._set_up and not self._stop_reason
        if code < 0:
            code = _SIGNAL_OFFSET - code
        killed = podprocess.oom_kills(self._groups) and code
        word = "OOMKilled" if killed else "Error" if code else "Completed"
        return {
            "version": 1,
            "code": podprocess.START_FAILED if failed else code,
            "reason": "StartError" if failed else word,
            "stop": self._stop_reason,
            "message": self._complaint.decode(errors="replace").strip() if failed else "",
            "started_at": self._started_at or None,
            "finished_at": self._finished_at,
            "lost_lines": self._log.lost,
        }

    def _write_exit(self, record: dict[str, object]) -> None:
        for attempt in range(_EXIT_ATTEMPTS):
            try:
                podfiles.write_exit(self._folder, record)
            except OSError:
                if attempt == _EXIT_ATTEMPTS - 1:
                    raise
                # The disk is full in spite of the reserve. The lock says "alive" until this is written.
                time.sleep(1)
            else:
                return


def _connect_inside(connection: socket.socket, network: int, port: int, timeout: float) -> None:
    """Connect and pass the socket on. Runs in a process of its own, which has joined the pod."""
    # The shim's lock and connections would otherwise live as long as this process.
    first, second = sorted((connection.fileno(), network))
    os.closerange(3, first)
    os.closerange(first + 1, second)
    os.closerange(second + 1, _MAX_DESCRIPTOR)
    try:
        kernel.join_network(network)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as inside:
            inside.settimeout(timeout)
            inside.connect(("127.0.0.1", port))
            socket.send_fds(connection, [b'{"ok": true}'], [inside.fileno()])
    except OSError as error:
        _reply(connection, {"ok": False, "error": error.strerror or "no answer in time"})


def _reply(connection: socket.socket, message: dict[str, object]) -> None:
    # Whoever asked may be gone; the pod does not care.
    with contextlib.suppress(OSError):
        connection.send(json.dumps(message).encode())


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _list(value: object) -> list[object]:
    assert isinstance(value, list)  # noqa: S101  only the platform writes requests
    return value
