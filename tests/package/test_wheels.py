"""Wheels fit one another and the Python they are for; what does not is named before anything is built of them."""

from __future__ import annotations

import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from package.bootstrap.unpack import unpack_wheel
from package.image import ARCHITECTURES, PYTHON
from package.wheels import PYTHONS, SYSTEMS, Target, unmet

LINUX = Target("3.12", "Linux-x86_64")


def wheel(folder: Path, name: str, version: str, *needs: str) -> Path:
    path = folder / f"{name}-{version}-py3-none-any.whl"
    head = "".join(f"Requires-Dist: {need}\n" for need in needs)
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr(f"{name}-{version}.dist-info/METADATA", f"Name: {name}\nVersion: {version}\n{head}\n")
    return path


def test_wheels_that_fit_leave_nothing_unmet(tmp_path: Path) -> None:
    wheels = [wheel(tmp_path, "a", "1.0", "B>=2", 'c; sys_platform == "win32"', 'd; extra == "x"')]
    wheels.append(wheel(tmp_path, "b", "2.1", 'e; python_version < "3.12"'))
    assert unmet(wheels, LINUX) == []


@pytest.mark.parametrize(
    ("need", "said"),
    [
        ("b>=3", "a needs b>=3, and there is 2.1"),
        ("c", "a needs c, and there is none"),
        ('c; python_version >= "3.12"', 'a needs c; python_version >= "3.12", and there is none'),
        ('c; sys_platform == "linux"', 'a needs c; sys_platform == "linux", and there is none'),
    ],
)
def test_what_is_missing_is_named(need: str, said: str, tmp_path: Path) -> None:
    assert unmet([wheel(tmp_path, "a", "1.0", need), wheel(tmp_path, "b", "2.1")], LINUX) == [said]


def test_extras_are_of_our_own_wheel_alone(tmp_path: Path) -> None:
    wheels = [
        wheel(tmp_path, "clusterbook", "1", 'b; extra == "cluster"'),
        wheel(tmp_path, "a", "1", 'c; extra == "cluster"'),
    ]
    assert unmet(wheels, LINUX) == []
    assert unmet(wheels, LINUX, extras=("cluster",)) == ['clusterbook needs b; extra == "cluster", and there is none']


def test_a_wheel_leaves_scripts_and_data_behind(tmp_path: Path) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name in (
            "a/__init__.py",
            "a-1.data/purelib/b.py",
            "a-1.data/scripts/a",
            "a-1.data/data/share/man/man1/a.1",
        ):
            opened.writestr(name, name)
    unpack_wheel(buffer, tmp_path)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")) == ["a/__init__.py", "b.py"]


def test_images_and_archives_are_for_pythons_that_we_support() -> None:
    assert PYTHON in PYTHONS
    assert set(ARCHITECTURES.values()) <= SYSTEMS.keys()
    if sys.platform == "linux":
        assert f"{sys.version_info[0]}.{sys.version_info[1]}" in PYTHONS
