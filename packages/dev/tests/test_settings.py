"""Where a platform keeps everything."""

from pathlib import Path

import pytest

from toolforge_dev.settings import Places, Settings, find_state

HOME = Path("/home/ada")


@pytest.mark.parametrize(
    ("environ", "uid", "state"),
    [
        ({}, 0, "/var/lib/toolforge"),
        ({}, 1000, "/home/ada/.local/state/toolforge"),
        ({"XDG_STATE_HOME": "/srv/state"}, 1000, "/srv/state/toolforge"),
        (
            {"XDG_STATE_HOME": "state"},
            1000,
            "/home/ada/.local/state/toolforge",
        ),  # as the standard says
        ({"XDG_STATE_HOME": "/srv/state"}, 0, "/var/lib/toolforge"),
        ({"TOOLFORGE_STATE": "/srv/t", "XDG_STATE_HOME": "/srv/state"}, 1000, "/srv/t"),
        ({"TOOLFORGE_STATE": ""}, 0, "/var/lib/toolforge"),
    ],
)
def test_the_state_folder_is_the_named_one_or_the_users_own(environ, uid, state):
    assert find_state(environ, uid, HOME) == Path(state)


def test_a_relative_state_folder_is_below_the_present_one(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    assert find_state({"TOOLFORGE_STATE": "here"}, 0, HOME) == tmp_path / "here"


@pytest.mark.parametrize("settings", [Settings(Path("/s")), Settings(Path("/ä b"), 1, 2, 3)])
def test_settings_survive_a_command_line(settings):
    assert Settings.from_argument(settings.to_argument()) == settings


def test_the_places_are_those_of_the_state_folder():
    places = Places(Path("/s"))

    assert places.admin_socket == Path("/s/run/admin.sock")
    assert places.description == Path("/s/run/platform.json")
    assert places.log == Path("/s/logs/platform.log")
    assert places.errors == Path("/s/logs/platform.err")
    assert places.gateway_ca == Path("/s/pki-public/gateway-ca.crt")
