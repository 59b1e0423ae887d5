"""Completion for bash, zsh and fish: one script for `toolforge`, whatever its subcommands.

When the words name a built-in subcommand, the question is rewritten as if the subcommand's own program
had been asked, and handed on. Other programs are not asked, because one that knows nothing of
completion would do its work when somebody presses the tabulator.
"""

from __future__ import annotations

import re

import click

from toolforge_cli import help_text
from toolforge_cli.table import BUILT_IN

VARIABLE = "_TOOLFORGE_COMPLETE"

# The dispatcher, its switches, the name of a subcommand, and what follows it.
_WORDS = re.compile(r"(?P<before>\S+(?:\s+-\S*)*)\s+(?P<name>[^\s-]\S*)(?P<after>\s.*|)", re.DOTALL)


def rewritten(environ: dict[str, str]) -> tuple[str, dict[str, str]] | None:
    """Return the subcommand to ask and the variables to ask it with, or None if the question is ours.

    Bash and zsh send the index of the word, which shrinks by the words before the subcommand's name;
    fish sends the word itself.
    """
    match = _WORDS.fullmatch(environ.get("COMP_WORDS", ""))
    if match is None or match["name"] not in BUILT_IN or not match["after"]:
        return None
    name, word = match["name"], environ.get("COMP_CWORD", "")
    if not environ[VARIABLE].startswith("fish"):
        index = int(word) - len(match["before"].split())
        if index < 1:
            return None
        word = str(index)
    variable = f"_TOOLFORGE_{name.upper().replace('-', '_')}_COMPLETE"
    return name, {
        variable: environ[VARIABLE],
        "COMP_WORDS": f"toolforge-{name}{match['after']}",
        "COMP_CWORD": word,
    }


def answer() -> None:
    """Answer for the dispatcher itself and leave; Click knows how each shell wants it."""
    names = help_text.available()
    group = click.Group(
        "toolforge",
        commands={name: click.Command(name, short_help=line) for name, line in names.items()},
        params=[
            click.Option(["-v", "--verbose"], is_flag=True),
            click.Option(["-d", "--debug"], is_flag=True),
            click.Option(["--version"], is_flag=True),
        ],
    )
    group.main([], prog_name="toolforge", complete_var=VARIABLE)
