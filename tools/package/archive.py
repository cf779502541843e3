"""The single-file archive: a zip that Python runs, with our wheel and all that it needs for several Pythons in it."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from package.wheels import ROOT

BOOTSTRAP = Path(__file__).with_name("bootstrap")
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first moment a zip can name; what is in one has no other."""
_SHEBANG = b"#!/usr/bin/env python3\n"


def write_archive(target: Path, system: str, wheels: Mapping[str, Sequence[Path]]) -> Path:
    """Return the archive for a system, written to `target`; the same wheels make the same bytes.

    Args:
        target: the file.
        system: as `uname -sm` says, with a hyphen.
        wheels: by the tag of a Python, such as cp311, all that is unpacked for it, our own wheel first.
    """
    files = {path.name: path.read_bytes() for each in wheels.values() for path in each}
    listed = {tag: sorted(path.name for path in each) for tag, each in sorted(wheels.items())}
    held = {
        "LICENSE": (ROOT / "LICENSE").read_bytes(),
        "NOTICE": (ROOT / "NOTICE").read_bytes(),
        "targets.json": json.dumps({"system": system, "wheels": listed}, indent=1).encode(),
        "unpack.py": (BOOTSTRAP / "unpack.py").read_bytes(),
        **{f"wheels/{name}": data for name, data in sorted(files.items())},
        **_pages(next(iter(wheels.values()))[0]),
    }
    digest = hashlib.sha256()
    for name, data in held.items():
        digest.update(b"\0".join((name.encode(), hashlib.sha256(data).digest())))
    start = (BOOTSTRAP / "__main__.py").read_text(encoding="utf-8").replace("@DIGEST@", digest.hexdigest()[:16])
    held = {"__main__.py": start.encode(), **held}
    buffer = BytesIO()
    buffer.write(_SHEBANG)  # first, so that places in the zip are counted from the start of the file
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, data in held.items():
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            kept = zipfile.ZIP_STORED if name.endswith((".whl", ".py")) else zipfile.ZIP_DEFLATED
            opened.writestr(entry, data, kept)
    target.write_bytes(buffer.getvalue())
    target.chmod(0o755)
    return target


def _pages(own: Path) -> dict[str, bytes]:
    """Return the manual pages of our wheel, by where they lie in the archive: `unzip ARCHIVE 'share/*' -d ~/.local`."""
    with zipfile.ZipFile(own) as opened:
        pages = [name for name in opened.namelist() if ".data/data/share/man/" in name]
        return {name.partition(".data/data/")[2]: opened.read(name) for name in sorted(pages)}
