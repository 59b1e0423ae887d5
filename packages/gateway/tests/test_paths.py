"""One decoder, and nothing it lets through reads differently elsewhere."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolforge_common.errors import InvalidRequest
from toolforge_gateway.paths import decode_path, strip_first_segment


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/", "/"),
        (b"/jobs/v1/tool/demo/jobs/", "/jobs/v1/tool/demo/jobs/"),
        (b"/jobs/v1/tool/demo/jobs/a.b-c_d~e", "/jobs/v1/tool/demo/jobs/a.b-c_d~e"),
        (b"/jobs/v1/", "/jobs/v1/"),  # a slash at the end is usual, and no empty segment
        (b"/a/...", "/a/..."),  # three dots are a name
        (b"/a/.hidden", "/a/.hidden"),
        (b"/a%20b", "/a b"),
        (b"/%6Aobs", "/jobs"),
        (b"/caf%C3%A9", "/café"),
    ],
)
def test_a_clear_path_is_decoded_once(raw, path):
    assert decode_path(raw) == path


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"jobs",
        b"*",
        b"//",
        b"//evil/x",
        b"/jobs//v1",
        b"/a/../b",
        b"/a/..",
        b"/./a",
        b"/a/.",
        b"/a/%2e%2e/b",
        b"/a/%2E./b",
        b"/a/.%2e",
        b"/a%2fb",
        b"/a%2Fb",
        b"/a\\b",
        b"/a%5cb",
        b"/a%5Cb",
        b"/a;b",
        b"/a/..;/b",
        b"/a%3bb",
        b"/a%252e",
        b"/a%25",
        b"/a%00",
        b"/a%0a",
        b"/a%0d",
        b"/a%7f",
        b"/a%C2%85",  # a control character beyond ASCII
        b"/a%C0%AF",  # an overlong slash
        b"/a%ff",
        b"/a%",
        b"/a%2",
        b"/a%zz",
        b"/a b",
        b"/a\x00",
        b"/a\n",
        b"/caf\xc3\xa9",
        b"/a?b",
        b"/a#b",
        b"/{toolname}",
        b'/"',
    ],
)
def test_an_ambiguous_path_is_refused(raw):

    with pytest.raises(InvalidRequest, match="ambiguous") as refused:
        decode_path(raw)

    assert refused.value.hint


@given(
    st.lists(
        st.sampled_from([b"/", b"a", b".", b"%", b"2", b"e", b"f", b"F", b"\\", b";", b"\xc3"])
    )
)
def test_what_is_let_through_cannot_be_read_differently(pieces):
    raw = b"/" + b"".join(pieces)
    try:
        path = decode_path(raw)
    except InvalidRequest:
        return

    assert path.count("/") == raw.count(b"/")
    assert unquote(path) == path
    assert not {"", ".", ".."} & set(path[1:].split("/")[:-1])
    assert not set(path) & {"\\", ";"}


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("/", ("", "/")),
        ("/jobs", ("jobs", "/")),
        ("/jobs/", ("jobs", "/")),
        ("/jobs/v1/x/", ("jobs", "/v1/x/")),
    ],
)
def test_the_first_segment_is_split_off(path, split):
    assert strip_first_segment(path) == split
