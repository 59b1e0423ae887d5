"""The configuration of a client: which file wins, what is believed, what is refused."""

from pathlib import Path
from typing import NamedTuple

import pytest

from toolforge_common.config import files
from toolforge_common.config.client import (
    DispatcherSettings,
    GatewaySettings,
    load_config,
)
from toolforge_common.errors import InvalidRequest
from toolforge_common.testing import at_home


class Things(NamedTuple):
    endpoint: str = "/things/v1"
    timeout: int = 60
    loud: bool = False


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    with at_home(folder):
        yield folder


@pytest.fixture
def system(tmp_path):
    folder = tmp_path / "etc"
    folder.mkdir()
    return folder


@pytest.fixture
def load(system):
    return lambda: load_config("things-cli", {"things": Things}, system_folder=str(system))


def test_without_files_everything_has_its_default(home, load):
    config = load()

    assert config.gateway == GatewaySettings(
        "https://api.svc.tools.eqiad1.wikimedia.cloud:30003", ""
    )
    assert config.dispatcher == DispatcherSettings("toolforge-")
    assert config.section(Things) == Things("/things/v1", 60, False)


def test_five_files_are_looked_for_the_strongest_last(home, tmp_path):
    with at_home(home, XDG_CONFIG_HOME=str(tmp_path / "xdg")):
        assert files.candidates("things-cli") == [
            "/etc/toolforge/things-cli.yaml",
            "/etc/toolforge/common.yaml",
            f"{home}/.toolforge.yaml",
            f"{home}/.config/toolforge.yaml",
            f"{tmp_path}/xdg/toolforge.yaml",
        ]
    assert len(files.candidates("things-cli")) == 4


def test_each_file_beats_those_before_it(home, system, tmp_path, load):
    (home / ".config").mkdir()
    xdg = tmp_path / "xdg"
    xdg.mkdir()
    with at_home(home, XDG_CONFIG_HOME=str(xdg)):
        for number, file in enumerate(files.candidates("things-cli", str(system))):
            Path(file).write_text(f"things: {{timeout: {number}}}\n")

            assert load().section(Things).timeout == number


def test_a_later_file_replaces_whole_sections(home, system, load):
    (system / "common.yaml").write_text(
        "things: {endpoint: /x, timeout: 5}\ntoolforge_prefix: tf-\n"
    )
    (home / ".toolforge.yaml").write_text("things: {timeout: 7}\n")

    config = load()

    assert config.section(Things) == Things("/things/v1", 7)
    assert config.dispatcher.toolforge_prefix == "tf-"


def test_unknown_sections_and_keys_are_ignored(home, load):
    (home / ".toolforge.yaml").write_text("new: {a: 1}\nthings: {new: [1], timeout: 5}\n2: x\n")

    assert load().section(Things) == Things(timeout=5)


@pytest.mark.parametrize("content", ["", "---\n", "things:\n", "things: {timeout: null}\n"])
def test_nothing_said_is_nothing_changed(home, load, content):
    (home / ".toolforge.yaml").write_text(content)

    assert load().section(Things) == Things()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("things: [", "{file} is not valid YAML, line 1"),
        ("things: \xff", "{file} is not valid YAML"),
        ("- things", "{file} must be a mapping with `key: value` lines"),
        ("things: 5", "{file}: things must be a mapping with `key: value` lines"),
        ("things: {timeout: soon}", "{file}: things.timeout must be a whole number, not 'soon'"),
        ("things: {endpoint: 5}", "{file}: things.endpoint must be a text, not 5"),
        ("things: {loud: 1}", "{file}: things.loud must be true or false, not 1"),
        ("api_gateway: {url: [x]}", "{file}: api_gateway.url must be a text, not ['x']"),
        ("toolforge_prefix: 5", "{file}: toolforge_prefix must be a text, not 5"),
    ],
)
def test_what_cannot_be_right_is_refused_and_the_file_named(home, load, content, text):
    file = home / ".toolforge.yaml"
    file.write_bytes(content.encode("latin-1"))

    with pytest.raises(InvalidRequest) as caught:
        load()

    assert caught.value.message == text.format(file=file)


def test_a_file_that_may_not_be_read_is_named(home, load):
    (home / ".toolforge.yaml").mkdir()  # even root cannot read a folder as a file

    with pytest.raises(InvalidRequest) as caught:
        load()

    assert caught.value.message == f"cannot read {home}/.toolforge.yaml: Is a directory"
    assert "become <tool>" in caught.value.hint


def test_the_environment_has_the_last_word_on_the_gateway(home, load):
    (home / ".toolforge.yaml").write_text("api_gateway: {url: https://file, ca_file: /file.crt}\n")

    assert load().gateway == GatewaySettings("https://file", "/file.crt")
    with at_home(home, TOOL_TOOLFORGE_API_URL="https://env", TOOLFORGE_API_CA_FILE="/env.crt"):
        assert load().gateway == GatewaySettings("https://env", "/env.crt")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/etc/ca.crt", "/etc/ca.crt"),
        ("~/ca.crt", "{home}/ca.crt"),
        ("$HOME/ca.crt", "{home}/ca.crt"),
        ("certs/ca.crt", "{home}/certs/ca.crt"),  # beside the file that says it
    ],
)
def test_the_ca_file_may_be_written_in_many_ways(home, load, written, meant):
    (home / ".toolforge.yaml").write_text(f"api_gateway: {{ca_file: {written}}}\n")

    assert load().gateway.ca_file == meant.format(home=home)
