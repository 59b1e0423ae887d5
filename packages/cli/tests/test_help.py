"""What the dispatcher says about itself and about what is there."""

import pytest

from toolforge_cli import __version__
from toolforge_cli.table import BUILT_IN

BUILT_IN_SAYS_HELP = (
    "def main(arguments, prog_name):\n    print(prog_name, *arguments)\n    return 0\n"
)


@pytest.fixture
def installed(built_in, install):
    """Two built-in subcommands and two programs."""
    built_in("toolforge_webservice_cli", "main", BUILT_IN_SAYS_HELP)
    built_in("toolforge_logs_cli", "main", BUILT_IN_SAYS_HELP)
    install("bin1", "toolforge-foo", "#!/bin/sh\necho foo must not be run >&2\nexit 9\n")
    install("bin2", "toolforge-build", "#!/bin/sh\nexit 9\n")
    install("own", "toolforge-logs", "#!/bin/sh\nexit 9\n")


def commands(text: str) -> list[str]:
    """Return the lines of a help text that are about commands, but for what others may have installed."""
    section = text.partition("\nCommands:\n")[2].partition("\n\n")[0]
    return [line for line in section.splitlines() if line.split()[0] not in ("jobs", "dev")]


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"], ["-v", "--help"]])
def test_help_lists_what_is_there_and_runs_none_of_it(toolforge, installed, words):
    finished = toolforge(*words)

    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.startswith("Usage: toolforge [OPTIONS] COMMAND [ARGS]...\n")
    assert commands(finished.stdout) == [
        "  webservice  Run a web site.",
        "  logs        Read what the tool has written.",
        "  build       Build images from source code.",
        "  foo",
    ]
    assert max(map(len, finished.stdout.splitlines())) <= 80


def test_help_about_a_subcommand_is_the_subcommands(toolforge, installed):
    assert toolforge("help", "webservice").stdout == "toolforge webservice --help\n"
    assert toolforge("help", "logs", "tail").stdout == "toolforge logs tail --help\n"
    assert toolforge("help", "foo").returncode == 9
    assert toolforge("help", "nobody").returncode == 2


@pytest.mark.parametrize("word", ["--version", "version"])
def test_the_version_has_the_label_of_old(toolforge, word):
    assert toolforge(word).stdout == f"Toolforge CLI, version {__version__}\n"


def test_names_are_listed_for_completion_scripts(toolforge, installed):
    names = toolforge("_commands").stdout.splitlines()

    assert names == sorted(names)
    assert {"build", "foo", "logs", "webservice"} <= set(names)
    assert "_commands" not in names


def test_what_is_not_installed_is_not_listed(toolforge):
    assert commands(toolforge().stdout) == []


def test_no_two_lines_of_the_table_say_the_same():
    lines = [line for _, _, line in BUILT_IN.values()]

    assert len(set(lines)) == len(lines)
    assert all(line.endswith(".") and len(line) < 60 for line in lines)
    assert all(module.startswith("toolforge_") for module, _, _ in BUILT_IN.values())


def test_help_imports_next_to_nothing(toolforge, tmp_path):
    finished = toolforge("--help", PYTHONPROFILEIMPORTTIME="1")

    imported = {line.rpartition("|")[2].strip() for line in finished.stderr.splitlines()}
    assert "toolforge_cli.help_text" in imported
    assert imported.isdisjoint(
        {"click", "json", "yaml", "requests", "importlib.metadata", "email", "dataclasses", "ssl"}
    )


def test_handing_over_to_a_built_in_imports_nothing_else(toolforge, built_in):
    built_in("toolforge_webservice_cli", "main", "def main(arguments, prog_name):\n    return 0\n")

    finished = toolforge("webservice", "x", PYTHONPROFILEIMPORTTIME="1")

    imported = {line.rpartition("|")[2].strip() for line in finished.stderr.splitlines()}
    assert {name for name in imported if name.startswith("toolforge_")} == {
        "toolforge_cli",
        "toolforge_cli.main",
        "toolforge_cli.table",
        "toolforge_common",
        "toolforge_common.cli",
        "toolforge_common.cli.program",
        "toolforge_webservice_cli",
        "toolforge_webservice_cli.main",
    }
