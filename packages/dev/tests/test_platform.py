"""A real platform: one process with everything, a state folder of its own, free ports."""

import contextlib
import http.client
import json
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from openapi_spec_validator import validate

from toolforge_dev.launch import command
from toolforge_dev.settings import Settings

pytestmark = pytest.mark.sandbox

COMMAND = str(Path(sys.executable).with_name("toolforge-dev"))
# A loaded machine may need long for what usually takes a second.
DEADLINE = 60


class Platform:
    """A state folder, and the commands that work on it."""

    def __init__(self, state):
        self.state = state
        self.environ = {**os.environ, "TOOLFORGE_STATE": str(state), "NO_COLOR": "1"}

    def run(self, *words, code=0):
        finished = subprocess.run(
            [COMMAND, *words],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert code in (None, finished.returncode), finished
        return finished

    def begin(self, *words):
        """Start a command and return it running."""
        return subprocess.Popen(
            [COMMAND, *words],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def up(self, *words, code=0):
        return self.run("up", "--port", "0", "--routes-port", "0", *words, code=code)

    @property
    def status(self):
        return json.loads(self.run("status", "--output", "json").stdout)

    @property
    def description(self):
        return json.loads((self.state / "run" / "platform.json").read_text())

    def call(self, method, path, *, tool=None, body=None):
        """Return status line's phrase, status and parsed body of the gateway's answer."""
        context = ssl.create_default_context(cafile=self.state / "pki-public" / "gateway-ca.crt")
        if tool is not None:
            folder = self.state / "tools" / tool / ".toolskube"
            context.load_cert_chain(folder / "client.crt", folder / "client.key")
        netloc = urlsplit(self.description["gateway_url"]).netloc
        connection = http.client.HTTPSConnection(netloc, context=context, timeout=DEADLINE)
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read().decode()
        try:
            return response.status, json.loads(content)
        except ValueError:
            return response.status, content

    def kill(self):
        """End the platform as a crash would; return when its process has ended."""
        process = os.pidfd_open(self.status["pid"])
        signal.pidfd_send_signal(process, signal.SIGKILL)
        await_end(process)


def await_end(process):
    """Wait until the process behind the descriptor has ended."""
    ended, _, _ = select.select([process], [], [], DEADLINE)
    os.close(process)
    assert ended


def eventually(condition):
    """Return what the condition gives as soon as that is true."""
    deadline = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"still {found!r}"
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def a_platform():
    # Sockets need short paths, and tools have to pass the folder.
    folder = Path(tempfile.mkdtemp(prefix="tf", dir="/tmp"))
    folder.chmod(0o755)
    platform = Platform(folder / "state")
    try:
        yield platform
    finally:
        platform.run("down")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def shared():
    """A running platform with the tools demo and other, for tests that leave it as it is."""
    with a_platform() as platform:
        platform.up()
        for tool in ("demo", "other"):
            platform.run("tool", "create", tool)
        yield platform


@pytest.fixture
def own():
    """A platform that does not run yet, for tests that start and end it."""
    with a_platform() as platform:
        yield platform


JOBS = "/jobs/v1/tool/demo/jobs"
HELLO = {
    "name": "hello",
    "cmd": "echo hello",
    "imagename": "python3.11",
    "job_type": "continuous",
    "continuous": True,
    "filelog": False,
}


def is_running(platform, name):
    _, body = platform.call("GET", f"{JOBS}/{name}", tool="demo")
    return body["job"]["status"]["short"] == "running"


def lines_of(platform, name):
    status, body = platform.call("GET", f"{JOBS}/{name}/logs", tool="demo")
    if status != 200:
        return []
    lines = body.splitlines() if isinstance(body, str) else [json.dumps(body)]
    return [json.loads(line)["message"] for line in lines if line]


# --- answering ------------------------------------------------------------------------------------


def test_a_job_runs_for_a_tool_that_shows_its_certificate(shared):
    status, body = shared.call(
        "POST", f"{JOBS}/", tool="demo", body={**HELLO, "cmd": "echo hello; exec sleep infinity"}
    )
    assert status == 201, body

    assert eventually(lambda: lines_of(shared, "hello")) == ["hello"]
    assert shared.call("DELETE", f"{JOBS}/hello", tool="demo")[0] == 200


@pytest.mark.parametrize(
    ("tool", "path", "status", "code"),
    [
        (None, JOBS, 401, "unauthenticated"),
        ("other", JOBS, 403, "forbidden"),
        ("demo", "/jobs/v1/tool/other/jobs", 403, "forbidden"),
        ("demo", "/nosuch/v1", 404, "not_found"),
        ("demo", "/jobs/v1/tool/other/%2e%2e/demo/jobs", 400, "invalid"),
    ],
)
def test_refusals_come_in_the_common_shape(shared, tool, path, status, code):
    answered, body = shared.call("GET", path, tool=tool)

    assert (answered, body["code"]) == (status, code)
    assert body["error"]
    assert body["title"]
    assert body["hint"]
    assert body["request_id"]


@pytest.mark.parametrize(
    "path", ["/", "/openapi.json", "/jobs/openapi.json", "/jobs/v1/healthz", "/jobs/v1/metrics"]
)
def test_what_is_open_is_open(shared, path):
    assert shared.call("GET", path)[0] == 200


def test_the_merged_document_of_the_real_services_is_valid(shared):
    _, document = shared.call("GET", "/openapi.json")

    validate(document)
    assert "/jobs/v1/tool/{toolname}/jobs" in document["paths"]
    assert document["servers"][0]["url"] == shared.description["gateway_url"]


def test_requests_are_logged_without_their_query(shared):
    shared.call("GET", "/openapi.json?token=s3cret")

    log = (shared.state / "logs" / "platform.log").read_text
    line = eventually(lambda: next((x for x in log().splitlines() if "/openapi.json" in x), ""))
    assert json.loads(line)["status"] == 200
    assert "s3cret" not in log()


def test_the_web_front_answers_for_tools_that_publish_nothing(shared):
    netloc = urlsplit(shared.description["routes_url"]).netloc
    with contextlib.closing(http.client.HTTPConnection(netloc, timeout=DEADLINE)) as connection:
        connection.request("GET", "/", headers={"Host": "demo.localhost"})

        assert connection.getresponse().status == 404


# --- the owner's commands -------------------------------------------------------------------------


def test_the_status_of_a_running_platform_is_complete(shared):
    status = shared.status

    assert status["running"] is True
    assert status["tools"] >= 2
    assert status["state"] == str(shared.state)
    assert {name: status[name] for name in shared.description} == shared.description


def test_a_second_start_finds_the_first(shared):
    before = shared.status["pid"]

    said = shared.run("up").stdout

    assert said == f"The platform is running already: {shared.description['gateway_url']}\n"
    assert shared.status["pid"] == before


def test_a_tool_is_made_listed_and_removed_with_all_it_has(shared):
    assert "The tool third is there" in shared.run("tool", "create", "third").stdout
    assert shared.run("tool", "create", "third", code=1).stderr.startswith("Error: there is a tool")
    path = "/jobs/v1/tool/third/jobs"
    job = {**HELLO, "cmd": "sleep infinity"}
    assert shared.call("POST", f"{path}/", tool="third", body=job)[0] == 201
    assert "third" in [
        tool["name"] for tool in json.loads(shared.run("tool", "list", "-o", "json").stdout)
    ]

    shared.run("tool", "delete", "third", "--yes")

    assert not (shared.state / "tools" / "third").exists()
    assert "third" not in shared.run("tool", "list").stdout
    assert shared.run("tool", "delete", "third", "--yes", code=1).stderr.startswith(
        "Error: there is no"
    )


def test_a_name_that_is_used_again_gets_nothing_of_its_predecessor(shared):
    """Neither its certificate nor its records."""
    shared.run("tool", "create", "again")
    folder = shared.state / "tools" / "again" / ".toolskube"
    job = {**HELLO, "cmd": "sleep infinity"}
    shared.call("POST", "/jobs/v1/tool/again/jobs/", tool="again", body=job)
    kept = {name: (folder / name).read_bytes() for name in ("client.crt", "client.key")}
    shared.run("tool", "delete", "again", "--yes")
    shared.run("tool", "create", "again")

    status, body = shared.call("GET", "/jobs/v1/tool/again/jobs", tool="again")
    assert (status, body["jobs"]) == (200, [])
    for name, content in kept.items():
        (folder / name).unlink()
        (folder / name).write_bytes(content)
    status, body = shared.call("GET", "/jobs/v1/tool/again/jobs", tool="again")
    assert (status, body["code"]) == (401, "unauthenticated")
    assert "older than the tool" in body["error"][0]
    shared.run("tool", "delete", "again", "--yes")


def test_the_shell_is_the_tools(shared):
    script = (
        'pwd; id -u; echo "$HOME $KUBECONFIG $TOOL_TOOLFORGE_API_URL"; cat "$TOOLFORGE_API_CA_FILE"'
    )
    home = shared.state / "tools" / "demo"

    said = shared.run("shell", "demo", "--", "sh", "-c", script).stdout.splitlines()

    uid = home.stat().st_uid
    gateway_url = shared.description["gateway_url"]
    assert said[:3] == [str(home), str(uid), f"{home} {home}/.kube/config {gateway_url}"]
    assert said[3] == "-----BEGIN CERTIFICATE-----"
    assert (uid == os.geteuid()) == (os.geteuid() != 0)


def test_the_shell_ends_as_its_command_does(shared):
    shared.run("shell", "demo", "--", "sh", "-c", "exit 7", code=7)
    shared.run("shell", "demo", "sh", "-c", "kill -TERM $$", code=-signal.SIGTERM)
    assert "nosuch: No such file" in shared.run("shell", "demo", "nosuch", code=127).stderr
    assert "Permission denied" in shared.run("shell", "demo", "/etc/passwd", code=126).stderr


def test_the_tool_finds_the_commands(shared):
    said = shared.run("shell", "demo", "--", "sh", "-c", "command -v toolforge-dev").stdout

    assert said == f"{COMMAND}\n"


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="for an ordinary user all tools are that user")
def test_a_tool_cannot_give_orders_to_the_platform(shared):
    refused = shared.run("shell", "demo", "--", COMMAND, "tool", "delete", "other", "--yes", code=1)

    assert "belongs to another user" in refused.stderr
    assert "other" in shared.run("tool", "list").stdout


def test_a_pod_reaches_nothing_of_the_platform(shared):
    ports = [urlsplit(shared.description[name]).port for name in ("gateway_url", "routes_url")]
    tries = "; ".join(
        f"(: </dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo reached" for port in ports
    )
    command = f"bash -c '{tries}; ls {shared.state} 2>/dev/null; echo tried'; exec sleep infinity"
    job = {**HELLO, "name": "curious", "cmd": command}

    assert shared.call("POST", f"{JOBS}/", tool="demo", body=job)[0] == 201

    assert eventually(lambda: lines_of(shared, "curious")) == ["tried"]
    shared.call("DELETE", f"{JOBS}/curious", tool="demo")


def test_the_doctor_asks_the_running_platform(shared):
    found = json.loads(shared.run("doctor", "--output", "json").stdout)

    ports = {
        check["name"]: check["text"]
        for check in found
        if check["name"] in ("gateway", "web traffic")
    }
    assert all("the running platform's" in text for text in ports.values())
    assert f"isolation level: {shared.status['isolation']}" in [check["text"] for check in found]


def test_private_folders_are_private(shared):
    # An ordinary user's tools have no numbers of their own, so nobody else has a way in.
    passage = 0o711 if os.geteuid() == 0 else 0o700
    modes = {
        name: (shared.state / name).stat().st_mode & 0o7777
        for name in ("", "run", "pki", "db", "logs", "pki-public", "tools")
    }

    assert modes == {
        "": passage,
        "run": 0o700,
        "pki": 0o700,
        "db": 0o700,
        "logs": 0o700,
        "pki-public": 0o755,
        "tools": passage,
    }
    assert (shared.state / "pki-public" / "gateway-ca.crt").stat().st_mode & 0o777 == 0o644
    for name in ("pki/tools/ca.key", "pki/gateway/ca.key", "pki/gateway/server.key"):
        assert (shared.state / name).stat().st_mode & 0o777 == 0o600


# --- coming and going -----------------------------------------------------------------------------


def test_a_platform_comes_and_goes(own):
    assert own.run("status", code=3).stdout == f"No platform is running in {own.state}.\n"
    own.up()
    process = os.pidfd_open(own.status["pid"])

    assert own.run("down").stdout == "The platform has stopped.\n"

    await_end(process)
    left = {file.name for file in (own.state / "run").iterdir()}
    assert left.isdisjoint({"platform.json", "admin.sock"})
    own.run("status", code=3)
    assert own.run("down").stdout == "No platform is running.\n"


def test_a_platform_that_was_killed_comes_back_with_what_it_ran(own):
    own.up()
    own.run("tool", "create", "demo")
    marks = "echo up; until test -e go; do sleep 0.02; done; echo gone on; exec sleep infinity"
    own.call("POST", f"{JOBS}/", tool="demo", body={**HELLO, "cmd": marks})
    eventually(lambda: lines_of(own, "hello") == ["up"])

    own.kill()
    left_behind = own.description
    assert (own.state / "run" / "admin.sock").exists()
    own.run("status", code=3)
    (own.state / "tools" / "demo" / "go").touch()
    own.up()

    assert own.description != left_behind
    eventually(lambda: lines_of(own, "hello") == ["up", "gone on"])
    assert is_running(own, "hello")


@pytest.mark.parametrize("keep", [True, False])
def test_pods_stay_if_they_are_told_to(own, keep):
    own.up()
    own.run("tool", "create", "demo")
    own.call("POST", f"{JOBS}/", tool="demo", body={**HELLO, "cmd": "echo up; exec sleep infinity"})
    eventually(lambda: lines_of(own, "hello") == ["up"])

    own.run("down", *(["--keep-pods"] if keep else []))
    own.up()

    eventually(lambda: lines_of(own, "hello") == (["up"] if keep else ["up", "up"]))
    eventually(lambda: is_running(own, "hello"))


def test_a_state_folder_has_one_platform(own):
    """The lock decides, whatever the files say."""
    own.up()
    pid = own.status["pid"]
    (own.state / "run" / "platform.json").unlink()
    (own.state / "run" / "admin.sock").rename(own.state / "run" / "away.sock")

    finished = subprocess.run(
        command(Settings(own.state, 0, 0)), capture_output=True, text=True, check=False
    )

    assert f"platform in {own.state}, process {pid}, is" in own.run("status", code=4).stdout
    (own.state / "run" / "away.sock").rename(own.state / "run" / "admin.sock")
    assert finished.returncode == 1
    assert f"is in use by the platform with process id {pid}" in finished.stderr
    assert own.status["pid"] == pid


@pytest.mark.parametrize("option", ["--port", "--routes-port"])
def test_a_taken_port_is_said_with_what_to_type(own, option):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        other = "--routes-port" if option == "--port" else "--port"

        refused = own.run("up", option, str(port), other, "0", code=1).stderr

    assert refused == (
        f"Error: port {port} on 127.0.0.1 is taken by another program\n"
        f"Hint: stop that one, or choose another port: toolforge dev up {option} NUMBER\n"
    )
    own.run("status", code=3)


def test_a_setting_that_cannot_be_stops_the_start(own):
    own.environ["TOOLFORGE_JOBS_THREADS"] = "many"

    assert "TOOLFORGE_JOBS_THREADS must be" in own.up(code=1).stderr


def test_a_broken_state_folder_is_said_with_where_to_look(own):
    own.up()
    own.run("down")
    (own.state / "pki" / "tools" / "ca.crt").write_text("no certificate")

    refused = own.up(code=2).stderr

    assert "the platform ended while it started" in refused
    assert str(own.state / "logs" / "platform.err") in refused
    # Somebody else's platform may have the usual ports, which the doctor does not like.
    found = json.loads(own.run("doctor", "--output", "json", code=None).stdout)
    assert [check["level"] for check in found if check["name"] == "last start"] == ["warn"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_platform_in_the_foreground_stops_when_told(own, number):
    process = subprocess.Popen(
        [COMMAND, "up", "--foreground", "--port", "0", "--routes-port", "0"],
        env=own.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline().startswith("The platform is running: https://127.0.0.1:")
        assert own.status["pid"] == process.pid
        process.send_signal(number)

        assert process.wait(DEADLINE) == 0
    own.run("status", code=3)


def test_the_end_of_a_terminal_does_not_end_the_platform(own):
    own.up()
    os.kill(own.status["pid"], signal.SIGHUP)

    assert own.status["running"] is True


def test_a_followed_log_does_not_hold_up_the_end(own):
    own.up()
    own.run("tool", "create", "demo")
    own.call("POST", f"{JOBS}/", tool="demo", body={**HELLO, "cmd": "echo up; exec sleep infinity"})
    eventually(lambda: lines_of(own, "hello") == ["up"])
    context = ssl.create_default_context(cafile=own.state / "pki-public" / "gateway-ca.crt")
    folder = own.state / "tools" / "demo" / ".toolskube"
    context.load_cert_chain(folder / "client.crt", folder / "client.key")
    netloc = urlsplit(own.description["gateway_url"]).netloc
    connection = http.client.HTTPSConnection(netloc, context=context, timeout=DEADLINE)
    with contextlib.closing(connection):
        connection.request("GET", f"{JOBS}/hello/logs?follow=true")
        assert b"up" in connection.getresponse().readline()

        own.run("down")


def test_a_platform_that_is_stopping_is_there_until_its_end(own):
    own.up()
    own.run("tool", "create", "demo")
    stubborn = "trap '' TERM; echo up; while :; do sleep 0.1; done"
    own.call("POST", f"{JOBS}/", tool="demo", body={**HELLO, "cmd": stubborn})
    eventually(lambda: lines_of(own, "hello") == ["up"])
    gateway, routes = (
        urlsplit(own.description[name]).port for name in ("gateway_url", "routes_url")
    )

    with own.begin("down") as first:
        eventually(lambda: own.run("status", code=None).returncode == 4)
        first.kill()
    assert "stopping" in own.run("status", code=4).stdout
    eventually(lambda: not listens(gateway) and not listens(routes))
    assert own.run("status", code=4).stdout.startswith("State:")
    assert "is stopping" in own.run("tool", "list", code=1).stderr
    with own.begin("up", "--port", "0", "--routes-port", "0") as next_one:
        assert own.run("down").stdout == "The platform has stopped.\n"
        said, waiting = next_one.communicate(timeout=DEADLINE)

    assert said.startswith("The platform is running: ")
    assert "waiting for it" in waiting
    assert own.status["running"] is True


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_of_two_starts_at_once_one_finds_the_other(own):
    starts = [own.begin("up", "--port", "0", "--routes-port", "0") for _ in range(2)]
    ends = [(start.communicate(timeout=DEADLINE), start.returncode) for start in starts]

    url = own.description["gateway_url"]
    assert sorted(said.splitlines()[0] for (said, _), _ in ends) == [
        f"The platform is running already: {url}",
        f"The platform is running: {url}",
    ]
    assert [code for _, code in ends] == [0, 0]
