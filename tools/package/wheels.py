"""Wheels: ours, built here, and those of all that it needs, as a lock file names them by digest."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from clusterbook.publisher.names import DISTRIBUTION

ROOT = Path(__file__).resolve().parents[2]
LOCK = Path(__file__).with_name("requirements.txt")
SYSTEMS: Mapping[str, tuple[str, ...]] = {
    "Linux-x86_64": ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "Linux-aarch64": ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    "Darwin-arm64": ("macosx_12_0_arm64",),
}
"""What `uname -sm` says, with a hyphen → the platforms whose wheels run there."""
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


class PackageError(Exception):
    """What a release consists of cannot be built; the text says why and what to type next."""


class Target(NamedTuple):
    """A Python on a system."""

    python: str
    system: str

    @property
    def tag(self) -> str:
        """What wheels call this Python."""
        return f"cp{self.python.replace('.', '')}"

    @property
    def environment(self) -> dict[str, str]:
        """The values of markers there. Source: PEP 508."""
        system, _, machine = self.system.partition("-")
        return {
            "extra": "",
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_system": system,
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": system.lower(),
        }


def cache() -> Path:
    """Return the folder that holds downloaded wheels of this user."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "clusterbook" / "wheels"


def locked_wheels(target: Target) -> list[Path]:
    """Return the wheels of everything that the lock file names, for a target; what was fetched before is not again.

    Raises:
        PackageError: pip finds one missing, or with another digest.
    """
    key = hashlib.sha256(repr((target, SYSTEMS[target.system])).encode() + LOCK.read_bytes()).hexdigest()[:16]
    folder = cache() / key
    if not folder.is_dir():
        unfinished = folder.with_name(f".{key}-{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        words = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--implementation", "cp"]
        words += ["--python-version", target.python, "--dest", str(unfinished), "--requirement", str(LOCK)]
        words += [word for name in (target.tag, "abi3", "none") for word in ("--abi", name)]
        words += [word for name in SYSTEMS[target.system] for word in ("--platform", name)]
        if subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *words], check=False).returncode:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise PackageError(
                f"the wheels for Python {target.python} on {target.system} cannot be had, see above\n"
                "  hint: without a way to PyPI, name a mirror: `export PIP_INDEX_URL=https://…`"
            )
        if folder.is_dir():
            shutil.rmtree(unfinished)
        else:
            unfinished.rename(folder)
    return sorted(folder.glob("*.whl"))


def build_own(folder: Path, *, epoch: int) -> tuple[Path, Path]:
    """Return our wheel and our source archive, built into `folder`; the same commit makes the same bytes.

    Args:
        folder: where they go.
        epoch: the second since 1970 by which everything in them is dated.

    Raises:
        PackageError: the catalog does not resolve, say.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    words = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--target", "wheel", "-d", str(folder)]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(f"there is no wheel\n{done.stdout}{done.stderr}")
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, source


def unmet(wheels: Iterable[Path], target: Target, *, extras: Sequence[str] = ()) -> list[str]:
    """Return what some of these wheels need on a target and the others do not bring, in the words of its metadata."""
    heads = [metadata(wheel) for wheel in wheels]
    versions = {canonicalize_name(str(head["Name"])): str(head["Version"]) for head in heads}
    found = []
    for head in heads:
        for text in head.get_all("Requires-Dist", ()):
            need = Requirement(text)
            wanted = [*extras, ""] if head["Name"] == DISTRIBUTION else [""]
            if need.marker and not any(need.marker.evaluate({**target.environment, "extra": each}) for each in wanted):
                continue
            version = versions.get(canonicalize_name(need.name))
            if version is None or not need.specifier.contains(version, prereleases=True):
                found.append(f"{head['Name']} needs {text}, and there is {version or 'none'}")
    return found


def metadata(wheel: Path) -> Message:
    """Return what a wheel says of itself."""
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (each for each in opened.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", each))
        return HeaderParser().parsestr(opened.read(name).decode())


def whole_set(own: Path, target: Target) -> list[Path]:
    """Return our wheel and all that it needs on a target, clusters behind proxies included.

    Raises:
        PackageError: the lock file does not fit pyproject.toml any more.
    """
    wheels = [own, *locked_wheels(target)]
    if missing := unmet(wheels, target, extras=("cluster",)):
        raise PackageError(
            "\n".join(missing) + "\n  hint: make tools/package/requirements.txt again; its first lines say how"
        )
    return wheels
