"""Wheels unpacked into one folder, as an archive does at its first start and an image while it is built.

On the standard library alone, and on any Python that may come along: it has to get as far as its messages.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import IO


def unpack_wheel(wheel: Path | IO[bytes], folder: str | Path) -> None:
    """Unpack the modules of a wheel, a file or a path; scripts and other data stay behind. Source: PEP 427."""
    with zipfile.ZipFile(wheel) as opened:
        for entry in opened.infolist():
            top, _, rest = entry.filename.partition("/")
            if top.endswith(".data"):
                kind, _, rest = rest.partition("/")
                if kind not in ("purelib", "platlib"):
                    continue
                entry.filename = rest
            if entry.filename and not entry.is_dir():
                opened.extract(entry, folder)


def unpack_archive(archive: str, folder: str) -> None:
    """Unpack the wheels of an archive that are this Python's into a folder, which appears whole or not at all."""
    name = os.path.basename(folder)
    with zipfile.ZipFile(archive) as opened:
        targets = json.loads(opened.read("targets.json"))
        here = f"{os.uname().sysname}-{os.uname().machine}" if hasattr(os, "uname") else sys.platform
        if targets["system"] != here:
            sys.exit(f"clusterbook: this archive is for {targets['system']}, and this is {here}")
        if name not in targets["wheels"] or sys.implementation.name != "cpython":
            known = ", ".join(f"3.{each[3:]}" for each in targets["wheels"])
            sys.exit(
                f"clusterbook: this archive is for CPython {known}, and this is {sys.version.split()[0]}"
                f" ({sys.executable})\n  hint: name another, as in `python3.12 {sys.argv[0]}`"
            )
        above = os.path.dirname(folder)
        try:
            os.makedirs(above, mode=0o700, exist_ok=True)
            unpacking = tempfile.mkdtemp(prefix=f".{name}-", dir=above)
        except OSError as error:
            sys.exit(
                f"clusterbook: {error.filename}: {error.strerror}, and an archive has to be unpacked once\n"
                "  hint: name a folder that can be written: `export XDG_CACHE_HOME=…`"
            )
        try:
            for wheel in targets["wheels"][name]:
                with opened.open(f"wheels/{wheel}") as file:
                    unpack_wheel(file, unpacking)
            os.rename(unpacking, folder)
        except OSError as error:
            shutil.rmtree(unpacking, ignore_errors=True)
            if not os.path.isdir(folder):  # else another process was faster
                sys.exit(f"clusterbook: {folder} cannot be written: {error.strerror}")
        except BaseException:
            shutil.rmtree(unpacking, ignore_errors=True)
            raise
