"""The program `toolforge dev`: its commands as a table. Imports nothing heavy."""

from __future__ import annotations

from toolforge_common.cli.program import Program
from toolforge_dev import __version__

TYPE_CHECKING = False  # see toolforge_common.cli.program
if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = """\
Run Toolforge itself on this machine.

\b
Examples:
  toolforge dev up
  toolforge dev tool create demo
  toolforge dev shell demo
  toolforge dev shell demo -- toolforge jobs list
  toolforge dev down
"""

PROGRAM = Program(
    name="dev",
    version=__version__,
    help=HELP,
    commands={
        "up": ("toolforge_dev.commands.up:up", "Start the platform."),
        "down": ("toolforge_dev.commands.down:down", "Stop the platform and what runs on it."),
        "status": ("toolforge_dev.commands.status:status", "Show the running platform."),
        "doctor": (
            "toolforge_dev.commands.doctor:doctor",
            "Look for what this machine lacks, and say how to mend it.",
        ),
        "tool": ("toolforge_dev.commands.tool:tool", "Create, list and delete tools."),
        "shell": ("toolforge_dev.commands.shell:shell", "Work as a tool."),
    },
)


def main(arguments: Sequence[str] | None = None, prog_name: str = "") -> int:
    """Run `toolforge dev`; without arguments as the program `toolforge-dev` itself."""
    return PROGRAM.main(arguments, prog_name)
