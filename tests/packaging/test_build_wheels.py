"""What the check of the wheels finds; building them all is `tox -e wheels`."""

import sysconfig
import zipfile
from pathlib import Path

import build_wheels
import pytest


def test_a_file_left_out_of_a_wheel_is_found(root, tmp_path):
    source = root / "packages" / "jobs-cli" / "src"
    wheel = tmp_path / "toolforge_jobs_cli-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in source.rglob("*.py"):
            archive.write(path, path.relative_to(source))

    assert list(build_wheels.missing_files([wheel])) == [
        f"{wheel.name}: toolforge_jobs_cli/py.typed is missing"
    ]


@pytest.mark.parametrize(
    ("module", "declared", "undeclared"),
    [
        ("toolforge_jobs_cli", {"click", "toolforge_common"}, {"flask", "toolforge_runtime"}),
        ("toolforge_jobs_api", {"connexion", "toolforge_runtime"}, {"toolforge_gateway"}),
        # Its extras count for itself, and only as far as they are asked for with others.
        ("toolforge_common", {"click", "connexion"}, {"cronsim"}),
    ],
)
def test_a_package_is_blind_to_what_it_does_not_declare(module, declared, undeclared):
    hidden = build_wheels.undeclared(Path(sysconfig.get_path("purelib")), module)

    assert declared.isdisjoint(hidden)
    assert undeclared <= hidden
