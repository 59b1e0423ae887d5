"""Items as people and as machines read them. Pure functions from values to text."""

from __future__ import annotations

import json
from collections.abc import Sequence

from toolforge_common.cli import tables
from toolforge_sample_cli.client import Item


def items_table(items: Sequence[Item]) -> str:
    """Return the usual listing."""
    return tables.simple(("Name", "Value"), items)


def as_json(items: Sequence[Item]) -> str:
    """Return the items as JSON under the names of the API."""
    return json.dumps([item._asdict() for item in items], indent=2, ensure_ascii=False)
