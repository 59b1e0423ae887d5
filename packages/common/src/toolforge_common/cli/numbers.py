"""Whole numbers on a command line, in words for people: Click's own speak of integer ranges."""

from __future__ import annotations

from typing import Any, NoReturn

import click


class WholeNumber(click.ParamType):  # type: ignore[type-arg]  # Click 8.1 has no argument for it
    """A whole number from `least` to `most`, where they are given."""

    name = "number"

    def __init__(self, least: int | None = None, most: int | None = None) -> None:
        self._least = least
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number, or refuse the option with what it must be."""
        try:
            number = int(value)
        except ValueError:
            self._refuse(value, param, ctx)
        below = self._least is not None and number < self._least
        above = self._most is not None and number > self._most
        if below or above:
            self._refuse(value, param, ctx)
        return number

    def _refuse(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> NoReturn:
        self.fail(f"{value!r} is not a whole number{self._range()}.", param, ctx)

    def _range(self) -> str:
        if self._most is None:
            return "" if self._least is None else f", {self._least} or more"
        return (
            f" up to {self._most}"
            if self._least is None
            else f" from {self._least} to {self._most}"
        )
