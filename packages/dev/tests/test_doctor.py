"""What a machine lacks, and what to type."""

import json
import os
import socket
from pathlib import Path

import pytest

from toolforge_common import testing
from toolforge_dev import doctor
from toolforge_dev.commands import doctor as command
from toolforge_dev.doctor import Check
from toolforge_dev.main import PROGRAM


def runner(code=0, text=""):
    return lambda argv: (code, text)


@pytest.mark.parametrize(
    ("version", "level"), [((3, 11, 1), "fail"), ((3, 11, 2), "ok"), ((3, 13, 0), "ok")]
)
def test_an_old_python_is_found(version, level):
    assert doctor.check_python(version).level == level


@pytest.mark.parametrize(
    ("code", "is_root", "levels"),
    [(0, True, ["ok", "ok"]), (0, False, ["ok"]), (127, True, ["fail", "fail"])],
)
def test_missing_programs_are_found(code, is_root, levels):
    found = list(doctor.check_programs(runner(code, "x 1.0"), is_root=is_root))

    assert [check.level for check in found] == levels
    assert all(
        check.fix.startswith("sudo apt install") == (check.level == "fail") for check in found
    )


@pytest.mark.parametrize(
    ("code", "text", "level", "fix"),
    [
        (0, "", "ok", ""),
        (1, "bwrap: setting up uid map: Permission denied", "fail", "sudo sysctl"),
        (1, "bwrap: something else", "fail", "run the platform as root"),
    ],
)
def test_a_machine_without_namespaces_is_found(code, text, level, fix):
    check = doctor.check_sandbox(runner(code, text))

    assert check.level == level
    assert check.fix.startswith(fix)
    assert text in check.text or level == "ok"


def test_a_tun_device_is_needed_by_ordinary_users_only(tmp_path):
    device = tmp_path / "tun"
    assert doctor.check_tun(device, is_root=True).level == "ok"
    assert doctor.check_tun(device, is_root=False).fix == "sudo modprobe tun"

    device.touch()

    assert doctor.check_tun(device, is_root=False) == Check(str(device), "ok", "usable")


def test_a_taken_port_is_found_unless_it_is_ours():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert doctor.check_port("gateway", port, is_ours=False).level == "fail"
        assert doctor.check_port("gateway", port, is_ours=True).level == "ok"


def test_a_free_port_is_fine():
    assert doctor.check_port("gateway", 0, is_ours=False).level == "ok"


@pytest.mark.parametrize(
    ("gigabytes", "level"), [(50, "ok"), (2, "ok"), (1, "warn"), (0.1, "fail")]
)
def test_a_full_disk_is_found(gigabytes, level, tmp_path):
    asked = []

    def free(folder):
        asked.append(folder)
        return int(gigabytes * 1024**3)

    check = doctor.check_disk(tmp_path / "not" / "there", free)

    assert check.level == level
    assert asked == [tmp_path]


def test_the_free_space_is_that_of_the_disk(tmp_path):
    assert "GB free" in doctor.check_disk(tmp_path).text


@pytest.mark.parametrize(("now", "level"), [(0, "fail"), (1_900_000_000, "ok"), (None, "ok")])
def test_a_clock_far_off_is_found(now, level):
    assert doctor.check_clock(now).level == level


@pytest.fixture
def made_state(tmp_path):
    state = tmp_path / "state"
    for name, mode in doctor._MODES.items():
        if name != "secrets":
            (state / name).mkdir()
            (state / name).chmod(mode)
    return state


def test_a_state_folder_in_order_is_fine(made_state):
    assert doctor.check_state(made_state, os.getuid()).level == "ok"


def test_a_state_folder_that_is_to_be_made_is_fine(tmp_path):
    assert doctor.check_state(tmp_path / "none", os.getuid()).level == "ok"


def test_an_open_state_folder_is_found(made_state):
    (made_state / "run").chmod(0o755)

    check = doctor.check_state(made_state, os.getuid())

    assert (check.level, check.fix) == ("warn", f"chmod 700 {made_state}/run")


def test_somebody_elses_state_folder_is_found(made_state):
    assert doctor.check_state(made_state, os.getuid() + 1).level == "fail"


def test_ordinary_users_run_commands_themselves():
    assert doctor.check_reach(1000, [Path("/nowhere")]).level == "ok"


def test_commands_that_tools_cannot_run_are_found(tmp_path):
    tmp_path.chmod(0o700)
    check = doctor.check_reach(0, [tmp_path])

    assert (check.level, check.fix) == ("fail", f"sudo chmod -R o+rX {tmp_path}")


def test_commands_behind_a_closed_folder_are_named(tmp_path):
    folder = tmp_path / "closed" / "bin"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    tmp_path.chmod(0o700)

    check = doctor.check_reach(0, [folder])

    assert (check.level, "opens a way" in check.text) == ("ok", True)


def test_commands_that_everybody_may_run_are_fine():
    assert doctor.check_reach(0, [Path("/usr")]).text == "every tool can run them"


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ("", "ok"),
        ("Traceback\nValueError: x\n", "warn"),
        ("Error: ValueError: x\nHint: y\n", "warn"),
        (None, "ok"),
    ],
)
def test_last_words_are_shown(words, level, state):
    errors = state / "logs" / "platform.err"
    errors.parent.mkdir(parents=True)
    if words is not None:
        errors.write_text(words)

    check = doctor.check_log(state)

    assert check.level == level
    assert (check.text == "ValueError: x") == (level == "warn")


def test_a_file_in_place_of_the_state_folder_is_found(tmp_path):
    (tmp_path / "file").touch()

    check = doctor.check_state(tmp_path / "file", os.geteuid())

    assert check.level == "fail"


@pytest.mark.parametrize(
    ("run", "levels"),
    [
        (
            runner(0, json.dumps({"isolation": "sandbox", "notes": ["a", "b"]})),
            ["ok", "warn", "warn"],
        ),
        (runner(0, json.dumps({"error": "no pods here", "hint": "do this"})), ["fail"]),
        (runner(1, "Traceback\nValueError"), ["fail"]),
        (runner(1, ""), ["fail"]),
    ],
)
def test_the_trial_of_the_runtime_is_judged(run, levels):
    assert [check.level for check in doctor.try_runtime(run)] == levels


def test_programs_are_run():
    assert doctor.run_program(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"]) == (
        3,
        "out\nerr",
    )
    assert doctor.run_program(["/no/such/program"])[0] == 127


@pytest.mark.sandbox
def test_a_real_trial_finds_a_level_or_says_why_not():
    (first, *_) = doctor.try_runtime()

    assert first.level in {"ok", "fail"}
    assert "the trial failed" not in first.text


def test_the_doctor_looks_at_a_machine_without_a_platform(monkeypatch, state):
    monkeypatch.setenv("TOOLFORGE_STATE", str(state))
    monkeypatch.setattr(doctor, "try_runtime", lambda: [Check("runtime", "warn", "weak")])

    found = command.diagnose(state)

    names = [check.name for check in found]
    assert names[0] == "Python"
    assert found[-1] == Check("runtime", "warn", "weak")
    assert {"gateway", "web traffic", "disk space", "clock", "state folder"} <= set(names)


@pytest.mark.parametrize(("level", "code"), [("ok", 0), ("warn", 0), ("fail", 1)])
def test_only_what_is_in_the_way_makes_a_failure(pipe, level, code):
    assert command.report([Check("x", level, "text")], pipe.console, "table") == code
    assert pipe.data == f"{level:5}x: text\n"


def test_findings_are_printed_for_programs(pipe):
    command.report([Check("x", "ok", "text", "fix")], pipe.console, "json")

    assert json.loads(pipe.data) == [{"name": "x", "level": "ok", "text": "text", "fix": "fix"}]


def test_the_command_prints_what_was_found(monkeypatch, state):
    monkeypatch.setattr(command, "diagnose", lambda _: [Check("x", "fail", "text")])

    finished = testing.run_command(PROGRAM, ["doctor"])

    assert (finished.exit_code, finished.stdout) == (1, "fail x: text\n")
