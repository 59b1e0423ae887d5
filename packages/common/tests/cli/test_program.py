"""Programs as tables: their help, their commands, and what becomes of their errors."""

import io
import os
import subprocess
import sys
import types
from pathlib import Path

import click
import pytest

from toolforge_common.cli import program as program_module
from toolforge_common.cli import static_help
from toolforge_common.cli.group import build_group
from toolforge_common.cli.program import Program
from toolforge_common.cli.session import Session, pass_session
from toolforge_common.errors import InvalidRequest, Unavailable
from toolforge_common.testing import Finished, captured, run_command

HELP = """\
Do things.

\b
Examples:
  toolforge things make one --with-a-very-long-option-that-nobody-would-want-to-see-wrapped
"""


@click.command(short_help="Make a thing.", help="Make a thing.\n\nIn two paragraphs.")
@click.argument("name")
@pass_session
def make(session: Session, name: str) -> int:
    session.console.data(f"made {name}")
    return 3 if name == "three" else 0


@click.command(short_help="Fail in some way.", help="Fail in some way.")
@click.argument("how")
def fail(how: str) -> None:
    raise {
        "refusal": InvalidRequest("it cannot be", hint="try another"),
        "failure": Unavailable("it is down"),
        "surprise": ZeroDivisionError("oops"),
        "usage": click.UsageError("not so"),
        "pipe": BrokenPipeError(),
        "interrupt": KeyboardInterrupt(),
        "abort": click.Abort(),
    }[how]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("TOOLFORGE_CLI", "TOOLFORGE_VERBOSE", "TOOLFORGE_DEBUG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def things(monkeypatch):
    """A program whose commands can be imported for the length of the test."""
    module = types.ModuleType("tests_things")
    module.make, module.fail = make, fail
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return Program(
        name="things",
        version="1.2.3",
        help=HELP,
        commands={
            "make": ("tests_things:make", "Make a thing."),
            "fail": ("tests_things:fail", "Fail in some way."),
        },
    )


def ordinary_group(program: Program) -> click.Group:
    """Return a group as everybody makes them, with every command imported."""
    group = click.Group(
        "things", help=program.help, context_settings=build_group(program).context_settings
    )
    group.params = build_group(program).params
    for name in program.commands:
        group.add_command(build_group(program).get_command(click.Context(group), name), name)
    group.list_commands = lambda _: list(program.commands)
    return group


@pytest.mark.parametrize("columns", ["80", "200", "100"])
@pytest.mark.parametrize("dispatched", ["0", "1"])
def test_help_is_word_for_word_what_click_prints(things, monkeypatch, columns, dispatched):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TOOLFORGE_CLI", dispatched)
    group = ordinary_group(things)

    with click.Context(group, info_name="toolforge things", **group.context_settings) as context:
        expected = group.get_help(context) + "\n"

    assert static_help.render(things, "toolforge things") == expected
    assert run_command(things, ["--help"]) == Finished(0, expected)


def test_help_that_would_be_wrapped_is_left_to_click(things, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")

    assert static_help.render(things, "toolforge things") is None
    with captured(io.StringIO(), io.StringIO()) as (stdout, _):
        assert things.run(["--help"], "toolforge things") == 0
    assert "Make a thing." in stdout.getvalue()


@pytest.mark.parametrize(
    ("columns", "width"), [("100", 78), ("80", 78), ("60", 58), ("0", 78), ("wide", 78), ("", 78)]
)
def test_the_width_of_help_is_clicks(monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    # The real standard output of a test run is nobody's terminal.
    monkeypatch.setattr(os, "get_terminal_size", fail_as_on_a_pipe)

    assert static_help.terminal_width() == width


def fail_as_on_a_pipe(_descriptor):
    raise OSError("not a terminal")


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["help"]])
def test_there_are_many_ways_to_ask_for_help(things, arguments):
    expected = static_help.render(things, "toolforge things")

    with captured(io.StringIO(), io.StringIO()) as (stdout, stderr):
        code = things.run(arguments, "toolforge things")

    assert (code, stdout.getvalue(), stderr.getvalue()) == (0, expected, "")


@pytest.mark.parametrize("columns", ["80", "50"])
def test_a_subcommand_is_mandatory(things, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)

    with captured(io.StringIO(), io.StringIO()) as (stdout, stderr):
        code = things.run([], "toolforge things")

    assert (code, stdout.getvalue()) == (2, "")
    assert stderr.getvalue().startswith("Usage: toolforge things [OPTIONS] COMMAND")


@pytest.mark.parametrize("arguments", [["make", "--help"], ["make", "-h"], ["help", "make"]])
def test_a_command_has_help_of_its_own(things, arguments):
    finished = run_command(things, arguments)

    assert finished.exit_code == 0
    assert finished.stdout.startswith(
        "Usage: toolforge things make [OPTIONS] NAME\n\n  Make a thing.\n\n  In two paragraphs.\n"
    )


def test_help_of_the_group_is_there_in_a_narrow_terminal_too(things, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")

    assert run_command(things, ["help"]) == run_command(things, ["--help"])


@pytest.mark.parametrize("arguments", [["mkae", "x"], ["help", "mkae"]])
def test_a_typo_gets_a_suggestion_and_nothing_is_run(things, arguments):
    finished = run_command(things, arguments)

    assert (finished.exit_code, finished.stdout) == (2, "")
    assert finished.stderr.endswith("Error: No such command 'mkae'. Did you mean 'make'?\n")


def test_an_unlikely_name_gets_no_suggestion(things):
    assert run_command(things, ["xyz"]).stderr.endswith("Error: No such command 'xyz'.\n")


def test_an_unknown_option_is_a_usage_error(things):
    finished = run_command(things, ["--nonsense"])

    assert finished.exit_code == 2
    assert "--nonsense" in finished.stderr


def test_the_version_has_the_name_that_was_typed(things):
    assert run_command(things, ["--version"]) == Finished(0, "toolforge things, version 1.2.3\n")
    assert run_command(things, ["--version"], prog_name="toolforge-things").stdout == (
        "toolforge-things, version 1.2.3\n"
    )


def test_commands_choose_their_exit_code(things):
    assert run_command(things, ["make", "one"]) == Finished(0, "made one\n")
    assert run_command(things, ["make", "three"]) == Finished(3, "made three\n")


def test_a_refusal_is_told_as_it_stands(things):
    assert run_command(things, ["fail", "refusal"]) == Finished(
        1, "", "Error: it cannot be\nHint: try another\n"
    )


def test_a_failure_is_named(things):
    assert run_command(things, ["fail", "failure"]) == Finished(
        2,
        "",
        "Unavailable: it is down\nIf this goes on, please report it: https://w.wiki/6Zuu\n",
    )


def test_errors_are_red_for_people(things):
    finished = run_command(things, ["fail", "refusal"], is_terminal=True)

    assert finished.stderr == "\x1b[31mError: it cannot be\x1b[0m\nHint: try another\n"


def test_a_program_may_write_errors_as_log_lines(things):
    things.log_style = True

    assert run_command(things, ["fail", "refusal"]).stderr == (
        "ERROR: it cannot be\nHint: try another\n"
    )


def test_the_names_of_commands_are_listed_for_completion_scripts(things):
    assert run_command(things, ["_commands"]) == Finished(0, "fail\nmake\n")
    assert "_commands" not in run_command(things, ["--help"]).stdout


def test_a_surprise_takes_one_line_and_points_at_debug(things):
    with captured(io.StringIO(), io.StringIO()) as (stdout, stderr):
        code = things.run(["fail", "surprise"], "toolforge things")

    assert (code, stdout.getvalue()) == (2, "")
    assert stderr.getvalue() == (
        "ZeroDivisionError: oops\n"
        "If this goes on, please report it: https://w.wiki/6Zuu\n"
        "Run it with --debug to see where this came from.\n"
    )


@pytest.mark.parametrize("switch", [["--debug"], ["-d"]])
def test_debug_shows_where_an_error_came_from(things, switch):
    with captured(io.StringIO(), io.StringIO()) as (_, stderr):
        code = things.run([*switch, "fail", "surprise"], "toolforge things")

    assert code == 2
    assert stderr.getvalue().startswith("Traceback (most recent call last):\n")
    assert "Run it with --debug" not in stderr.getvalue()


def test_the_dispatcher_may_ask_for_debug(things, monkeypatch):
    monkeypatch.setenv("TOOLFORGE_DEBUG", "1")

    assert "Traceback" in run_command(things, ["fail", "refusal"]).stderr


def test_a_usage_error_is_clicks(things):
    finished = run_command(things, ["fail", "usage"])

    assert finished.exit_code == 2
    assert finished.stderr.endswith("Error: not so\n")


def test_a_hot_line_is_run_without_its_command(things):
    things.hot = {("make", "tea"): "tests_things:make_tea"}
    sys.modules["tests_things"].make_tea = lambda session: session.console.data("hot tea")

    assert run_command(things, ["make", "tea"]) == Finished(0, "hot tea\n")
    assert run_command(things, ["make", "tea "]) == Finished(0, "made tea \n")
    assert "Usage" in run_command(things, ["make", "tea", "-h"]).stdout


@pytest.mark.parametrize("words", [["make", "caf\udce9"], ["--caf\udce9"], ["caf\udce9"]])
def test_an_argument_that_is_not_utf_8_is_refused(things, words):
    assert run_command(things, words) == Finished(
        1, "", f"Error: the argument {words[-1]!r} is not UTF-8\n"
    )


@pytest.mark.parametrize("how", ["interrupt", "abort"])
def test_an_interrupted_command_says_nothing(things, how):
    assert run_command(things, ["fail", how]) == Finished(130)


def test_a_reader_may_leave(things):
    assert run_command(things, ["fail", "pipe"]) == Finished(0)


@pytest.mark.parametrize(
    ("dispatched", "name"), [("1", "toolforge things"), ("0", "toolforge-things")]
)
def test_a_program_knows_the_name_it_is_known_by(things, monkeypatch, dispatched, name):
    monkeypatch.setenv("TOOLFORGE_CLI", dispatched)

    with captured(io.StringIO(), io.StringIO()) as (stdout, _):
        things.main(["--version"])

    assert stdout.getvalue() == f"{name}, version 1.2.3\n"


def test_a_shell_may_ask_for_completions(things, monkeypatch):
    monkeypatch.setenv("_TOOLFORGE_THINGS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "toolforge-things ma")
    monkeypatch.setenv("COMP_CWORD", "1")

    # Click answers in bytes.
    with captured(io.TextIOWrapper(io.BytesIO()), io.StringIO()) as (stdout, _):
        with pytest.raises(SystemExit) as end:
            things.run([], "toolforge things")
        stdout.seek(0)
        answer = stdout.read()

    assert (end.value.code, answer) == (0, "plain,make\n")


def test_a_question_for_completions_is_never_hot(things, monkeypatch):
    things.hot = {(): "tests_things:nothing"}
    monkeypatch.setenv("_TOOLFORGE_THINGS_COMPLETE", "nonsense")

    with pytest.raises(SystemExit) as end:
        things.run([], "toolforge things")

    assert end.value.code == 1


def in_a_process(code: str, stdout=subprocess.PIPE) -> subprocess.CompletedProcess:
    # Text that is written at once could not be lost at the end.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        timeout=30,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment,
    )


WRITE_AND_FINISH = (
    "import sys\n"
    "from toolforge_common.cli.program import finish\n"
    "sys.stdout.write('x')\n"
    "finish({})\n"
)


def test_a_process_ends_with_everything_written_and_nothing_torn_down():
    finished = in_a_process(
        "import atexit, sys\n"
        "from toolforge_common.cli.program import finish, hasten\n"
        "atexit.register(print, 'torn down')\n"
        "hasten()\n"
        "sys.stdout.write('out \\udcff'); sys.stderr.write('err')\n"
        "finish(3)\n"
    )

    assert (finished.returncode, finished.stdout, finished.stderr) == (3, b"out \\udcff", b"err")


def test_a_process_whose_reader_has_left_keeps_its_exit_code():
    reader, writer = os.pipe()
    os.close(reader)

    finished = in_a_process(WRITE_AND_FINISH.format(1), stdout=writer)
    os.close(writer)

    assert (finished.returncode, finished.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_process_that_cannot_write_says_so_and_fails():
    with Path("/dev/full").open("w") as full:
        finished = in_a_process(WRITE_AND_FINISH.format(0), stdout=full)

    assert finished.returncode == 2
    assert finished.stderr == b"cannot write the output: No space left on device\n"


A_PROGRAM = """
import sys, types
import click
from toolforge_common.cli.program import Program
from toolforge_common.cli.session import pass_session

@click.command(help="Write.")
@pass_session
def write(session):
    session.console.data("written")
    session.console.say("said")

module = types.ModuleType("tests_things")
module.write = write
module.hot = lambda session: session.console.stream("written")
sys.modules["tests_things"] = module
commands = {"write": ("tests_things:write", "Write.")}
program = Program(
    name="x", version="1", help="Help.", commands=commands, hot={("hot",): "tests_things:hot"}
)
sys.argv[1:] = WORDS
program.main()
"""


def a_program(words: list[str], redirections: str, **variables: str):
    """Run a program with its standard streams as a shell redirects them."""
    code = A_PROGRAM.replace("WORDS", repr(words))
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -c "$1" {redirections}', sys.executable, code],
        check=False,
        timeout=30,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "", **variables},
    )


@pytest.mark.parametrize("words", [["write"], ["hot"], ["--help"], ["write", "--help"]])
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_done_without(words, closed):
    finished = a_program(words, closed)

    assert finished.returncode == 0
    assert finished.stderr in ("", "said\n")
    assert bool(finished.stdout) == (" >&-" not in f" {closed}")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["write"], ["hot"], ["--help"], ["write", "--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_told_in_one_sentence(words, unbuffered):
    finished = a_program(words, ">/dev/full", PYTHONUNBUFFERED=unbuffered)

    assert finished.returncode == 2
    assert finished.stderr == "cannot write the output: No space left on device\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["write"], ["nonsense"]])
def test_errors_that_cannot_be_told_leave_an_exit_code(words):
    assert a_program(words, "2>/dev/full").returncode == 2


def test_the_help_of_a_program_imports_almost_nothing():
    finished = in_a_process(
        "import sys\n"
        "before = set(sys.modules)\n"
        "from toolforge_common.cli.program import Program\n"
        "p = Program(name='x', version='1', help='Help.', commands={'a': ('b:c', 'Do it.')})\n"
        "assert p.run(['--help'], 'toolforge x') == 0\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )

    imported = finished.stdout.decode().splitlines()[-1].split()
    assert imported == [
        "__future__",
        "gc",
        "toolforge_common",
        "toolforge_common.cli",
        "toolforge_common.cli.program",
        "toolforge_common.cli.static_help",
    ]


def test_a_short_process_is_not_held_up_by_the_collector(monkeypatch):
    settings = []
    monkeypatch.setattr(program_module.gc, "set_threshold", settings.append)

    program_module.hasten()

    assert settings == [200_000]
