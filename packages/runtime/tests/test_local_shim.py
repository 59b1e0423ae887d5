"""Real pods and their shims, without the engine."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path, PurePosixPath

import pytest

from toolforge_common.errors import Unavailable
from toolforge_runtime.local import podfiles, podprocess
from toolforge_runtime.local.crilog import file_numbers
from toolforge_runtime.local.launching import Launcher
from toolforge_runtime.local.sandbox import Confined, Mode
from toolforge_runtime.ports import Container, Resources

pytestmark = pytest.mark.sandbox

MODE = Mode.ROOT if os.geteuid() == 0 else Mode.USER
UID = 52077
PATIENCE = 30


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.005)
    return result


class Pod:
    """A pod and what its shim tells."""

    def __init__(self, folder, uid):
        self.folder = folder
        self.log = folder.parent.parent / "logs" / folder.name
        self.home = folder.parent.parent / "homes" / folder.name
        for path in (folder, self.log, self.home):
            path.mkdir(parents=True, exist_ok=True)
        if MODE is Mode.ROOT:
            os.chown(self.home, uid, uid)
        self.uid = uid
        self._watch = None

    def launch(self, launcher, script, **more):
        command = ("/bin/sh", "-c", "--", script)
        container = Container(
            "bookworm",
            more.pop("command", command),
            Resources(2**26, 2**27, Decimal(1), Decimal(1)),
            working_dir=PurePosixPath("/data/project/demo"),
            **more,
        )
        confined = Confined("demo", self.uid, PurePosixPath(self.home), "pod", container)
        return launcher.launch(self.folder, self.log, confined, MODE, None, grace=5)

    def ask(self, **request):
        """Return the shim's answer and the socket that came with it."""
        with self._connected() as channel:
            channel.send(json.dumps(request).encode())
            data, descriptors, _, _ = socket.recv_fds(channel, 4096, 1)
        passed = socket.socket(fileno=descriptors[0]) if descriptors else None
        return json.loads(data), passed

    def stop(self, grace=5, reason="Deleted"):
        return self.ask(do="stop", grace=grace, reason=reason)

    @contextlib.contextmanager
    def _connected(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
            channel.settimeout(PATIENCE)
            channel.connect(str(self.folder / podfiles.CONTROL))
            yield channel

    def exit(self):
        """Wait until the pod has ended, and return its exit record."""
        return until(lambda: podfiles.read_exit(str(self.folder)))

    def lines(self):
        numbers = sorted(file_numbers(str(self.log)))
        text = "".join((self.log / f"{number}.log").read_text() for number in numbers)
        return [line.split(" ", 3)[3] for line in text.splitlines()]

    def said(self, text):
        """Wait until the pod has written the line."""
        return until(lambda: text in self.lines())

    def output(self):
        self.exit()
        return "\n".join(self.lines())

    def processes(self):
        """Return the ids of bubblewrap's processes of this pod."""
        name = podprocess.name_of(str(self.folder)).encode()
        return [pid for pid, line in command_lines() if line.startswith(name)]

    def shim(self):
        processes = self.processes()
        (outer,) = [pid for pid in processes if parent_of(pid) not in processes]
        return parent_of(outer)


def command_lines():
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            with contextlib.suppress(OSError):
                yield int(path.name), (path / "cmdline").read_bytes()


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture
def launcher(spawner):
    return Launcher(spawner)


@pytest.fixture
def new_pod(short):
    made = []

    def make(uid=UID):
        # Where the fixture `short` ends what is left over.
        made.append(Pod(short / f"state/pods/p{len(made)}", uid))
        return made[-1]

    return make


@pytest.fixture
def run(launcher, new_pod):
    """Start a pod with a script."""

    def start(script, **more):
        pod = new_pod(more.pop("uid", UID))
        assert pod.launch(launcher, script, **more) == ""
        return pod

    return start


# --- ends ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "code", "reason"),
    [
        ("exit 0", 0, "Completed"),
        ("exit 3", 3, "Error"),
        ("kill -9 $$", 137, "Error"),
        ("exit 255", 255, "Error"),
        ("no-such-program", 127, "Error"),
    ],
)
def test_the_exit_record_says_how_it_ended(run, script, code, reason):
    before = time.time()
    record = run(script).exit()
    after = time.time()

    assert before <= record["started_at"] <= record["finished_at"] <= after
    assert record == {
        "version": 1,
        "code": code,
        "reason": reason,
        "stop": "",
        "message": "",
        "started_at": record["started_at"],
        "finished_at": record["finished_at"],
        "lost_lines": 0,
    }


def test_a_sandbox_that_cannot_be_made_says_why(launcher, new_pod):
    pod = new_pod()
    pod.home.rmdir()
    pod.launch(launcher, "echo never")
    record = pod.exit()

    assert (record["code"], record["reason"]) == (128, "StartError")
    assert record["message"] == (
        f"bwrap: Can't find source path {pod.home}: No such file or directory"
    )


def test_what_it_leaves_running_ends_with_it(run):
    pod = run("sleep 1000 & echo started; exit 0")
    assert pod.exit()["code"] == 0

    until(lambda: not pod.processes())


def test_a_pod_leaves_no_zombies(run):
    pod = run("echo up; sleep 1000 & exec sleep 1000")
    pod.said("up")
    processes = pod.processes()
    pod.stop()
    pod.exit()

    assert len(processes) >= 2
    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]


# --- stops --------------------------------------------------------------------------------------------


def test_stopping_asks_every_process(run):
    pod = run("trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.01; done")
    pod.said("up")
    assert pod.stop()[0] == {"ok": True}

    record = pod.exit()
    assert (record["code"], record["stop"]) == (7, "Deleted")
    # The shell may also tell how its child has ended.
    assert {"up", "bye"} <= set(pod.lines())


def test_who_does_not_listen_is_killed(run):
    pod = run("trap '' TERM; echo up; while :; do sleep 0.01; done")
    pod.said("up")
    pod.stop(grace=0.05)

    assert pod.exit()["code"] == 137


def test_a_second_stop_may_only_shorten_the_grace(run):
    pod = run("trap '' TERM; echo up; while :; do sleep 0.01; done")
    pod.said("up")
    pod.stop(grace=1000)
    pod.stop(grace=0, reason="Other")

    assert (pod.exit()["code"], pod.exit()["stop"]) == (137, "Deleted")


def test_a_pod_can_be_stopped_at_any_moment_of_its_start(run):
    # There is no grace to wait for: what has not begun does not need it.
    pods = [run("sleep 1000") for _ in range(10)]
    for pod in pods:
        pod.stop(grace=1000)

    assert {pod.exit()["stop"] for pod in pods} == {"Deleted"}


def test_a_machine_that_goes_down_stops_its_pods(run):
    pod = run("echo up; exec sleep 1000")
    pod.said("up")
    os.kill(pod.shim(), signal.SIGTERM)

    assert (pod.exit()["code"], pod.exit()["stop"]) == (143, "NodeShutdown")


def test_who_removes_the_folder_ends_the_pod(run):
    pod = run("echo up; exec sleep 1000")
    pod.said("up")
    shim = pod.shim()
    shutil.rmtree(pod.folder)

    until(lambda: not pod.processes())
    until(lambda: shim not in [pid for pid, line in command_lines() if line])


# --- being alive --------------------------------------------------------------------------------------


def test_a_pod_starts_only_once(launcher, run):
    pod = run("echo up; exec sleep 1000")
    pod.said("up")
    assert pod.launch(launcher, "echo again") == "alive"
    pod.stop()
    pod.exit()
    until(lambda: (lock := podfiles.take_lock(str(pod.folder))) and os.close(lock) is None)

    assert pod.launch(launcher, "echo again") == "ended"
    assert pod.lines() == ["up"]


def test_a_killed_shim_takes_its_pod_along(run):
    pod = run("echo up; exec sleep 1000")
    pod.said("up")
    os.kill(pod.shim(), signal.SIGKILL)

    until(lambda: not pod.processes())
    lock = podfiles.take_lock(str(pod.folder))
    assert lock is not None
    os.close(lock)
    assert podfiles.read_exit(str(pod.folder)) is None


def test_a_killed_spawner_leaves_pods_alone_and_is_replaced(launcher, spawner, run):
    pod = run("echo up; read line </dev/null; exec sleep 1000")
    pod.said("up")
    first = spawner.pid
    os.kill(first, signal.SIGKILL)
    after = run("exit 5")

    assert after.exit()["code"] == 5
    assert spawner.pid != first
    assert podfiles.take_lock(str(pod.folder)) is None


def test_a_spawner_ends_with_its_platform():
    code = (
        "import os\n"
        "from toolforge_runtime.local.spawning import Spawner\n"
        "print(Spawner().pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    # Its entry stays until whoever inherited it has looked.
    until(lambda: int(result.stdout) not in [pid for pid, line in command_lines() if line])


def test_a_folder_that_is_not_there_cannot_be_started(launcher, new_pod):
    pod = new_pod()
    pod.folder.rmdir()

    with pytest.raises(Unavailable, match="No such file or directory"):
        pod.launch(launcher, "true")


def test_no_variable_can_become_an_argument(launcher, new_pod):
    with pytest.raises(Unavailable, match="zero byte"):
        new_pod().launch(launcher, "true", env={"X": "y\0--bind\0/\0/data"})


# --- what goes in and out -----------------------------------------------------------------------------


def test_both_streams_can_be_opened_by_name(run):
    pod = run("echo one >/dev/stdout; echo two >/dev/stderr; echo three >/proc/self/fd/1")

    assert sorted(pod.output().splitlines()) == ["one", "three", "two"]


def test_nothing_of_ours_is_open_inside(run):
    output = run("for fd in /proc/self/fd/*; do echo ${fd##*/} $(readlink $fd); done").output()

    numbers = {line.split()[0]: line.split()[1] for line in output.splitlines() if " " in line}
    assert numbers.pop("0") == "/dev/null"
    assert {numbers.pop(number).partition(":")[0] for number in "12"} == {"pipe"}
    # The shell's own, for looking at the folder.
    assert set(numbers.values()) <= {f"/proc/{n}/fd" for n in range(20)}


def test_variables_reach_the_program_and_no_command_line(run):
    secret = "hunter2-" + str(os.getpid())
    pod = run("echo up; exec sleep 1000", env={"PASSWORD": secret})
    pod.said("up")

    assert not [line for _, line in command_lines() if secret.encode() in line]
    pod.stop()
    assert run("echo $PASSWORD", env={"PASSWORD": secret}).output() == secret


def test_large_commands_and_many_variables_fit(run):
    text = "x" * 100_000
    env = {f"VARIABLE_{number}": "y" * 1000 for number in range(300)}
    pod = run(f"t={text}; echo ${{#t}}; env | grep -c VARIABLE_", env=env)

    assert pod.output().splitlines() == ["100000", "300"]


SERVER = (
    "import socket; s = socket.create_server(('127.0.0.1', 8000)); print('up', flush=True)\n"
    "while True:\n"
    "    c = s.accept()[0]; c.sendall(b'hello ' + c.recv(100)); c.close()\n"
)


def test_a_port_inside_can_be_reached_and_only_through_the_shim(run):
    pods = [run("", command=("/usr/bin/python3", "-c", SERVER)) for _ in range(2)]
    for pod in pods:
        pod.said("up")
        answer, inside = pod.ask(do="connect", port=8000, timeout=5)
        assert answer == {"ok": True}
        with inside:
            inside.settimeout(PATIENCE)
            inside.sendall(b"pod")
            assert inside.recv(100) == b"hello pod"


def test_a_closed_port_is_refused(run):
    pod = run("echo up; exec sleep 1000")
    pod.said("up")

    assert pod.ask(do="connect", port=8000, timeout=5) == (
        {"ok": False, "error": "Connection refused"},
        None,
    )


@pytest.mark.parametrize("packet", [b"", b"{}", b"rubbish", b'{"do": "dance"}', b"\xff"])
def test_a_shim_survives_whatever_it_is_asked(run, packet):
    pod = run("echo up; exec sleep 1000")
    pod.said("up")
    with pod._connected() as channel:
        channel.send(packet)
    assert pod.stop()[0] == {"ok": True}

    assert pod.exit()["code"] == 143


# --- what a pod can do --------------------------------------------------------------------------------


def test_a_pod_is_its_tool_and_nothing_more(run):
    status = run("cat /proc/self/status; id -u; id -un; pwd; echo $HOME").output().splitlines()
    found = dict(line.split(":", 1) for line in status if ":" in line)

    expected = {"CapEff": "0" * 16, "CapPrm": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}
    if MODE is Mode.ROOT:
        expected |= {"CapBnd": "0" * 16, "CapInh": "0" * 16, "CapAmb": "0" * 16}
    assert {key: found[key].strip() for key in expected} == expected
    assert status[-4:] == [str(UID), "demo", "/data/project/demo", "/data/project/demo"]


def test_files_in_the_home_are_the_tools(run):
    pod = run("echo text >file; mkdir folder; ls -l file | cut -c1-10")
    assert pod.output() == "-rw-r--r--"

    owner = UID if MODE is Mode.ROOT else os.geteuid()
    assert {path.stat().st_uid for path in pod.home.iterdir()} == {owner}
    assert (pod.home / "file").read_text() == "text\n"


def test_a_pod_sees_nothing_else_of_the_machine(run, short):
    (short / "secret").write_text("secret")
    inside = run(
        f"ls / /data/project /etc; cat {short}/secret /etc/shadow; ls /root /home; ls /proc"
    ).output()
    names = inside.split()

    assert {"bin", "data", "usr", "demo", "hosts", "passwd"} <= set(names)
    assert not {"root", "home", "var", "shadow", "state"} & set(names)
    assert "secret" not in names
    # bubblewrap's first process, the shell and a few children of its own.
    assert max(int(name) for name in names if name.isdecimal()) < 50


def test_only_its_own_places_can_be_written(run):
    script = (
        "for place in . /tmp /dev/shm /usr /usr/local /etc / /dev /proc /data /data/project; do "
        "touch $place/x 2>/dev/null && echo $place; done"
    )

    assert run(script).output().split() == [".", "/tmp", "/dev/shm"]


def test_the_hosts_loopback_is_out_of_reach(run):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        program = (
            "import socket\n"
            "try:\n"
            f"    socket.create_connection(('127.0.0.1', {port}), 5)\n"
            "except ConnectionRefusedError:\n"
            "    print('refused')\n"
            "print(socket.if_nameindex())\n"
        )
        output = run("", command=("/usr/bin/python3", "-c", program)).output()

    assert output.splitlines() == ["refused", "[(1, 'lo')]"]


@pytest.mark.parametrize(
    "command",
    ["unshare -r true", "unshare -m true", "mount -t tmpfs none /tmp", "strace -f true"],
)
def test_what_only_the_platform_may_do_is_refused(run, command):
    if not Path("/usr/bin", command.split()[0]).exists():
        pytest.skip(f"this machine has no {command.split()[0]}")

    assert run(f"{command} >/dev/null 2>&1 || echo refused").output() == "refused"


def test_threads_and_shared_memory_work(run):
    program = (
        "import multiprocessing, threading\n"
        "thread = threading.Thread(target=print, args=('thread',)); thread.start(); thread.join()\n"
        "multiprocessing.Lock(); print('lock')\n"
    )

    output = run("", command=("/usr/bin/python3", "-c", program)).output()
    assert output.splitlines() == ["thread", "lock"]


def test_localhost_has_its_name(run):
    program = "import socket; print(socket.gethostbyname('localhost'), socket.gethostname())"

    assert run("", command=("/usr/bin/python3", "-c", program)).output() == "127.0.0.1 pod"
