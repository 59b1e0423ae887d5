"""The program `toolforge sample`: its commands as a table. Imports nothing heavy."""

from __future__ import annotations

from toolforge_common.cli.program import Program
from toolforge_sample_cli import __version__

TYPE_CHECKING = False  # see toolforge_common.cli.program
if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = """\
Keep items under names.

\b
Examples:
  toolforge sample list
"""

PROGRAM = Program(
    name="sample",
    version=__version__,
    help=HELP,
    hot={("list",): "toolforge_sample_cli.listing:hot_list"},
    commands={
        "list": ("toolforge_sample_cli.commands.list:list_items", "List the tool's items."),
    },
)


def main(arguments: Sequence[str] | None = None, prog_name: str = "") -> int:
    """Run `toolforge sample`; without arguments as the program `toolforge-sample` itself."""
    return PROGRAM.main(arguments, prog_name)
