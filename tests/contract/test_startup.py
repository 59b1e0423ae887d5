"""The installed commands import what they need and no more, which is steadier than a stopwatch."""

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from toolforge_common.testing import make_home

TOOLFORGE = Path(sys.executable).parent / "toolforge"
HEAVY = {
    "requests",
    "urllib3",
    "yaml",
    "importlib.metadata",
    "kubernetes",
    "connexion",
    "cryptography",
    "http.client",
    "email",
    "tabulate",
    "pathlib",
    "dataclasses",
}
DEADLINE = 20


@pytest.fixture
def home(tmp_path):
    return make_home(tmp_path, "demo")


@pytest.fixture
def gateway_url():
    """The address of a gateway without TLS, whose tools have no jobs."""
    body = json.dumps({"jobs": [], "messages": {}}).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def imported(home, *words, **variables) -> set[str]:
    """Return the modules that the installed command imports."""
    finished = subprocess.run(
        [TOOLFORGE, *words],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPROFILEIMPORTTIME": "1",
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    return {line.rpartition("|")[2].strip() for line in finished.stderr.splitlines()}


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["jobs", "--help"], ["dev", "--help"]]
)
def test_help_comes_without_click(home, words):
    modules = imported(home, *words)

    assert "toolforge_cli.main" in modules
    assert modules.isdisjoint(HEAVY | {"click", "json", "ssl"})


def test_listing_jobs_imports_nothing_heavy_once_the_configuration_is_cached(home, gateway_url):
    deadline = time.monotonic() + DEADLINE
    # A configuration that is seconds old is not cached yet.
    while "yaml" in (modules := imported(home, "jobs", "list", TOOL_TOOLFORGE_API_URL=gateway_url)):
        assert time.monotonic() < deadline
        time.sleep(0.1)

    assert {"toolforge_jobs_cli.client", "ssl"} <= modules
    assert modules.isdisjoint(HEAVY | {"click"})
    # Neither the dispatcher's other half, nor what other commands need.
    assert modules.isdisjoint(
        {"toolforge_cli.discovery", "toolforge_dev.main", "toolforge_jobs_cli.new_job"}
    )
