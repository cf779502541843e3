"""The frozen catalog: the sources as they once were, on which the commands of README and guide run.

Thereby prose is held against the program and not against this week's data: a new overlay or chart version turns no page
red. It is renewed, and the prose with it, when the format of the sources changes or what is shown has aged:

usage: python -m tests.support.frozen
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree, tree_from_texts
from clusterbook.cli import build_main
from clusterbook.files.write import write_folder
from clusterbook.lookup.build import index_parts
from clusterbook.resolve import matrix
from clusterbook.resolve.matrix import Matrix
from clusterbook.trust.sign import KeySigner
from tests.support import checkouts
from tests.support.goldens import archived, unarchived
from tests.support.publications import Publisher, layout
from tests.support.servers.certificates import private_pem

OURS = Path(__file__).resolve().parents[2]
FILE = OURS / "tests/frozen/recipes.txtar"
SNAPSHOT = OURS / "tests/frozen/h100-eks.yaml"
"""A cluster that has what the recipe said then; other snapshots of the tests follow recipes/."""
FEW = (
    "base accelerator service h100 eks eks-training accelerated-eks-training h100-eks-training h100-eks-ubuntu-training"
    " h100-eks-ubuntu-training-kubeflow"
)
"""The overlays of the recipe that prose takes through its journeys."""


@cache
def texts() -> Mapping[str, str]:
    """Return the sources, by path below recipes/."""
    return unarchived(FILE.read_text(encoding="utf-8"))


@cache
def few() -> Mapping[str, str]:
    """Return the sources without most overlays, for what takes its time with every recipe there is."""
    return {
        path: text
        for path, text in texts().items()
        if not path.startswith("overlays/") or Path(path).stem in FEW.split()
    }


def write_sources(folder: Path, sources: Mapping[str, str]) -> Path:
    """Return `folder` with these sources written into it."""
    for path, text in sources.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def build(sources: Mapping[str, str]) -> Matrix:
    """Return every answer that these sources give."""
    return matrix.whole(load_catalog(tree_from_texts(sources, label="recipes")))


def write_index(folder: Path, sources: Mapping[str, str]) -> Path:
    """Return `folder` with the index of these sources written into it."""
    write_folder(folder, index_parts(build(sources)), marker="index.json")
    return folder


def publisher(folder: Path) -> Publisher:
    """Return whoever publishes the few: a checkout with its ledger, and `published`, a layout, beside it."""
    checkout, before = folder / "checkout", Path.cwd()
    write_sources(checkout / "recipes", few())
    os.chdir(checkout)
    try:
        checkouts.run_git("init", "-q", "-b", "main")
        checkouts.commit_all("July", checkouts.JULY_DATE)
        assert build_main.run(["release", checkouts.JULY]) == 0
    finally:
        os.chdir(before)
    (folder / "our.key").write_bytes(private_pem(ed25519.Ed25519PrivateKey.generate()))
    found = Publisher(checkout, KeySigner.from_file(folder / "our.key", {}))
    found.key.write_text(found.signer.public_pem())
    found.publish(layout(folder / "published"), checkouts.JULY)
    return found


def main() -> None:
    """Freeze the catalog, and the cluster that has it, as they are now."""
    SNAPSHOT.write_bytes((OURS / "tests/snapshots/h100-eks.yaml").read_bytes())
    tree = read_tree(OURS / "recipes")
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(archived({path: source.text for path, source in tree.files.items()}), encoding="utf-8")


if __name__ == "__main__":
    main()
