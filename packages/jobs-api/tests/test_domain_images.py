"""Images: every spelling of one leads to it, and nothing else does."""

import pytest

from toolforge_common.errors import InvalidRequest
from toolforge_jobs_api.domain.images import (
    Catalogue,
    ImageKind,
    ImageReference,
    JobImage,
    parse_reference,
)
from toolforge_runtime.ports import Image

HOST = "docker-registry.svc.toolforge.org"
PYTHON = Image(
    "python3.11",
    f"{HOST}/toolforge-python311-sssd-web:latest",
    aliases=("tf-python311", "toolforge-python311-sssd-base"),
    substitute="runs with the host's Python 3.13",
)
OLD = Image("python3.7", f"{HOST}/toolforge-python37-sssd-web:latest", state="deprecated")
BOOKWORM = Image("bookworm", f"{HOST}/toolforge-bookworm-sssd:latest")
CATALOGUE = Catalogue([PYTHON, OLD, BOOKWORM])


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("bookworm", ImageReference("bookworm")),
        ("python3.11", ImageReference("python3.11")),
        ("python3.11:latest", ImageReference("python3.11", tag="latest")),
        ("a.b/c", ImageReference("c", host="a.b")),
        ("a/b", ImageReference("a/b")),
        ("tool-x/app:v1", ImageReference("app", project="tool-x", tag="v1")),
        (
            "h.local/tool-x/app:v1@sha256:0a",
            ImageReference("app", "h.local", "tool-x", "v1", "sha256:0a"),
        ),
        ("tool-x", ImageReference("tool-x")),
        ("", ImageReference("")),
    ],
)
def test_a_spelling_is_taken_apart(text, reference):
    assert parse_reference(text) == reference


@pytest.mark.parametrize(
    "text",
    [
        "python3.11",
        "python3.11:latest",
        "tf-python311",
        "toolforge-python311-sssd-base",
        "toolforge-python311-sssd-web",
        "toolforge-python311-sssd-web:latest",
        f"{HOST}/toolforge-python311-sssd-web",
        f"{HOST}/toolforge-python311-sssd-web:latest",
        f"{HOST}/tf-python311",
    ],
)
def test_every_spelling_of_an_image_finds_it(text):
    assert CATALOGUE.find(text) == JobImage(
        "python3.11", PYTHON.reference, substitute=PYTHON.substitute
    )


def test_a_deprecated_image_can_still_be_used():
    assert CATALOGUE.require("python3.7").state == "deprecated"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", ImageKind.STANDARD),
        ("python3.12", ImageKind.STANDARD),
        ("Python3.11", ImageKind.STANDARD),
        ("python3.11:old", ImageKind.STANDARD),
        ("python3.11@sha256:0a", ImageKind.STANDARD),
        ("elsewhere.org/toolforge-python311-sssd-web", ImageKind.STANDARD),
        ("tool-x/python3.11", ImageKind.BUILD_SERVICE),
        ("h.local/tool-x/app:latest", ImageKind.BUILD_SERVICE),
    ],
)
def test_what_names_no_image_finds_one_that_is_not_there(text, kind):
    assert CATALOGUE.find(text) == JobImage(text, text, kind, "unknown", exists=False)

    with pytest.raises(InvalidRequest, match="no such image") as caught:
        CATALOGUE.require(text)
    assert f"'{text}'" in caught.value.message
    assert caught.value.hint


def test_a_short_name_goes_before_an_alias():
    impostor = Image("other", "x.org/other:1", aliases=("bookworm",))

    for images in ([impostor, BOOKWORM], [BOOKWORM, impostor]):
        assert Catalogue(images).find("bookworm").name == "bookworm"


def test_stable_images_are_advertised_by_name():
    assert CATALOGUE.advertised() == [BOOKWORM, PYTHON]
