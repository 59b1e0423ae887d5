"""Items, and the records that keep them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """Something that a tool keeps under a name."""

    name: str
    value: str = ""


def to_record(item: Item) -> Mapping[str, Any]:
    """Return the item as it is kept."""
    return {"value": item.value}


def from_record(name: str, data: Mapping[str, Any]) -> Item:
    """Return the item that is kept."""
    return Item(name, data["value"])
