"""The grammar of tool names, and the names derived from them."""

import pytest

from toolforge_common.errors import InvalidRequest
from toolforge_common.names import namespace_of, parse_job_name, parse_tool_name, tool_of


@pytest.mark.parametrize("name", ["a", "7", "demo", "a-b", "a--b", "0a", "x" * 53])
def test_a_tool_name(name):
    assert parse_tool_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "-a", "a-", "A", "a_b", "a.b", "a b", "ä", "a\n", "a/..", "x" * 54],
)
def test_not_a_tool_name(name):
    with pytest.raises(InvalidRequest, match="cannot be the name of a tool") as caught:
        parse_tool_name(name)

    assert "lower-case" in caught.value.hint


@pytest.mark.parametrize("name", ["a", "7", "my-job", "a--b", "a.b-c.d", "x" * 52])
def test_a_job_name(name):
    assert parse_job_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "-a",
        "a-",
        "a.",
        ".a",
        "a..b",
        "a.-b",
        "A",
        "a_b",
        "a/b",
        "ä",
        "a\n",
        "x" * 53,
    ],
)
def test_not_a_job_name(name):
    with pytest.raises(InvalidRequest, match="the name of a job has 1 to 52 characters"):
        parse_job_name(name)


def test_only_the_first_hyphen_of_a_namespace_separates():
    assert namespace_of(parse_tool_name("my-tool")) == "tool-my-tool"
    assert tool_of("tool-my-tool") == "my-tool"


@pytest.mark.parametrize("namespace", ["", "default", "toolbox", "kube-system"])
def test_other_namespaces_belong_to_no_tool(namespace):
    with pytest.raises(InvalidRequest, match="is not a tool's") as caught:
        tool_of(namespace)

    assert "become" in caught.value.hint


def test_a_namespace_of_an_impossible_tool_is_refused():
    with pytest.raises(InvalidRequest, match="cannot be the name"):
        tool_of("tool-")
