"""What every tenancy does."""

from __future__ import annotations

import datetime

import pytest

from toolforge_common.errors import Conflict, InvalidRequest, NotFound
from toolforge_common.names import ToolName
from toolforge_runtime.ports import Tenancy

DEMO, OTHER = ToolName("demo"), ToolName("other")


class TenancyContract:
    """Subclass it, named Test…, with a fixture `tenancy` that gives one without tools."""

    @pytest.fixture
    def tenancy(self) -> Tenancy:
        """Give a tenancy without tools."""
        raise NotImplementedError

    def test_what_was_created_is_there(self, tenancy: Tenancy) -> None:
        tool = tenancy.create(DEMO)

        assert tenancy.get(DEMO) == tool
        assert (tool.name, tool.enabled, tool.home.name) == (DEMO, True, DEMO)
        assert tool.created_at.tzinfo is datetime.UTC

    def test_a_second_one_of_the_same_name_is_a_conflict(self, tenancy: Tenancy) -> None:
        tool = tenancy.create(DEMO)

        with pytest.raises(Conflict):
            tenancy.create(DEMO)
        assert tenancy.get(DEMO) == tool

    @pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a-", "../a", "a/b", "x" * 54])
    def test_names_that_no_tool_can_have_are_refused(self, tenancy: Tenancy, name: str) -> None:
        with pytest.raises(InvalidRequest):
            tenancy.create(ToolName(name))
        assert list(tenancy.list()) == []

    def test_a_list_is_sorted_by_name(self, tenancy: Tenancy) -> None:
        for name in ("b", "a", "a-2"):
            tenancy.create(ToolName(name))

        assert [tool.name for tool in tenancy.list()] == ["a", "a-2", "b"]

    def test_what_is_not_there_is_not_found(self, tenancy: Tenancy) -> None:
        with pytest.raises(NotFound):
            tenancy.get(DEMO)
        with pytest.raises(NotFound):
            tenancy.set_enabled(DEMO, enabled=False)
        with pytest.raises(NotFound):
            tenancy.delete(DEMO)

    def test_a_tool_can_be_disabled_and_enabled(self, tenancy: Tenancy) -> None:
        tenancy.create(DEMO)
        tenancy.create(OTHER)

        assert not tenancy.set_enabled(DEMO, enabled=False).enabled
        assert not tenancy.get(DEMO).enabled
        assert tenancy.get(OTHER).enabled
        assert tenancy.set_enabled(DEMO, enabled=True) == tenancy.get(DEMO)
        assert tenancy.get(DEMO).enabled

    def test_what_was_deleted_is_gone(self, tenancy: Tenancy) -> None:
        tenancy.create(DEMO)
        tenancy.delete(DEMO)

        assert list(tenancy.list()) == []
        with pytest.raises(NotFound):
            tenancy.get(DEMO)

    def test_numbers_are_the_tools_own_and_never_given_again(self, tenancy: Tenancy) -> None:
        first, other = tenancy.create(DEMO), tenancy.create(OTHER)
        tenancy.delete(DEMO)
        tenancy.delete(OTHER)
        again = tenancy.create(OTHER)

        assert len({first.uid, other.uid, again.uid}) == 3
        assert min(first.uid, other.uid, again.uid) >= 52000

    def test_a_tool_made_anew_is_enabled_and_younger(self, tenancy: Tenancy) -> None:
        first = tenancy.create(DEMO)
        tenancy.set_enabled(DEMO, enabled=False)
        tenancy.delete(DEMO)
        again = tenancy.create(DEMO)

        assert again.enabled
        assert again.created_at > first.created_at
