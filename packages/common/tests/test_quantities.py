"""Kubernetes quantities as numbers, and as jobs write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolforge_common.errors import InvalidRequest
from toolforge_common.quantities import cpu_in_cores, memory_in_gibibytes, parse_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", "0"),
        ("1", "1"),
        ("0.5", "0.5"),
        ("500m", "0.5"),
        ("2u", "0.000002"),
        ("3n", "0.000000003"),
        ("1k", "1000"),
        ("1M", "1000000"),
        ("1G", "1000000000"),
        ("1T", "1e12"),
        ("1P", "1e15"),
        ("1E", "1e18"),
        ("1Ki", "1024"),
        ("1Mi", "1048576"),
        ("0.5Gi", "536870912"),
        ("1Ti", "1099511627776"),
        ("1Pi", "1125899906842624"),
        ("1Ei", "1152921504606846976"),
    ],
)
def test_a_quantity(text, number):
    assert parse_quantity(text) == Decimal(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m",
        "-1",
        "+1",
        "1 Gi",
        "1gi",
        "1K",
        "1mi",
        "1e3",
        ".5",
        "5.",
        "NaN",
        "\u0661",  # a digit to Python, in Arabic
        "1Gi\n",
        "9" * 19,
    ],
)
def test_not_a_quantity(text):
    with pytest.raises(InvalidRequest, match="is not a quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1G", "0.931Gi"),
        ("1Gi", "1.0Gi"),
        ("0.5Gi", "0.5Gi"),
        ("100Mi", "0.098Gi"),  # rounded up, so it stays above a minimum of 100Mi by luck alone
        ("1", "0.0Gi"),
    ],
)
def test_memory_is_written_in_gibibytes(text, written):
    assert memory_in_gibibytes(parse_quantity(text)) == written


@pytest.mark.parametrize(("text", "written"), [("500m", "0.5"), ("1", "1.0"), ("0.1", "0.1")])
def test_cpu_is_written_in_cores(text, written):
    assert cpu_in_cores(parse_quantity(text)) == written


@given(st.decimals(min_value=0, max_value=1000, places=3))
def test_what_is_written_can_be_read_again(number):
    assert parse_quantity(cpu_in_cores(number)) == number
