"""Kubernetes quantities: `500m`, `0.5Gi`, `1G` as exact numbers, and back as jobs write them."""

from __future__ import annotations

import re
from decimal import Decimal

from toolforge_common.errors import InvalidRequest

_QUANTITY = re.compile(
    r"(?P<number>[0-9]{1,18}(?:\.[0-9]{1,9})?)(?P<suffix>[numkMGTPE]|[KMGTPE]i)?"
)
_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{name: Decimal(1000) ** power for power, name in enumerate("kMGTPE", start=1)},
    **{f"{name}i": Decimal(1024) ** power for power, name in enumerate("KMGTPE", start=1)},
}
_GIBI = Decimal(1024) ** 3


def parse_quantity(text: str) -> Decimal:
    """Return the quantity as a plain number (bytes, cores). Raises InvalidRequest if it is none."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise InvalidRequest(
            f"{text!r} is not a quantity",
            hint="write a number with an optional suffix, such as 500m, 0.5Gi or 1G",
        )
    return Decimal(match["number"]) * _SUFFIXES[match["suffix"] or ""]


def memory_in_gibibytes(amount: Decimal) -> str:
    """Write bytes as gibibytes, three decimals then the shortest float: 10^9 becomes `0.931Gi`."""
    return f"{float(round(amount / _GIBI, 3))}Gi"


def cpu_in_cores(amount: Decimal) -> str:
    """Write cores as a plain float: 0.5 for `500m`, 1.0 for `1`."""
    return str(float(amount))
