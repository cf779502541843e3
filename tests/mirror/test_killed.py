"""A load that is killed at any moment: what has a name is signed, and the next run finishes. Nightly: 100 times."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import digest_of
from clusterbook.trust.verify import bundles_of, verify_any
from tests.support import publications
from tests.support.publications import Publisher

REPOSITORIES = ("index", "recipes/eks", "helm/eks", "recipes/gke", "flux/gke")


def test_loading_that_is_killed_leaves_nothing_unsigned_and_is_finished(publisher: Publisher, tmp_path: Path) -> None:
    assert campaign(publisher, tmp_path, kills=5) >= 2


def campaign(publisher: Publisher, folder: Path, *, kills: int) -> int:
    """Kill so many loads, each when some number of blobs is there; return how many were at work then."""
    archive = save(publisher, folder)
    wait(load(archive, folder / "whole", publisher))
    whole, moments = names(folder / "whole"), random.Random(7)  # noqa: S311
    target, killed = folder / "target 0", 0
    for number in range(kills):
        process = load(archive, target, publisher)
        blobs, count = target / "blobs/sha256", moments.randint(0, 40)
        while process.poll() is None and not (blobs.exists() and len(list(blobs.iterdir())) >= count):
            time.sleep(0.002)
        working = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += working
        check(target, publisher)
        if not working or number % 10 == 9 or number == kills - 1:
            wait(load(archive, target, publisher))
            assert names(target) == whole
            target = folder / f"target {number + 1}"
    return killed


def save(publisher: Publisher, folder: Path) -> Path:
    """Return an archive with two recipes."""
    publisher.publish(publications.layout(folder / "source"))
    words = ["mirror", "save", "eks", "gke", "--from", str(folder / "source"), "-o", str(folder / "m.tar")]
    wait(start([*words, "--no-charts", "--no-images", "--key", str(publisher.key)], folder))
    return folder / "m.tar"


def load(archive: Path, target: Path, publisher: Publisher) -> subprocess.Popen[bytes]:
    return start(
        ["mirror", "load", str(archive), "--to", f"oci-layout:{target}", "--key", str(publisher.key)], archive.parent
    )


def start(words: list[str], home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "clusterbook.cli.main", *words],
        env={**os.environ, "HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait(process: subprocess.Popen[bytes]) -> None:
    """Wait for a command that has to end well."""
    _, error = process.communicate()
    assert process.returncode == 0, error.decode()


def names(layout: Path) -> set[str]:
    return {name for name, _ in Layout(layout).roots() if name}


def check(target: Path, publisher: Publisher) -> None:
    """Make sure that every file is what its name says, and that what has a name is signed."""
    if not (target / "oci-layout").exists():
        return
    for blob in (target / "blobs/sha256").iterdir():
        assert digest_of(blob.read_bytes()) == f"sha256:{blob.name}"
    layout = Layout(target)
    for repository in REPOSITORIES:
        for tag in layout.tags(repository):
            manifest = layout.manifest(repository, tag)
            verify_any(bundles_of(layout, repository, manifest.digest), manifest.digest, publisher.policy)
