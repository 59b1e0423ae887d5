"""Orders of the owner, on ports in memory."""

from decimal import Decimal

import pytest

from toolforge_common.errors import Conflict, InvalidRequest, NotFound, Unavailable
from toolforge_dev.control import PlatformControl
from toolforge_runtime.local.state import StateFolder
from toolforge_runtime.local.store import LocalStore
from toolforge_runtime.ports import Container, Ports, Resources, Schedule, Workload, WorkloadKind
from toolforge_runtime.testing import InMemoryRuntime, InMemoryStore, InMemoryTenancy

DESCRIPTION = {
    "gateway_url": "https://127.0.0.1:1",
    "publish_url_template": "http://{tool_name}.localhost:2",
    "version": "0.1.0",
}


class Keeper:
    """Notes in which order it was asked, and whether the tool could still do something."""

    def __init__(self, name, asked, tenancy, error=None):
        self._name = name
        self._asked = asked
        self._tenancy = tenancy
        self.error = error

    def forget_tool(self, tool):
        self._asked.append((self._name, tool, self._tenancy.get(tool).enabled))
        if self.error:
            raise self.error


@pytest.fixture
def tenancy():
    return InMemoryTenancy()


@pytest.fixture
def runtime(tenancy):
    return InMemoryRuntime(tenancy)


@pytest.fixture
def asked():
    return []


@pytest.fixture
def keepers(asked, tenancy):
    return [Keeper("runtime", asked, tenancy), Keeper("records", asked, tenancy)]


@pytest.fixture
def stops():
    return []


@pytest.fixture
def control(runtime, tenancy, keepers, stops):
    ports = Ports(runtime, InMemoryStore(), tenancy)
    return PlatformControl(ports, keepers, DESCRIPTION, stops.append, lambda: bool(stops))


def workload(tool, name, kind, **more):
    image = InMemoryRuntime().images()[0].name
    resources = Resources(2**20, 2**20, Decimal(1), Decimal(1))
    return Workload(tool, name, kind, Container(image, ("true",), resources), **more)


def test_a_tool_is_made_described_and_listed(control, tenancy):
    made = control.create_tool("demo")

    assert made == {
        "name": "demo",
        "uid": 52000,
        "home": "/data/project/demo",
        "enabled": True,
        "created_at": tenancy.get("demo").created_at.isoformat(),
        "gateway_url": "https://127.0.0.1:1",
        "publish_url_template": "http://{tool_name}.localhost:2",
    }
    assert control.tool("demo") == made
    assert control.tools() == [made]


def test_names_are_checked_and_used_once(control):
    control.create_tool("demo")

    with pytest.raises(Conflict):
        control.create_tool("demo")
    with pytest.raises(InvalidRequest):
        control.create_tool("Demo")
    with pytest.raises(NotFound):
        control.tool("other")


def test_a_tool_is_disabled_before_everything_it_has_goes(control, asked):
    control.create_tool("demo")

    control.delete_tool("demo")

    assert asked == [("runtime", "demo", False), ("records", "demo", False)]
    assert control.tools() == []


def test_a_deletion_that_was_hindered_can_be_done_again(control, keepers):
    control.create_tool("demo")
    keepers[0].error = Unavailable("its pods have not ended yet")

    with pytest.raises(Unavailable):
        control.delete_tool("demo")
    assert control.tool("demo")["enabled"] is False
    keepers[0].error = None
    control.delete_tool("demo")

    with pytest.raises(NotFound):
        control.tool("demo")


def test_what_is_not_there_cannot_be_deleted(control):
    with pytest.raises(NotFound):
        control.delete_tool("demo")


def test_two_deletions_at_once_both_succeed(control, tenancy, keepers, monkeypatch):
    control.create_tool("demo")
    monkeypatch.setattr(keepers[1], "forget_tool", tenancy.delete)  # the other one was faster

    control.delete_tool("demo")

    assert control.tools() == []


def test_the_status_counts_tools_and_living_pods(control, runtime):
    for name in ("demo", "other"):
        control.create_tool(name)
    runtime.create(workload("demo", "web", WorkloadKind.CONTINUOUS, replicas=2))
    runtime.create(workload("demo", "once", WorkloadKind.RUN_TO_COMPLETION))
    schedule = Schedule("0 0 1 1 *")
    runtime.create(workload("other", "yearly", WorkloadKind.SCHEDULED, schedule=schedule))

    status = control.status()

    described = runtime.describe()
    assert (status["tools"], status["pods"]) == (2, 3)
    assert (status["runtime"], status["isolation"]) == (described.name, described.isolation)
    assert status["notes"] == list(described.notes)
    assert status["version"] == "0.1.0"
    assert status["pid"]


@pytest.mark.parametrize("keep_pods", [True, False])
def test_the_wish_to_stop_is_passed_on(control, stops, keep_pods):
    control.stop(keep_pods=keep_pods)

    assert stops == [keep_pods]


def test_a_platform_that_stops_says_so_and_takes_no_orders(control):
    control.create_tool("demo")
    assert control.status()["phase"] == "running"

    control.stop(keep_pods=False)

    assert control.status()["phase"] == "stopping"
    for order in (control.create_tool, control.delete_tool, control.tool):
        with pytest.raises(Conflict, match="is stopping"):
            order("demo")


def test_the_record_store_forgets_one_tool_alone(state):
    folder = StateFolder(state)
    store = LocalStore(folder)
    for tool in ("demo", "other"):
        for kind in ("job", "envvar"):
            store.create(tool, kind, "a", {})

    store.forget_tool("demo")
    store.forget_tool("gone")

    assert [len(store.list(tool, "job")) for tool in ("demo", "other")] == [0, 1]
    assert store.list("demo", "envvar") == []
    store.close()
    folder.close()
