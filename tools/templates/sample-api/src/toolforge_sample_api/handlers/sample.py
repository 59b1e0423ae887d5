"""Items: created, listed, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolforge_common.names import ToolName
from toolforge_sample_api.domain.service import SampleService
from toolforge_sample_api.schemas import dump_item, dump_items, load_item

Answer = Mapping[str, Any]


class SampleHandlers:
    """Answers about the items of a tool."""

    def __init__(self, service: SampleService) -> None:
        self._service = service

    def list_items(self, toolname: str) -> Answer:
        """Return all items."""
        return {"sample": dump_items(self._service.list(ToolName(toolname))), "messages": {}}

    def create_item(self, toolname: str, body: Mapping[str, Any]) -> tuple[Answer, int]:
        """Create an item."""
        item = self._service.create(ToolName(toolname), load_item(body))
        return {"item": dump_item(item), "messages": {}}, 201

    def delete_item(self, toolname: str, name: str) -> Answer:
        """Delete one item."""
        self._service.delete(ToolName(toolname), name)
        return {"messages": {}}
