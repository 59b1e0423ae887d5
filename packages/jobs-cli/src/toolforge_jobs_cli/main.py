"""The program `toolforge jobs`: its commands as a table. Imports nothing heavy."""

from __future__ import annotations

from toolforge_common.cli.program import Program
from toolforge_jobs_cli import __version__

TYPE_CHECKING = False  # see toolforge_common.cli.program
if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = """\
Run programs: once, on a schedule, or all the time.

\b
Examples:
  toolforge jobs run hello --image python3.11 --command "echo hello" --wait
  toolforge jobs run tidy --image php8.2 --command ./tidy --schedule @daily
  toolforge jobs run bot --image python3.11 --command ./bot --continuous
  toolforge jobs list
"""

PROGRAM = Program(
    name="jobs",
    version=__version__,
    help=HELP,
    log_style=True,
    hot={
        ("list",): "toolforge_jobs_cli.listing:hot_list",
        ("list", "-o", "name"): "toolforge_jobs_cli.listing:hot_names",
    },
    commands={
        "run": (
            "toolforge_jobs_cli.commands.run:run",
            "Run a job: once, on a schedule, or all the time.",
        ),
        "list": ("toolforge_jobs_cli.commands.list:list_jobs", "List the tool's jobs."),
        "show": ("toolforge_jobs_cli.commands.show:show", "Show everything about a job."),
        "logs": ("toolforge_jobs_cli.commands.logs:logs", "Print what a job has written."),
        "restart": (
            "toolforge_jobs_cli.commands.restart:restart",
            "Restart a continuous job, or run a scheduled one now.",
        ),
        "delete": ("toolforge_jobs_cli.commands.delete:delete", "Stop a job and remove it."),
        "flush": (
            "toolforge_jobs_cli.commands.flush:flush",
            "Stop and remove all jobs of the tool.",
        ),
        "images": (
            "toolforge_jobs_cli.commands.images:images",
            "List the images that jobs can run in.",
        ),
    },
)


def main(arguments: Sequence[str] | None = None, prog_name: str = "") -> int:
    """Run `toolforge jobs`; without arguments as the program `toolforge-jobs` itself."""
    return PROGRAM.main(arguments, prog_name)
