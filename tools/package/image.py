"""The root file systems of images: what each adds to its base, as folders that a Containerfile copies.

Nothing is run to make one, so that one machine makes them for every architecture.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from package.bootstrap.unpack import unpack_wheel
from package.wheels import Target

CONTAINERFILES = Path(__file__).parent
PYTHON = "3.13"
"""The Python of the base image."""
ARCHITECTURES = {"amd64": "Linux-x86_64", "arm64": "Linux-aarch64"}
"""The architectures of images → the systems whose wheels run there."""
MODULES = "opt/clusterbook"
PIN = "clusterbook/publisher/agent.digest"
_PROGRAM = "#!/usr/bin/env python3\nfrom clusterbook.cli.{module} import main\n\nmain()\n"
_PROGRAMS = {"clusterbook": "main", "clusterbook-build": "build_main"}


class RootFilesystem(NamedTuple):
    """What an image is called, and the wheels that it holds for an architecture."""

    image: str
    architecture: str
    wheels: Sequence[Path]


def target_of(architecture: str, python: str = PYTHON) -> Target:
    """Return the target that an image of an architecture is."""
    return Target(python, ARCHITECTURES[architecture])


def write_root(root: RootFilesystem, folder: Path) -> Path:
    """Return the root file system, written below `folder` beside the Containerfile that copies it.

    No byte code: it carries times, and is a third of the whole.
    """
    context = folder / root.image
    top = context / root.architecture
    shutil.rmtree(top, ignore_errors=True)
    modules = top / MODULES
    modules.mkdir(parents=True)
    for wheel in root.wheels:
        unpack_wheel(wheel, modules)
    programs = top / "usr/local/bin"
    programs.mkdir(parents=True)
    for name, module in _PROGRAMS.items():
        (programs / name).write_text(_PROGRAM.format(module=module), encoding="utf-8")
    for path in sorted(top.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent == programs else 0o644)
    shutil.copyfile(CONTAINERFILES / root.image / "Containerfile", context / "Containerfile")
    return top
