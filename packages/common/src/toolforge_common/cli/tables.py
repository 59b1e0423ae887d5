"""Tables of text in the three styles that Toolforge's commands have always printed.

Cells are strings; a line break in one makes its row higher. Wide and combining characters count by the
columns that they take on a terminal. The layouts are those of the styles of that name in the `tabulate`
package, which scripts parse; it is not used because importing it takes longer than importing Click.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Row = Sequence[str]
_Cell = list[str]
_Align = Callable[[str, int], str]

# The `simple` style leaves headers some air.
_SIMPLE_HEADER_PADDING = 2


def pretty(headers: Row, rows: Sequence[Row]) -> str:
    """Return a table with frame and header, every cell centred."""
    header, *body = (_split(row) for row in [headers, *rows])
    widths = _widths([header, *body])
    rule = _rule(widths)
    lines = [rule, *_framed(header, widths, _centred), rule]
    for row in body:
        lines += _framed(row, widths, _centred)
    return "\n".join([*lines, rule])


def grid(rows: Sequence[Row]) -> str:
    """Return a table with a frame around each cell, without header, flush left. No rows give no text."""
    if not rows:
        return ""
    body = [_split(row) for row in rows]
    widths = _widths(body)
    rule = _rule(widths)
    lines = [rule]
    for row in body:
        lines += [*_framed(row, widths, _left), rule]
    return "\n".join(lines)


def simple(headers: Row, rows: Sequence[Row]) -> str:
    """Return a table with a ruled header and no frame; columns of whole numbers are flush right."""
    header, *body = (_split(row) for row in [headers, *rows])
    padding = " " * _SIMPLE_HEADER_PADDING
    widths = _widths([[[line + padding for line in cell] for cell in header], *body])
    aligns = [
        _right if _are_numbers([row[column] for row in rows]) else _left
        for column in range(len(headers))
    ]
    lines = [*_aligned(header, widths, aligns), "  ".join("-" * width for width in widths)]
    for row in body:
        lines += _aligned(row, widths, aligns)
    return "\n".join(lines)


def width_of(text: str) -> int:
    """Return how many columns a line takes on a terminal."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415  most tables are plain ASCII

    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def _split(row: Row) -> list[_Cell]:
    return [cell.strip().splitlines() or [""] for cell in row]


def _widths(table: Sequence[Sequence[_Cell]]) -> list[int]:
    return [
        max(width_of(line) for cell in column for line in cell)
        for column in zip(*table, strict=True)
    ]


def _heightened(row: Sequence[_Cell]) -> list[tuple[str, ...]]:
    """Return the lines of a row, each with its part of every cell."""
    height = max(len(cell) for cell in row)
    return list(zip(*([*cell, *[""] * (height - len(cell))] for cell in row), strict=True))


def _framed(row: Sequence[_Cell], widths: Sequence[int], align: _Align) -> list[str]:
    return [
        "| " + " | ".join(map(align, parts, widths)) + " |"  # all of one length
        for parts in _heightened(row)
    ]


def _aligned(row: Sequence[_Cell], widths: Sequence[int], aligns: Sequence[_Align]) -> list[str]:
    return [
        "  ".join(
            align(part, width) for align, part, width in zip(aligns, parts, widths, strict=True)
        ).rstrip()
        for parts in _heightened(row)
    ]


def _rule(widths: Sequence[int]) -> str:
    return "+" + "+".join("-" * (width + 2) for width in widths) + "+"


def _left(text: str, width: int) -> str:
    return text + " " * (width - width_of(text))


def _right(text: str, width: int) -> str:
    return " " * (width - width_of(text)) + text


def _centred(text: str, width: int) -> str:
    room = width - width_of(text)
    return " " * (room // 2) + text + " " * (room - room // 2)


def _are_numbers(cells: Sequence[str]) -> bool:
    given = [cell.strip() for cell in cells if cell.strip()]
    return bool(given) and all(cell.lstrip("+-").isdecimal() for cell in given)
