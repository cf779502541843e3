"""Evidence for tests: made by `clusterbook validate`, about the releases of March and July of the small tree."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.cli import main
from clusterbook.evidence import ledger as evidence_ledger
from clusterbook.files.write import write_folder
from clusterbook.ledger.folder import open_ledger
from clusterbook.lookup.build import index_parts
from clusterbook.resolve.matrix import Matrix
from clusterbook.trust.keys import private_key
from tests.support import ledgers, trees
from tests.support.clusters import SNAPSHOTS
from tests.support.servers.certificates import private_pem

MARCH, JULY = "eks@1.0.0", "eks@1.1.0"
_SOURCES: Mapping[str, Mapping[str, str]] = {MARCH: ledgers.MARCH, JULY: ledgers.JULY}
SEEN = str(SNAPSHOTS / "h100-eks.yaml")


def registry(root: Path) -> Path:
    """Return the ledger with both releases, written below `root`."""
    write_folder(
        root / "registry", ((path, text.encode()) for path, text in ledgers.two().items()), marker="withdrawn.yaml"
    )
    return root / "registry"


def build(which: str, sources: Mapping[str, str] | None = None) -> Matrix:
    """Return the matrix that a version of eks was released from, or that of other sources."""
    return trees.build(sources or _SOURCES[which])


def prove(root: Path, which: str, name: str, *more: str, sources: Mapping[str, str] | None = None) -> Path:
    """Return the evidence `name` that a version of eks holds, in the ledger below `root`; `more` are flags."""
    index = root / f"index-{name}"
    write_folder(index, index_parts(build(which, sources)), marker="index.json")
    folder = root / "registry" / "evidence" / which.partition("@")[0] / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    words = ["--source", str(index), "--no-cluster", "-s", SEEN, "--evidence", str(folder), *more]
    assert main.run(["validate", which.partition("@")[0], *words], {}) == 0
    return folder


def believed(root: Path, name: str = "acme") -> Path:
    """Return a private key whose public half `site/trust.yaml` below `root` names; same name, same key."""
    pem = private_pem(ed25519.Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest()))
    (root / f"{name}.key").write_bytes(pem)
    (root / "site" / "keys").mkdir(parents=True, exist_ok=True)
    (root / "site" / "keys" / f"{name}.pub").write_text(private_key(pem, name).public().pem())
    head = "apiVersion: clusterbook.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {name: evidence}\nspec:\n"
    (root / "site" / "trust.yaml").write_text(f"{head}  signers:\n    - key: keys/{name}.pub\n", encoding="utf-8")
    return root / f"{name}.key"


@cache
def kept() -> tuple[evidence_ledger.LedgerEvidence, ...]:
    """Return two pieces of evidence about eks: of March, for which nobody vouches, and of July, signed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ledger = registry(root)
        prove(root, MARCH, "2026-07-14-acme")
        prove(root, JULY, "2026-07-15-acme", "--key", str(believed(root)))
        return evidence_ledger.read_evidence(ledger, open_ledger(ledger), root / "site" / "trust.yaml")
