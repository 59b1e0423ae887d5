"""What every record store does."""

from __future__ import annotations

import threading

import pytest

from toolforge_common.errors import Conflict, NotFound
from toolforge_common.names import ToolName
from toolforge_runtime.ports import Record, Store

DEMO, OTHER = ToolName("demo"), ToolName("other")


class StoreContract:
    """Subclass it, named Test…, with a fixture `store` that gives an empty store."""

    @pytest.fixture
    def store(self) -> Store:
        """Give an empty store."""
        raise NotImplementedError

    def test_what_was_created_is_there(self, store: Store) -> None:
        data = {"text": "ä\n", "number": 1, "list": [1, {"a": None}], "flag": True}
        created = store.create(DEMO, "job", "a", data)

        assert created == Record(DEMO, "job", "a", data, created.version)
        assert store.get(DEMO, "job", "a") == created

    def test_a_second_one_of_the_same_name_is_a_conflict(self, store: Store) -> None:
        first = store.create(DEMO, "job", "a", {})

        with pytest.raises(Conflict):
            store.create(DEMO, "job", "a", {"other": 1})
        assert store.get(DEMO, "job", "a") == first

    def test_names_are_apart_by_kind_and_by_tool(self, store: Store) -> None:
        for tool, kind in ((DEMO, "job"), (DEMO, "note"), (OTHER, "job")):
            store.create(tool, kind, "a", {"of": tool})

        assert [record.data for record in store.list(DEMO, "job")] == [{"of": DEMO}]
        assert [record.data for record in store.list(OTHER, "job")] == [{"of": OTHER}]

    def test_a_list_is_sorted_by_name(self, store: Store) -> None:
        for name in ("b", "a-2", "a", "c"):
            store.create(DEMO, "job", name, {})

        assert [record.name for record in store.list(DEMO, "job")] == ["a", "a-2", "b", "c"]

    def test_nothing_is_an_empty_list(self, store: Store) -> None:
        assert list(store.list(DEMO, "job")) == []

    def test_what_is_not_there_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotFound):
            store.get(DEMO, "job", "a")
        with pytest.raises(NotFound):
            store.delete(DEMO, "job", "a")
        with pytest.raises(NotFound):
            store.replace(Record(DEMO, "job", "a", {}, "1"), {})

    def test_a_replacement_has_another_version(self, store: Store) -> None:
        first = store.create(DEMO, "job", "a", {"number": 1})
        second = store.replace(first, {"number": 2})

        assert second == Record(DEMO, "job", "a", {"number": 2}, second.version)
        assert second.version != first.version
        assert store.get(DEMO, "job", "a") == second

    def test_an_outdated_replacement_is_a_conflict(self, store: Store) -> None:
        first = store.create(DEMO, "job", "a", {"number": 1})
        second = store.replace(first, {"number": 2})

        with pytest.raises(Conflict):
            store.replace(first, {"number": 3})
        assert store.get(DEMO, "job", "a") == second

    def test_a_record_made_anew_is_not_its_predecessor(self, store: Store) -> None:
        first = store.create(DEMO, "job", "a", {})
        store.delete(DEMO, "job", "a")
        store.create(DEMO, "job", "a", {})

        with pytest.raises(Conflict):
            store.replace(first, {"number": 1})

    def test_what_was_deleted_is_gone(self, store: Store) -> None:
        store.create(DEMO, "job", "a", {})
        store.delete(DEMO, "job", "a")

        assert list(store.list(DEMO, "job")) == []
        with pytest.raises(NotFound):
            store.get(DEMO, "job", "a")

    def test_changing_what_was_read_changes_nothing(self, store: Store) -> None:
        given = {"list": [1]}
        read = store.create(DEMO, "job", "a", given)
        given["list"].append(2)
        read.data["list"].append(3)

        assert store.get(DEMO, "job", "a").data == {"list": [1]}

    def test_of_writers_at_the_same_time_one_wins(self, store: Store) -> None:
        first = store.create(DEMO, "job", "a", {})
        outcomes: list[str] = []

        def write(number: int) -> None:
            try:
                store.replace(first, {"number": number})
                outcomes.append("won")
            except Conflict:
                outcomes.append("lost")

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(outcomes) == ["lost"] * 7 + ["won"]
