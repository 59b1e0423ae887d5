"""The Click group of a program: it knows its commands from the table and imports one when it is run.

This is the one place that imports Click before a command does.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from click.exceptions import Abort, ClickException, Exit

from toolforge_common.cli import errors, static_help
from toolforge_common.cli.program import HELP_NAMES, Program, locate
from toolforge_common.cli.session import Session

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """A group whose commands stand in a table."""

    def __init__(self, program: Program, **attributes: Any) -> None:
        super().__init__(name=program.name, help=program.help, **attributes)
        self._program = program

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  Click's signature
        """Return the names in the order of the table: common ones first."""
        return list(self._program.commands)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  Click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """Return the command, imported now, or None if there is none of that name."""
        if cmd_name == "help":
            return _help_command
        if cmd_name == "_commands":
            return _names_command
        if cmd_name not in self._program.commands:
            return None
        command = locate(self._program.commands[cmd_name][0])
        assert isinstance(command, click.Command)  # noqa: S101  a test loads every row
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name, or refuse with the nearest name."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            import difflib  # noqa: PLC0415  rarely wanted

            near = difflib.get_close_matches(name, self._program.commands, n=1)
            advice = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {name!r}.{advice}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the names from the table that begin like that, and the options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415  only when a shell asks

        names = [
            CompletionItem(name, help=line)
            for name, (_, line) in self._program.commands.items()
            if name.startswith(incomplete)
        ]
        # Not the method of the group, which would import every command for its line of help.
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  Click's signature
        """Write the commands with their line from the table; Click's own would import them all."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._program.commands.items()])


def run_group(program: Program, arguments: Sequence[str], prog_name: str, session: Session) -> int:
    """Run the command that the arguments name and return its exit code, or that of a usage error."""
    group = build_group(program)
    if program.complete_var in os.environ:
        # Click answers a shell's question for completions here, and leaves.
        group.main(list(arguments), prog_name=prog_name, complete_var=program.complete_var)
    try:
        return _run(group, arguments, prog_name, session)
    except Exit as end:
        return end.exit_code
    except ClickException as error:
        error.show()
        return error.exit_code
    except Abort:
        return errors.INTERRUPTED


def _run(group: LazyGroup, arguments: Sequence[str], prog_name: str, session: Session) -> int:
    with group.make_context(prog_name, list(arguments) or ["help"], obj=session) as context:
        if not arguments:
            click.echo(group.get_help(context), err=True)
            return errors.USAGE_ERROR
        result = group.invoke(context)
    return result if isinstance(result, int) else errors.DONE


def build_group(program: Program) -> LazyGroup:
    """Return the group of the program with the options that every group has."""
    hidden = not static_help.shows_own_switches()
    return LazyGroup(
        program,
        params=[
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_show_version(program),
                help=static_help.VERSION_HELP,
            ),
            click.Option(
                ["-v", "--verbose"], is_flag=True, hidden=hidden, help=static_help.VERBOSE_HELP
            ),
            click.Option(
                ["-d", "--debug"], is_flag=True, hidden=hidden, help=static_help.DEBUG_HELP
            ),
        ],
        callback=_remember_switches,
        context_settings={"help_option_names": list(HELP_NAMES)},
    )


def _remember_switches(*, verbose: bool, debug: bool) -> None:
    session = click.get_current_context().find_object(Session)
    assert session is not None  # noqa: S101  the runner puts it there
    session.switch_on(verbose=verbose, debug=debug)


def _show_version(program: Program) -> Any:
    def show(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  Click's signature
        if value and not ctx.resilient_parsing:
            click.echo(f"{ctx.command_path}, version {program.version}")
            ctx.exit()

    return show


@click.command("help", hidden=True)
@click.argument("name", required=False)
@click.pass_context
def _help_command(ctx: click.Context, name: str | None) -> None:
    """Show the help of the group or of one of its commands."""
    group = ctx.parent
    assert group is not None  # noqa: S101  it is only found through a group
    assert isinstance(group.command, LazyGroup)  # noqa: S101  likewise
    if name is None:
        click.echo(group.get_help())
        return
    _, command, _ = group.command.resolve_command(group, [name])
    assert command is not None  # noqa: S101  an unknown name was refused
    with click.Context(command, info_name=name, parent=group) as inner:
        click.echo(command.get_help(inner))


@click.command("_commands", hidden=True)
@click.pass_context
def _names_command(ctx: click.Context) -> None:
    """Print the names of all commands, for completion scripts."""
    group = ctx.parent
    assert group is not None  # noqa: S101  it is only found through a group
    assert isinstance(group.command, LazyGroup)  # noqa: S101  likewise
    click.echo("\n".join(sorted(group.command.list_commands(group))))
