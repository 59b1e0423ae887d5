"""One line from a platform to whoever started it."""

import contextlib
import os

import pytest

from toolforge_common.errors import Conflict, ToolforgeError
from toolforge_dev.readiness import Readiness, await_readiness


@pytest.fixture
def ends():
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def test_a_ready_platform_describes_itself(ends):
    Readiness(ends[1]).ready({"gateway_url": "https://127.0.0.1:1"})

    assert await_readiness(ends[0], 10) == {"gateway_url": "https://127.0.0.1:1"}


def test_what_kept_a_platform_from_starting_is_raised_again(ends):
    Readiness(ends[1]).failed(Conflict("port 1 is taken", hint="choose another"))

    with pytest.raises(Conflict, match="port 1 is taken") as raised:
        await_readiness(ends[0], 10)

    assert raised.value.hint == "choose another"


def test_an_error_of_an_unknown_kind_is_raised_as_an_error(ends):
    Readiness(ends[1]).failed(ToolforgeError("odd"))

    with pytest.raises(ToolforgeError, match="odd"):
        await_readiness(ends[0], 10)


@pytest.mark.parametrize("words", [b"", b'{"ready": {'])
def test_a_platform_that_ends_without_a_whole_line_gives_nothing(ends, words):
    os.write(ends[1], words)
    os.close(ends[1])

    assert await_readiness(ends[0], 10) is None


def test_a_silent_platform_is_not_waited_for_without_end(ends):
    with pytest.raises(TimeoutError):
        await_readiness(ends[0], 0)


def test_only_the_first_word_counts(ends):
    readiness = Readiness(ends[1])

    readiness.ready({"first": True})
    readiness.failed(Conflict("later"))

    assert await_readiness(ends[0], 10) == {"first": True}


def test_nobody_listening_does_no_harm(ends):
    os.close(ends[0])

    Readiness(ends[1]).ready({})

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(ends[1])


def test_children_of_the_platform_do_not_hold_the_pipe(ends):
    os.set_inheritable(ends[1], True)

    Readiness(ends[1])

    assert not os.get_inheritable(ends[1])


def test_without_a_pipe_the_terminal_is_told(capsys):
    readiness = Readiness(None)

    readiness.ready({"gateway_url": "https://127.0.0.1:1"})
    readiness.failed(Conflict("is told by somebody else"))

    assert capsys.readouterr().out == "The platform is running: https://127.0.0.1:1\n"
