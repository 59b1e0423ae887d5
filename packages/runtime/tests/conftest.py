"""A state folder of its own for each test, and what stands on it. Pods that a test leaves behind are ended."""

import contextlib
import fcntl
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from toolforge_common.errors import Unavailable
from toolforge_runtime.local import cgroups, isolation, podfiles
from toolforge_runtime.local.pki import CertificateAuthority
from toolforge_runtime.local.runtime import LocalRuntime
from toolforge_runtime.local.spawning import Spawner
from toolforge_runtime.local.state import StateFolder
from toolforge_runtime.local.tenancy import LocalTenancy


def end_pods(pods):
    """End the pods whose folders are in this folder, and wait until they have ended."""
    for folder in pods.iterdir() if pods.exists() else ():
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel,
        ):
            channel.connect(str(folder / podfiles.CONTROL))
            channel.send(b'{"do": "stop", "grace": 0, "reason": "Test"}')
            channel.recv(100)
        with contextlib.suppress(FileNotFoundError), (folder / podfiles.LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)


@pytest.fixture
def short():
    """A folder whose path is short enough for sockets; pytest's own may not be."""
    folder = Path(tempfile.mkdtemp(prefix="tf-"))
    yield folder
    end_pods(folder / "state/pods")
    _remove_groups(folder / "state")
    shutil.rmtree(folder)


def _remove_groups(root):
    try:
        limits = cgroups.find(isolation.group_name(root))
    except Unavailable:
        return
    for parent in limits.parents:
        for group in parent.iterdir():
            if group.is_dir():
                group.rmdir()
        parent.rmdir()


@pytest.fixture
def state(short):
    folder = StateFolder(short / "state")
    yield folder
    folder.close()


@pytest.fixture
def authority(state):
    return CertificateAuthority.open(state.pki / "tools", "tools")


@pytest.fixture
def tenancy(state, authority):
    tenancy = LocalTenancy(state, authority)
    yield tenancy
    tenancy.close()


@pytest.fixture(scope="session")
def spawner():
    """One for all tests: it outlives being killed, because it is replaced then."""
    spawner = Spawner()
    yield spawner
    spawner.close()


@pytest.fixture
def local(state, tenancy, spawner):
    """A local runtime that works, for the tools demo and other."""
    for tool in ("demo", "other"):
        tenancy.create(tool)
    runtime = LocalRuntime(state, tenancy, spawner, heartbeat=0.1)
    runtime.start()
    yield runtime
    runtime.stop(keep_pods=False)
