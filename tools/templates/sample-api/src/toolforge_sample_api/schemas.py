"""Items on the wire to items of the domain, and back. What is allowed is the document's business alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields, post_load

from toolforge_sample_api.domain.items import Item


class ItemSchema(Schema):
    """An item, asked for or kept."""

    name = fields.String(required=True)
    value = fields.String(load_default="")

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> Item:
        """Return the item."""
        return Item(**data)


def load_item(body: Mapping[str, Any]) -> Item:
    """Return the item that a request describes."""
    item: Item = ItemSchema().load(body)
    return item


def dump_item(item: Item) -> Mapping[str, Any]:
    """Return the item as answers have it."""
    dumped: Mapping[str, Any] = ItemSchema().dump(item)
    return dumped


def dump_items(items: Sequence[Item]) -> Sequence[Mapping[str, Any]]:
    """Return the items as answers have them."""
    return [dump_item(item) for item in items]
