"""Small sites for tests: source trees and ledgers in, the files of a site out."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.cli.build_main import program as build
from clusterbook.cli.commands import program as client
from clusterbook.evidence.ledger import LedgerEvidence
from clusterbook.ledger.folder import open_ledger
from clusterbook.ledger.model import Ledger
from clusterbook.ledger.write_releases import read_upgrades
from clusterbook.resolve import matrix
from clusterbook.resolve.matrix import Matrix
from clusterbook.site import build as site_build
from clusterbook.site.gather import gather
from clusterbook.site.model import SiteData
from clusterbook.site.versions import PublishedVersions
from tests.support import ledgers, proofs, trees

OURS = Path(__file__).resolve().parents[2]
SOURCES = OURS / "site"
PROGRAMS = {"clusterbook": client, "clusterbook-build": build}

HOSTILE = "</code><script>alert('value')</script>&amp;\" onload=\"x"
SMALL = {
    **ledgers.JULY,
    "base": """
        constraints: [{name: K8s.server.version, value: ">= 1.30"}]
        componentRefs: [{name: a, valuesFile: components/a/values.yaml, dependencyRefs: [b]}, {name: b}]
        """,
    "components/a/values.yaml": "x: 1\nlist: [1, 2]\nempty: {}\n",
    "eks": """
        criteria: {service: eks}
        componentRefs: [{name: b, overrides: {size: 2}}, {name: c}, {name: a, overrides: {x: 2}}]
        """,
}
"""What July became since: `eks` and `base` are not released as they are now."""


def data_of(matrix: Matrix, ledger: Ledger, proofs: Sequence[LedgerEvidence] = ()) -> SiteData:
    """Return what a site knows of a matrix, a ledger and evidence."""
    return gather(matrix, PublishedVersions(ledger), published="oci://registry.example/book", proofs=proofs)


def data(
    files: Mapping[str, str], ledger: Mapping[str, str] | None = None, proofs: Sequence[LedgerEvidence] = ()
) -> SiteData:
    """Return what a site of a small tree knows, of the files of a ledger, and of evidence."""
    return data_of(trees.build(files), Ledger(dict(ledger or {})), proofs)


def small() -> SiteData:
    """Return what the small site knows: two releases stand behind it, evidence of both, and something unreleased."""
    return data(SMALL, ledgers.two(), proofs.kept())


def files(found: SiteData, sources: Path = SOURCES, **more: str) -> dict[str, bytes]:
    """Return every file of the site that knows this."""
    return dict(site_build.files(found, sources, PROGRAMS, **more))


@cache
def whole() -> Mapping[str, bytes]:
    """Return every file of the small site."""
    return files(small())


@cache
def ours() -> Matrix:
    """Return the matrix of our own catalog."""
    return matrix.whole(load_catalog(read_tree(OURS / "recipes", label="recipes")))


@cache
def our_data() -> SiteData:
    """Return what the site of our own catalog and ledger knows."""
    found = data_of(ours(), open_ledger(OURS / "registry"))
    return dataclasses.replace(found, upgrades=read_upgrades(OURS / "registry"))


def sources(folder: Path) -> Path:
    """Return a copy of the site's sources in `folder`, to be broken."""
    return Path(shutil.copytree(SOURCES, folder / "site"))
