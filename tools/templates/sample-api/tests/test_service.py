"""Items from request to record and back."""

import pytest

from toolforge_common.errors import Conflict, NotFound
from toolforge_common.names import ToolName
from toolforge_sample_api.domain.items import Item
from toolforge_sample_api.domain.service import SampleService

DEMO = ToolName("demo")


@pytest.fixture
def service(store):
    return SampleService(store)


def test_what_is_created_is_listed_by_name(service):
    service.create(DEMO, Item("second", "2"))
    service.create(DEMO, Item("first", "1"))

    assert service.list(DEMO) == [Item("first", "1"), Item("second", "2")]
    assert service.list(ToolName("other")) == []


def test_a_name_is_taken_once(service):
    service.create(DEMO, Item("first"))

    with pytest.raises(Conflict, match="'first'"):
        service.create(DEMO, Item("first"))


def test_what_is_deleted_is_gone(service):
    service.create(DEMO, Item("first"))

    service.delete(DEMO, "first")

    assert service.list(DEMO) == []
    with pytest.raises(NotFound, match="'first'"):
        service.delete(DEMO, "first")


def test_items_travel_over_http(client):
    created = client.post("/v1/tool/demo/sample", json={"name": "first"})
    listed = client.get("/v1/tool/demo/sample")
    deleted = client.delete("/v1/tool/demo/sample/first")

    assert (created.status, created.json()["item"]) == (201, {"name": "first", "value": ""})
    assert listed.json()["sample"] == [{"name": "first", "value": ""}]
    assert deleted.status == 200


def test_the_service_works_as_long_as_its_runtime_does(client):
    answer = client.get("/v1/healthz", signed=False)

    assert (answer.status, answer.json()["health"]["status"]) == (200, "OK")
