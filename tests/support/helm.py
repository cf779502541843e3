"""Small charts for tests, packed as helm packs them, and the real helm that renders them."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.interop import toolchain


def helm_program() -> str:
    """Return a real helm; skips the test where none is on PATH and none was built for the interop tier."""
    found = shutil.which("helm") or toolchain.found("helm")
    if found is None:
        pytest.skip("helm is not on PATH, nor built: python -m tests.interop.toolchain helm")
    return str(found)


def pack(folder: Path, name: str, version: str, files: Mapping[str, str], *, file: str = "") -> Path:
    """Return the archive `name-version.tgz` in `folder` of a chart with these files; Chart.yaml is added if missing."""
    path = folder / (file or f"{name}-{version}.tgz")
    whole = {"Chart.yaml": f'apiVersion: v2\nname: {name}\nversion: "{version}"\n', **files}
    with tarfile.open(path, "w:gz") as archive:
        for inner, text in whole.items():
            entry = tarfile.TarInfo(f"{name}/{inner}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path
