import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolforge_common.cli import http1


def ask(answer: bytes, method="GET", target="/x", headers=None, body=None):
    """Return the response to a request, and the request as it was sent."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        response = http1.exchange(ours, method, target, headers or {}, body)
        content = b"".join(response.chunks)
        ours.shutdown(socket.SHUT_WR)
        sent = b"".join(iter(lambda: theirs.recv(65536), b""))
    return response.status, response.headers, content, sent


def test_a_request_says_where_what_and_how_much():
    *_, sent = ask(b"HTTP/1.1 200 OK\r\n\r\n", "POST", "/a?b=c", {"Host": "h"}, b"body")

    assert sent == (
        b"POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
    )


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", b"abc"),  # the rest is not ours
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", b""),  # reasons are optional
        (b"HTTP/1.1 204 No Content\r\n\r\nnothing", b""),
        (b"HTTP/1.1 200 OK\nContent-Length: 1\n\na", b"a"),  # bare line ends
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\na", b"a"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            b"abc",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n", b""),
    ],
)
def test_bodies_end_where_they_say(answer, content):
    status, _, body, _ = ask(answer)

    assert status // 100 == 2
    assert body == content


def test_header_names_are_in_lower_case_and_repeated_ones_are_joined():
    _, headers, *_ = ask(b"HTTP/1.1 200 OK\r\nX-Id:  1 \r\nVary: a\r\nvary: b\r\n\r\n")

    assert headers == {"x-id": "1", "vary": "a, b"}


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_refused(answer):
    with pytest.raises(http1.BadAnswer):
        ask(answer)


def test_silence_is_a_broken_connection():
    with pytest.raises(ConnectionResetError, match="without an answer"):
        ask(b"")


@pytest.mark.parametrize(
    "request_",
    [
        {"target": "/a b"},
        {"target": "/a\r\nX: y"},
        {"target": "x"},
        {"method": "GET /"},
        {"headers": {"A": "b\r\nC: d"}},
        {"headers": {"A b": "c"}},
    ],
)
def test_no_request_can_smuggle_another(request_):
    with pytest.raises(http1.BadRequest):
        ask(b"HTTP/1.1 200 OK\r\n\r\n", **request_)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6))
def test_chunks_come_out_as_they_went_in(pieces):
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    _, _, content, _ = ask(head + chunks + b"0\r\n\r\n")

    assert content == b"".join(pieces)


def test_pieces_are_given_as_they_arrive():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        response = http1.exchange(ours, "GET", "/", {}, None)

        first = next(response.chunks)
        theirs.sendall(b"1\r\nc\r\n0\r\n\r\n")
        rest = b"".join(response.chunks)

    assert (first, rest) == (b"ab", b"c")
