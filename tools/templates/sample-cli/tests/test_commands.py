"""The commands, from what is typed to what is printed."""

import json

import pytest

from toolforge_common.testing import FakeService, Finished, answer

TABLE = "Name      Value\n------  -------\nfirst         1\nsecond        1\n"


@pytest.fixture
def two_items(wire):
    return FakeService(answer(sample=[wire("first"), wire("second")]))


def test_a_listing_for_people(sample, two_items):
    assert sample("list", service=two_items) == Finished(0, TABLE)
    assert two_items.asked == [("GET", "/sample/v1/tool/demo/sample", None)]


def test_a_listing_for_machines(sample, two_items):
    finished = sample("list", "--output", "json", service=two_items)

    assert json.loads(finished.stdout) == [
        {"name": "first", "value": "1"},
        {"name": "second", "value": "1"},
    ]


@pytest.mark.parametrize(("output", "printed"), [("table", ""), ("json", "[]\n")])
def test_no_items_are_no_output_and_no_failure(sample, output, printed):
    service = FakeService(answer(sample=[]))

    assert sample("list", "--output", output, service=service) == Finished(0, printed)


def test_people_without_items_are_told(sample):
    service = FakeService(answer(sample=[]))

    assert sample("list", service=service, is_terminal=True).stderr == "There are no items.\n"
