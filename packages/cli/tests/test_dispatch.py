"""Which program gets which words, in a process as a person starts it."""

from pathlib import Path

import pytest

REPORT = """#!/bin/sh
printf '%s\\n' "$@"
echo "cli=$TOOLFORGE_CLI verbose=$TOOLFORGE_VERBOSE debug=$TOOLFORGE_DEBUG"
exit 7
"""
BUILT_IN = """
import os, sys
def main(arguments, prog_name):
    print(prog_name, arguments)
    print(*(os.environ[f"TOOLFORGE_{name}"] for name in ("CLI", "VERBOSE", "DEBUG")))
    return 5
"""
USAGE = "Usage: toolforge [OPTIONS] COMMAND [ARGS]...\nTry 'toolforge --help' for help.\n\nError: "


def test_a_plug_in_gets_its_words_untouched_and_its_exit_code_counts(toolforge, install):
    install("bin1", "toolforge-foo", REPORT)

    finished = toolforge("foo", "-h", "--unknown", "-v", "a b", "")

    assert finished.returncode == 7
    assert finished.stdout == "-h\n--unknown\n-v\na b\n\ncli=1 verbose=0 debug=0\n"


def test_the_rest_of_a_programs_name_is_the_subcommand(toolforge, install):
    install("bin1", "toolforge-foo-bar", REPORT)

    assert toolforge("foo-bar").returncode == 7


@pytest.mark.parametrize(
    ("switches", "variables"),
    [
        (["-v"], "verbose=1 debug=0"),
        (["--verbose"], "verbose=1 debug=0"),
        (["-d"], "verbose=0 debug=1"),
        (["--debug", "--verbose"], "verbose=1 debug=1"),
        (["-vd"], "verbose=1 debug=1"),
        (["-v", "--"], "verbose=1 debug=0"),
        ([], "verbose=0 debug=0"),
    ],
)
def test_switches_before_the_subcommand_become_variables(toolforge, install, switches, variables):
    install("bin1", "toolforge-foo", REPORT)

    finished = toolforge(*switches, "foo", TOOLFORGE_VERBOSE="2", TOOLFORGE_DEBUG="2")

    assert finished.stdout == f"\ncli=1 {variables}\n"


@pytest.mark.parametrize(
    ("typed", "handed_over"),
    [
        (["a", "--", "b"], ["a", "--", "b"]),
        (["a", "--", "--", "b"], ["a", "--", "b"]),  # as scripts have learnt to write it
        (["--", "--"], ["--"]),
        (["--", "a", "--", "--"], ["--", "a", "--", "--"]),
    ],
)
def test_two_dashes_reach_the_subcommand(toolforge, install, typed, handed_over):
    install("bin1", "toolforge-foo", REPORT)

    assert toolforge("foo", *typed).stdout.splitlines()[:-1] == handed_over


def test_the_earliest_folder_wins_and_our_own_is_the_first(toolforge, install):
    for number, folder in enumerate(["own", "bin1", "bin2"]):
        install(folder, f"toolforge-in-{folder}", f"#!/bin/sh\nexit {number}\n")
        for other in ["own", "bin1", "bin2"][number:]:
            install(other, f"toolforge-from-{folder}", f"#!/bin/sh\necho {other}\n")

    found = [toolforge(f"from-{folder}").stdout for folder in ["own", "bin1", "bin2"]]

    assert found == ["own\n", "bin1\n", "bin2\n"]
    assert toolforge("in-bin2").returncode == 2


def test_links_are_resolved(toolforge, install, tmp_path):
    target = install("elsewhere", "real-name", '#!/bin/sh\necho "$0"\n')
    install("bin1", "other")
    (tmp_path / "bin1" / "toolforge-foo").symlink_to(target)

    assert toolforge("foo").stdout == f"{target}\n"


@pytest.mark.parametrize("name", ["toolforge-", "toolforge-foo", "foo", "toolforge_foo"])
def test_what_is_no_program_of_that_name_is_ignored(toolforge, install, tmp_path, name):
    install("bin1", name, REPORT, mode=0o755 if name != "toolforge-foo" else 0o644)
    (tmp_path / "bin2" / "toolforge-foo").mkdir(parents=True)  # executable, but a folder

    finished = toolforge("foo")

    assert finished.returncode == 2
    assert finished.stderr == f"{USAGE}No such command 'foo'.\n"


@pytest.mark.parametrize("name", ["", "../bin1/x", "x/../../bin1/x"])
def test_a_name_is_no_path(toolforge, install, name):
    install("bin1", "x", REPORT)
    install("bin1", "toolforge-", REPORT)

    assert toolforge(name).returncode == 2


def test_a_typo_gets_the_nearest_name_and_is_not_run(toolforge, install):
    install("bin1", "toolforge-invoice", REPORT)

    finished = toolforge("invioce")

    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == f"{USAGE}No such command 'invioce'. Did you mean 'invoice'?\n"


def test_an_unknown_option_is_a_usage_error(toolforge):
    finished = toolforge("--nonsense", "jobs")

    assert finished.returncode == 2
    assert finished.stderr == f"{USAGE}No such option: --nonsense\n"


def test_a_program_that_cannot_be_run_is_an_error_in_one_line(toolforge, install):
    file = install("bin1", "toolforge-foo", "no program\n")

    finished = toolforge("foo")

    assert finished.returncode == 2
    assert finished.stderr.startswith(f"OSError: [Errno 8] Exec format error: '{file}'\n")
    assert "Traceback" in toolforge("-d", "foo").stderr


def test_a_program_without_its_interpreter_says_so(toolforge, install):
    file = install("bin1", "toolforge-foo", "#!/nowhere/python9\n")

    finished = toolforge("foo")

    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == (
        f"Error: {file} cannot run: its interpreter, named in its first line, is missing\n"
        "Hint: install the interpreter, or mend the first line of the program\n"
    )


def test_a_built_in_runs_in_the_same_process(toolforge, built_in):
    built_in("toolforge_webservice_cli", "main", BUILT_IN)

    finished = toolforge("-v", "webservice", "start", "--", "--", "-x")

    assert finished.returncode == 5
    assert finished.stdout == "toolforge webservice ['start', '--', '-x']\n1 1 0\n"


def test_a_built_in_goes_before_a_program_of_its_name(toolforge, built_in, install):
    built_in("toolforge_webservice_cli", "main", BUILT_IN)
    install("own", "toolforge-webservice", REPORT)

    assert toolforge("webservice").returncode == 5


def test_a_built_in_goes_before_a_program_of_its_name_on_the_path(toolforge, built_in, install):
    built_in("toolforge_webservice_cli", "main", BUILT_IN)
    install("bin1", "toolforge-webservice", REPORT)

    assert toolforge("webservice").returncode == 5


def test_without_the_package_a_program_of_that_name_will_do(toolforge, install):
    install("bin1", "toolforge-webservice", REPORT)

    assert toolforge("webservice", "start").stdout.startswith("start\n")


def test_without_both_the_package_to_install_is_named(toolforge):
    finished = toolforge("webservice", "start")

    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == (
        f"{USAGE}The command 'webservice' is not installed. "
        "It comes with the package toolforge-webservice-cli.\n"
    )


def test_a_built_in_that_lacks_something_says_what(toolforge, built_in):
    built_in("toolforge_webservice_cli", "main", "import toolforge_nowhere\n")

    finished = toolforge("webservice")

    assert finished.returncode == 2
    assert finished.stderr.startswith("ModuleNotFoundError: No module named 'toolforge_nowhere'\n")


def test_an_interrupted_subcommand_says_nothing(toolforge, built_in):
    built_in("toolforge_webservice_cli", "main", "def main(*_):\n    raise KeyboardInterrupt\n")

    finished = toolforge("webservice")

    assert (finished.returncode, finished.stdout, finished.stderr) == (130, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_help_that_cannot_be_written_is_told_in_one_sentence(toolforge, unbuffered):
    with Path("/dev/full").open("w") as full:
        finished = toolforge("--help", stdout=full, PYTHONUNBUFFERED=unbuffered)

    assert finished.returncode == 2
    assert finished.stderr == "cannot write the output: No space left on device\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_refusal_that_cannot_be_told_keeps_its_exit_code(toolforge):
    with Path("/dev/full").open("w") as full:
        assert toolforge("nosuch", stderr=full).returncode == 2


def test_the_prefix_of_programs_is_configurable(toolforge, install, home):
    install("bin1", "tf-foo", REPORT)
    install("bin1", "toolforge-bar", REPORT)
    (home / ".toolforge.yaml").write_text("toolforge_prefix: tf-\n")

    assert toolforge("foo").returncode == 7
    assert toolforge("bar").returncode == 2
    assert toolforge("_commands").stdout.splitlines().count("foo") == 1


def test_a_configuration_that_is_wrong_is_named(toolforge, home):
    (home / ".toolforge.yaml").write_text("toolforge_prefix: [")

    finished = toolforge("foo")

    assert finished.returncode == 1
    assert finished.stderr.startswith(f"Error: {home}/.toolforge.yaml is not valid YAML")


@pytest.mark.parametrize(
    ("words", "label"), [(["--help"], "Usage: toolforge "), (["--version"], "Toolforge CLI, ")]
)
def test_a_configuration_that_is_wrong_takes_no_help_away(toolforge, home, words, label):
    (home / ".toolforge.yaml").write_text("toolforge_prefix: [")

    finished = toolforge(*words)

    assert finished.returncode == 0
    assert finished.stdout.startswith(label)
    if words == ["--help"]:
        assert finished.stderr.startswith(f"Warning: {home}/.toolforge.yaml is not valid YAML")
