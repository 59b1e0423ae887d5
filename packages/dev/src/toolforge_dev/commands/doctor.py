"""`toolforge dev doctor`: look for what this machine lacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from toolforge_common.cli.console import Console
from toolforge_common.cli.session import Session, pass_session
from toolforge_common.errors import Forbidden
from toolforge_dev import doctor as checks
from toolforge_dev import render
from toolforge_dev.admin_client import AdminClient
from toolforge_dev.commands.options import output_option
from toolforge_dev.commands.places import own_state
from toolforge_dev.presence import RUNNING, NotAnswering, NotRunning
from toolforge_dev.settings import GATEWAY_PORT, ROUTES_PORT, Places

HELP = """\
Look for what this machine lacks, and say what to type to mend it. Changes nothing.

Exits with 1 if the platform cannot work as it is.

\b
Example:
  toolforge dev doctor
"""


@click.command(short_help="Look for what this machine lacks, and say how to mend it.", help=HELP)
@output_option
@pass_session
def doctor(session: Session, output: str) -> int:
    """Make every check."""
    return report(diagnose(own_state()), session.console, output)


def diagnose(state: Path) -> list[checks.Check]:
    """Return every finding, with what the running platform or a trial says of the runtime."""
    try:
        description = AdminClient(Places(state)).status()
    except (NotRunning, Forbidden):
        ports = (GATEWAY_PORT, ROUTES_PORT)
        return [*checks.examine(state, ports, is_running=False), *checks.try_runtime()]
    except NotAnswering as silent:
        # Its ports are its own, whichever they are.
        examined = checks.examine(state, (GATEWAY_PORT, ROUTES_PORT), is_running=True)
        return [checks.in_between(silent.message), *examined]
    ports = (_port(description["gateway_url"]), _port(description["routes_url"]))
    found = checks.examine(state, ports, is_running=True)
    if description["phase"] != RUNNING:
        return [checks.in_between(f"the platform is {description['phase']}"), *found]
    return [*found, *checks.judge_runtime(description)]


def _port(url: str) -> int:
    return urlsplit(url).port or 0


def report(found: Sequence[checks.Check], console: Console, output: str) -> int:
    """Print the findings; return the exit code."""
    listed = [dataclasses.asdict(check) for check in found]
    console.data(render.as_json(listed) if output == "json" else render.checks(listed))
    return int(any(check.level == checks.FAIL for check in found))
