import pytest

from toolforge_runtime.local.images import Host, load_catalogue

BOOKWORM = Host(
    release="bookworm",
    pretty_name="Debian GNU/Linux 12 (bookworm)",
    versions={"python3": "3.11.2", "perl": "5.36.0"},
)


@pytest.fixture(scope="module")
def images():
    return {image.name: image for image in load_catalogue(BOOKWORM)}


@pytest.mark.parametrize(
    ("name", "substitute"),
    [
        ("python3.11", ""),
        ("bookworm", ""),
        (
            "python3.13",
            "the image 'python3.13' is not on this machine; jobs run python3 3.11.2 instead",
        ),
        ("php7.4", "the image 'php7.4' is not on this machine, and the machine has no php"),
        (
            "trixie",
            "the image 'trixie' is not on this machine; jobs run on Debian GNU/Linux 12 (bookworm) instead",
        ),
    ],
)
def test_what_the_host_cannot_be_is_said(images, name, substitute):
    assert images[name].substitute == substitute


def test_a_version_is_compared_by_its_parts():
    host = Host(release="", pretty_name="", versions={"python3": "3.110.1"})

    images = {image.name: image for image in load_catalogue(host)}

    assert "python3 3.110.1" in images["python3.11"].substitute


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("python3.9", "tf-python39"),
        ("python3.9", "toolforge-python39-sssd-base"),
        ("python3.9", "toolforge-python39-sssd-web"),
        ("php7.3", "tf-php73-DEPRECATED"),
    ],
)
def test_the_names_that_scripts_use_are_aliases(images, name, alias):
    assert alias in images[name].aliases


def test_no_alias_names_two_images(images):
    names = [name for image in images.values() for name in (image.name, *image.aliases)]

    assert len(names) == len(set(names))


def test_this_machine_is_asked_for_its_python():
    host = Host.inspect({"python3", "no-such-program"})

    assert host.versions["python3"].startswith("3.")
    assert "no-such-program" not in host.versions
