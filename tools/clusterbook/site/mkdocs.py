"""Authored pages: what a generator makes of them, and the frame that every page has.

MkDocs runs as a program, and ProperDocs alike. Nothing of it is imported, so that it can be replaced.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from clusterbook.diagnostics.console import CONSOLE
from clusterbook.site.errors import BrokenSite

_TIMEOUT_S = 300
_GENERATOR = re.compile(rb'\n *<meta name="generator"[^>]*>')
"""Where a generator names itself; nothing else in a page may depend on which one it was."""


def run(sources: Path, work: Path, pages: Mapping[str, str], *, program: str, url: str, date: str) -> dict[str, bytes]:
    """Return path → bytes of everything the generator makes of `sources` and of `pages` (path → Markdown).

    Raises:
        BrokenSite: it is missing, fails or warns; what it said is in the message.
    """
    config = sources / "mkdocs.yml"
    if not config.is_file():
        raise BrokenSite(f"{config} is missing", hint="name the site's sources with --site")
    docs, out = work / "docs", work / "out"
    shutil.copytree(sources / "docs", docs)
    shutil.copytree(sources / "assets", docs / "assets")
    for path, text in pages.items():
        (docs / path).write_text(text, encoding="utf-8")
    own = {
        "INHERIT": str(config.resolve()),
        "docs_dir": str(docs),
        "site_dir": str(out),
        "site_url": url,
        "theme": {"custom_dir": str((sources / "templates" / "theme").resolve())},
    }
    (work / "mkdocs.yml").write_text(json.dumps(own), encoding="utf-8")
    epoch = str(int(datetime.fromisoformat(date or "2026-01-01T00:00:00+00:00").timestamp()))
    env = {**os.environ, "SOURCE_DATE_EPOCH": epoch, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", program, "build", "--strict", "--quiet", "-f", str(work / "mkdocs.yml")]
    CONSOLE.step(f"run {program} build", program=program)
    process = subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=_TIMEOUT_S)
    if process.returncode:
        text = (process.stderr or process.stdout).strip().replace(str(docs), str(sources / "docs"))
        raise BrokenSite(f"{program} cannot build {sources}: {text[-1500:]}", hint="pip install 'clusterbook[build]'")
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    return {path: _GENERATOR.sub(b"", text) if path.endswith(".html") else text for path, text in files.items()}
