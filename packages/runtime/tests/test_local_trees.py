"""What somebody else may have put into a folder that we write to or remove."""

import os

import pytest

from toolforge_common.errors import Unavailable
from toolforge_runtime.local import trees


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "file").write_text("untouched")
    return folder


@pytest.fixture
def parent(tmp_path):
    folder = tmp_path / "parent"
    folder.mkdir()
    with trees.opened(folder) as descriptor:
        yield descriptor, folder


def test_a_tree_is_removed_and_what_it_links_to_is_not(parent, outside):
    descriptor, folder = parent
    (folder / "tree/a/b").mkdir(parents=True)
    (folder / "tree/a/b/file").write_text("x")
    (folder / "tree/a/link").symlink_to(outside)
    (folder / "tree/link").symlink_to(outside / "file")
    trees.remove_tree("tree", descriptor)

    assert list(folder.iterdir()) == []
    assert (outside / "file").read_text() == "untouched"


def test_a_link_in_place_of_the_tree_is_refused(parent, outside):
    descriptor, folder = parent
    (folder / "tree").symlink_to(outside)

    with pytest.raises(Unavailable):
        trees.remove_tree("tree", descriptor)
    assert (outside / "file").read_text() == "untouched"


def test_depth_does_not_matter(parent):
    descriptor, folder = parent
    (folder / "tree").mkdir()
    inner = os.open(folder / "tree", os.O_RDONLY)
    for _ in range(2000):
        os.mkdir("x", dir_fd=inner)
        deeper = os.open("x", os.O_RDONLY, dir_fd=inner)
        os.close(inner)
        inner = deeper
    os.close(inner)
    trees.remove_tree("tree", descriptor)

    assert list(folder.iterdir()) == []


def test_folders_that_their_owner_closed_are_removed(parent):
    descriptor, folder = parent
    (folder / "tree/a/b").mkdir(parents=True)
    (folder / "tree/a/b").chmod(0)
    (folder / "tree/a").chmod(0)
    (folder / "tree").chmod(0)
    trees.remove_tree("tree", descriptor)

    assert list(folder.iterdir()) == []


def test_names_that_removal_itself_uses_are_no_obstacle(parent):
    descriptor, folder = parent
    (folder / "tree/a/b/c").mkdir(parents=True)
    (folder / "tree/.moved-0/full").mkdir(parents=True)
    (folder / "tree/.moved-1").write_text("a file")
    trees.remove_tree("tree", descriptor)

    assert list(folder.iterdir()) == []


def test_removing_nothing_does_nothing(parent):
    trees.remove_tree("tree", parent[0])

    assert list(parent[1].iterdir()) == []


@pytest.mark.parametrize("target", ["outside", "outside/file", "nowhere"])
def test_a_file_is_written_in_place_of_a_link(parent, outside, target):
    descriptor, folder = parent
    (folder / "file").symlink_to(outside.parent / target)
    (folder / ".file.new").symlink_to(outside / "file")
    trees.write_file("file", descriptor, b"new", 0o400, os.geteuid())

    assert not (folder / "file").is_symlink()
    assert (folder / "file").read_bytes() == b"new"
    assert (folder / "file").stat().st_mode & 0o777 == 0o400
    assert (outside / "file").read_text() == "untouched"


def test_a_link_in_place_of_a_folder_is_refused(parent, outside):
    descriptor, folder = parent
    (folder / "sub").symlink_to(outside)

    with pytest.raises(OSError, match="sub"), trees.made("sub", descriptor, 0o700, os.geteuid()):
        pass
    assert outside.stat().st_uid == os.geteuid()
