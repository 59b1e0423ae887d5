"""A caller does not speak about its own identity."""

import pytest

from toolforge_gateway.headers import values, well_formed_request_id, without_identity


@pytest.mark.parametrize(
    "name",
    [
        b"X-Toolforge-Tool",
        b"x-toolforge-tool",
        b"X-TOOLFORGE-TOOL",
        b"X_Toolforge_Tool",
        b"x-toolforge_tool",
        b"X-Toolforge-Identity",
        b"X-Toolforge-User",
        b"X-Toolforge-Anything-To-Come",
        b"ssl-client-subject-dn",
        b"SSL_CLIENT_S_DN",
        b"X-SSL-Client-Cert",
        b"X-Client-Cert",
        b"Client-Cert",
        b"Client-Cert-Chain",
        b"X-Forwarded-Client-Cert",
        b"X-Forwarded-For",
        b"X-Forwarded-User",
        b"Forwarded",
        b"X-Remote-User",
        b"Remote-User",
        b"X-Auth-Request-User",
        b"X-Original-URL",
        b"X-Rewrite-URL",
        b"X-HTTP-Method-Override",
        b"X-Request-ID",
        b"Proxy",
        b"some_header",
        b"-x",
        b"x--y",
        b"x.y",
    ],
)
def test_every_variant_of_an_identity_header_is_dropped(name):
    kept = (b"accept", b"*/*")

    assert without_identity([(name, b"evil"), (b"Accept", b"*/*"), (name, b"evil, demo")]) == [kept]


def test_other_headers_stay_in_order_and_number():
    headers = [(b"Accept", b"a"), (b"Idempotency-Key", b"k"), (b"accept", b"b")]

    assert without_identity(headers) == [
        (b"accept", b"a"),
        (b"idempotency-key", b"k"),
        (b"accept", b"b"),
    ]


def test_all_values_of_a_header_are_found():
    assert values([(b"Host", b"a"), (b"x", b"b"), (b"host", b"c")], b"host") == [b"a", b"c"]


@pytest.mark.parametrize(
    ("given", "accepted"),
    [
        ([b"0123abcd"], "0123abcd"),
        ([b"a.b_c-d" + b"0" * 57], "a.b_c-d" + "0" * 57),
        ([], None),
        ([b"short"], None),
        ([b"x" * 65], None),
        ([b"with space"], None),
        ([b'"},{"evil":"'], None),
        ([b"-leading-hyphen"], None),
        ([b"0123abcd", b"0123abcd"], None),
    ],
)
def test_a_request_id_is_taken_if_it_is_fit_for_logs(given, accepted):
    assert well_formed_request_id([(b"X-Request-Id", value) for value in given]) == accepted
