"""Same input, same bytes: every recipe with every deployer, rendered in two processes that differ in all they may."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from clusterbook.bundle.options import DEPLOYERS
from tests.support.whole_recipes import wholes

ROOT = Path(__file__).resolve().parents[2]


def start(seed: str, *words: str, **env: str) -> subprocess.Popen[str]:
    """Return a process that renders all bundles, whose sets and dicts of sets are ordered by `seed`."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.bundle_digests", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed, **env},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_every_bundle_has_the_same_bytes_whoever_makes_it_and_whatever_was_made_before() -> None:
    with start("1", TZ="UTC", LC_ALL="C") as one, start("2", "backwards", TZ="Asia/Tokyo") as other:
        first, second = (json.loads(process.communicate()[0]) for process in (one, other))
    assert len(first) == len(wholes()) * len(DEPLOYERS) > 1000
    assert [name for name, digest in first.items() if second[name] != digest] == []
