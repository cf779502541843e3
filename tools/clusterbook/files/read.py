"""Paths: what stands at one, as far as we may look.

What lies in a folder that we may not enter counts as not being there, where pathlib before 3.14 raises PermissionError.
"""

from __future__ import annotations

from os import path as paths
from pathlib import Path


def is_file(path: Path | str) -> bool:
    """Return whether there is a file."""
    return paths.isfile(path)  # noqa: PTH113 (see above)


def is_folder(path: Path | str) -> bool:
    """Return whether there is a folder."""
    return paths.isdir(path)  # noqa: PTH112 (see above)


def exists(path: Path | str) -> bool:
    """Return whether there is anything."""
    return paths.exists(path)  # noqa: PTH110 (see above)
