"""Completion: one script for the dispatcher and everything it hands over to."""

import pytest

from toolforge_cli.completion import rewritten

SUBCOMMAND = """
import click
@click.group()
def group(): pass
@group.command()
@click.option("--follow")
def tail(follow): pass
def main(arguments, prog_name):
    group.main(arguments, prog_name=prog_name, complete_var="_TOOLFORGE_LOGS_COMPLETE")
"""


def question(shell: str, words: str, word: str) -> dict[str, str]:
    return {
        "_TOOLFORGE_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": word,
    }


@pytest.mark.parametrize(
    ("asked", "words", "word"),
    [
        (question("bash", "toolforge logs tail --fo", "3"), "toolforge-logs tail --fo", "2"),
        (question("zsh", "toolforge logs tail ", "3"), "toolforge-logs tail ", "2"),
        (question("bash", "toolforge logs ", "2"), "toolforge-logs ", "1"),
        (question("bash", "toolforge -v --debug logs ta", "4"), "toolforge-logs ta", "1"),
        (question("bash", "/usr/bin/toolforge logs ta", "2"), "toolforge-logs ta", "1"),
        (question("fish", "toolforge logs ta", "ta"), "toolforge-logs ta", "ta"),
        (question("fish", "toolforge logs ", ""), "toolforge-logs ", ""),
    ],
)
def test_a_question_about_a_subcommand_is_handed_on(asked, words, word):
    assert rewritten(asked) == (
        "logs",
        {
            "_TOOLFORGE_LOGS_COMPLETE": asked["_TOOLFORGE_COMPLETE"],
            "COMP_WORDS": words,
            "COMP_CWORD": word,
        },
    )


@pytest.mark.parametrize(
    "asked",
    [
        question("bash", "toolforge lo", "1"),
        question("bash", "toolforge logs", "1"),  # still being typed
        question("bash", "toolforge ", "1"),
        question("bash", "toolforge -v lo", "2"),
        question("bash", "toolforge lo tail", "1"),  # back at the first word
        question("bash", "toolforge logs tail", "1"),  # likewise
        question("bash", "toolforge foreign x", "2"),
        question("fish", "toolforge logs", "logs"),
        question("bash", "", "0"),
        {"_TOOLFORGE_COMPLETE": "bash_source"},
    ],
)
def test_every_other_question_is_ours(asked):
    assert rewritten(asked) is None


@pytest.mark.parametrize(
    ("asked", "answers"),
    [
        (question("bash", "toolforge lo", "1"), "plain,logs\n"),
        (question("bash", "toolforge --ver", "1"), "plain,--verbose\nplain,--version\n"),
        (question("bash", "toolforge logs ta", "2"), "plain,tail\n"),
        (question("bash", "toolforge logs tail --f", "3"), "plain,--follow\n"),
        (question("fish", "toolforge lo", "lo"), "plain,logs\tRead what the tool has written.\n"),
        (question("zsh", "toolforge lo", "1"), "plain\nlogs\nRead what the tool has written.\n"),
    ],
)
def test_shells_get_answers(toolforge, built_in, asked, answers):
    built_in("toolforge_logs_cli", "main", SUBCOMMAND)

    finished = toolforge(**asked)

    assert (finished.returncode, finished.stdout, finished.stderr) == (0, answers, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_there(toolforge, shell, tmp_path):
    # Click asks bash for its version.
    finished = toolforge(_TOOLFORGE_COMPLETE=f"{shell}_source", PATH="/usr/bin:/bin")

    assert finished.returncode == 0
    assert f"_TOOLFORGE_COMPLETE={shell}_complete" in finished.stdout


def test_a_program_of_its_own_is_never_run_to_complete(toolforge, install):
    install("bin1", "toolforge-foo", "#!/bin/sh\necho ran\n")

    assert "ran" not in toolforge(**question("bash", "toolforge foo x", "2")).stdout
