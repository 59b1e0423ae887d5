import io

import pytest

from toolforge_common.cli.console import Console, Messages
from toolforge_common.testing import Terminal

MESSAGES = Messages(info=("created",), warning=("it is old",))


def console(*, is_terminal: bool, **environ):
    kind = Terminal if is_terminal else io.StringIO
    stdout, stderr = kind(), kind()
    return Console(stdout, stderr, environ), stdout, stderr


@pytest.mark.parametrize(
    ("is_terminal", "environ", "has_colours"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),  # an empty value does not count, says no-color.org
        (True, {"TERM": "dumb"}, False),
        (True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (False, {}, False),
        (False, {"FORCE_COLOR": "1"}, True),
    ],
)
def test_messages_have_colours_where_somebody_sees_them(is_terminal, environ, has_colours):
    ours, stdout, stderr = console(is_terminal=is_terminal, **environ)

    ours.messages(MESSAGES)

    written = (stdout.getvalue(), stderr.getvalue())
    if has_colours:
        assert written == ("\x1b[34mcreated\x1b[0m\n", "\x1b[33mWarning: it is old\x1b[0m\n")
    else:
        assert written == ("created\n", "Warning: it is old\n")


def test_only_the_level_of_a_log_line_is_coloured():
    ours, _, stderr = console(is_terminal=True)

    ours.log("ERROR", "no")
    ours.log("WARNING", "well")
    ours.log("INFO", "yes")

    assert stderr.getvalue() == (
        "\x1b[1;31mERROR\x1b[0m: no\n\x1b[1;33mWARNING\x1b[0m: well\nINFO: yes\n"
    )


def test_hints_are_for_people_only():
    watched, _, seen = console(is_terminal=True)
    piped, _, unseen = console(is_terminal=False)

    watched.hint("next", "step")
    piped.hint("next", "step")

    assert (seen.getvalue(), unseen.getvalue()) == ("next\nstep\n", "")


def test_data_is_on_its_way_before_anything_is_said_about_it():
    events = []

    class Recorder(io.StringIO):
        def flush(self):
            events.append(self.getvalue())

    stdout, stderr = Recorder(), io.StringIO()
    ours = Console(stdout, stderr, {})

    ours.data("data")
    assert events == []
    ours.say("about it")
    ours.stream("more")

    assert events == ["data\n", "data\nmore\n"]
