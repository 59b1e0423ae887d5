"""States are found by tool and by pod, and no longer found once they are gone."""

import datetime
from decimal import Decimal

from toolforge_runtime.local.holding import Holdings
from toolforge_runtime.local.states import State, new_id, new_pod
from toolforge_runtime.ports import Container, Resources, Workload, WorkloadKind

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def state(tool, name):
    container = Container("bookworm", ("/bin/true",), Resources(1, 1, Decimal(1), Decimal(1)))
    return State(Workload(tool, name, WorkloadKind.CONTINUOUS, container), NOW, NOW)


def test_states_of_a_tool_are_sorted_and_nobody_elses():
    b, a, other = state("demo", "b"), state("demo", "a"), state("other", "a")
    holdings = Holdings([b, a, other])

    assert holdings.of_tool("demo") == [a, b]
    assert holdings.of_tool("nobody") == []
    holdings.remove(("demo", "a"))
    assert holdings.of_tool("demo") == [b]
    assert dict(holdings) == {("demo", "b"): b, ("other", "a"): other}


def test_pods_that_were_there_from_the_beginning_are_found():
    a = state("demo", "a")
    pod = new_pod(a, NOW)

    assert Holdings([a]).with_pod(pod.id) == (("demo", "a"), a, pod)


def test_a_pod_is_found_by_its_present_id_alone():
    a = state("demo", "a")
    holdings = Holdings([a])
    pod = new_pod(a, NOW)
    first = pod.id
    assert holdings.with_pod(first) is None
    holdings.note_pods(("demo", "a"))
    assert holdings.with_pod(first) == (("demo", "a"), a, pod)
    pod.id = new_id()
    assert holdings.with_pod(first) is None
    holdings.note_pods(("demo", "a"))

    assert holdings.with_pod(first) is None
    assert holdings.with_pod(pod.id) == (("demo", "a"), a, pod)
    a.pods.clear()
    holdings.note_pods(("demo", "a"))
    assert holdings.with_pod(pod.id) is None


def test_pods_of_a_removed_workload_are_not_found():
    a = state("demo", "a")
    pod = new_pod(a, NOW)
    holdings = Holdings([a])
    holdings.remove(("demo", "a"))

    assert holdings.with_pod(pod.id) is None
    assert len(holdings) == 0
