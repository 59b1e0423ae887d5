"""Settings from the environment: values of the right type, or a sentence that stops the start."""

import dataclasses
from decimal import Decimal
from pathlib import Path

import pytest

from toolforge_common.settings import SettingsError, read_settings


@dataclasses.dataclass(frozen=True)
class Settings:
    name: str
    threads: int = dataclasses.field(default=4, metadata={"minimum": 1})
    share: Decimal = Decimal("0.5")
    debug: bool = False
    folder: Path | None = None
    labels: tuple[str, ...] = dataclasses.field(default_factory=tuple)


def read(**variables):
    return read_settings(
        Settings, "APP_", {f"APP_{name}": text for name, text in variables.items()}
    )


def test_what_is_not_set_keeps_its_default():
    assert read(NAME="x") == Settings("x", 4, Decimal("0.5"), False, None, ())


def test_values_get_their_types():
    settings = read(NAME="", THREADS="8", SHARE="1.25", DEBUG="yes", FOLDER="/tmp/x")

    assert settings == Settings("", 8, Decimal("1.25"), True, Path("/tmp/x"))


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("TRUE", True), ("off", False), ("", False)]
)
def test_words_for_yes_and_no(text, value):
    assert read(NAME="x", DEBUG=text).debug is value


def test_other_variables_do_not_matter():
    assert read_settings(Settings, "APP_", {"APP_NAME": "x", "THREADS": "9"}).threads == 4


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "APP_NAME must be set"),
        ({"NAME": "x", "THREADS": "many"}, "APP_THREADS must be a whole number, not 'many'"),
        ({"NAME": "x", "THREADS": "0"}, "APP_THREADS must be at least 1, not 0"),
        ({"NAME": "x", "SHARE": "half"}, "APP_SHARE must be a number, not 'half'"),
        ({"NAME": "x", "SHARE": "nan"}, "APP_SHARE must be a number, not 'nan'"),
        ({"NAME": "x", "DEBUG": "maybe"}, "APP_DEBUG must be true or false, not 'maybe'"),
    ],
)
def test_a_bad_value_is_a_sentence(variables, sentence):
    with pytest.raises(SettingsError) as caught:
        read(**variables)

    assert str(caught.value) == sentence
