"""The use cases of items."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from toolforge_common.errors import Conflict, NotFound
from toolforge_common.names import ToolName
from toolforge_runtime.ports import Store
from toolforge_sample_api.domain.items import Item, from_record, to_record

logger = structlog.get_logger()

KIND = "sample"


class SampleService:
    """Creates, lists and deletes the items of tools."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, tool: ToolName) -> Sequence[Item]:
        """Return all items of the tool, by name."""
        return [from_record(record.name, record.data) for record in self._store.list(tool, KIND)]

    def create(self, tool: ToolName, item: Item) -> Item:
        """Keep a new item and return it. Raises Conflict if there is one of that name."""
        try:
            self._store.create(tool, KIND, item.name, to_record(item))
        except Conflict as error:
            raise Conflict(
                f"there is an item {item.name!r} already", hint="delete it first"
            ) from error
        logger.info("item_created", item=item.name)
        return item

    def delete(self, tool: ToolName, name: str) -> None:
        """Forget the item. Raises NotFound if there is none."""
        try:
            self._store.delete(tool, KIND, name)
        except NotFound as error:
            raise NotFound(f"there is no item {name!r}", hint="toolforge sample list") from error
        logger.info("item_deleted", item=name)
