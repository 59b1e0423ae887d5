"""The help of the dispatcher: what there is on this machine, without running any of it."""

from __future__ import annotations

import sys

from toolforge_cli import discovery, prefix
from toolforge_cli.table import BUILT_IN
from toolforge_common.errors import InvalidRequest

_HEAD = """\
Usage: toolforge [OPTIONS] COMMAND [ARGS]...

  Run bots, scheduled jobs and web tools on Toolforge.

  Examples:
    toolforge jobs run hello --image python3.11 --command "echo hello" --wait
    toolforge jobs list
    toolforge help jobs

Options:
  -v, --verbose  Say on standard error what is asked of the servers.
  -d, --debug    Like --verbose, and show where an error came from.
  --version      Show the version and exit.
  -h, --help     Show this message and exit.

Commands:
"""
_TAIL = """
Read more: https://wikitech.wikimedia.org/wiki/Help:Toolforge
Report a problem: https://w.wiki/6Zuu
"""


def available() -> dict[str, str]:
    """Return each subcommand of this machine with its line of help, which a plug-in does not have."""
    built_in = {
        name: line for name, (_, _, line) in BUILT_IN.items() if discovery.is_installed(name)
    }
    found = discovery.plugins(_prefix()) - built_in.keys()
    return {**built_in, **{name: BUILT_IN.get(name, ("", "", ""))[2] for name in sorted(found)}}


def _prefix() -> str:
    """Return how plug-ins begin. A configuration that is wrong is told, and does not take help away."""
    try:
        return prefix.configured()
    except InvalidRequest as error:
        sys.stderr.write(f"Warning: {error.message}\n")
        return prefix.DEFAULT


def render() -> str:
    """Return the help text."""
    commands = available()
    width = max(map(len, commands), default=0) + 2
    lines = (f"  {name:{width}}{line}".rstrip() for name, line in commands.items())
    return _HEAD + "\n".join(lines) + "\n" + _TAIL
