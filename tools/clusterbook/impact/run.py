"""An impact is computed: both states of the sources are read from Git or from the disk, checked and resolved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree, tree_from_texts, with_registry
from clusterbook.catalog.tree import RECIPES, SourceTree
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.evidence.ledger import read_evidence
from clusterbook.impact.compare import EvidencePiece, Impact, ImpactSide, compare
from clusterbook.ledger import git
from clusterbook.ledger.folder import open_ledger
from clusterbook.lint import rules
from clusterbook.lookup.index_files import embedded_texts
from clusterbook.resolve import matrix

WORKING_TREE = "the working tree"
_DOTS, _MERGE_BASE = "..", "..."


def impact(span: str, recipes: Path, registry: Path, trust: Path) -> Impact:
    """Return what a change of the sources does.

    Args:
        span: BASE..HEAD, BASE...HEAD (from where the two parted), or BASE alone: up to the files as they lie there.
        recipes: the source tree.
        registry: the ledger, whose evidence may go stale; need not exist.
        trust: the policy that says whose evidence is believed.

    Raises:
        InvalidRequest: `span` is none.
        SourceErrors: the sources of one of the two contradict themselves.
        NotFound, NoHistory: there is no such commit, or no Git.
    """
    base, head = _ends(span, recipes)
    old = _side(base, recipes)
    new = _side(head, recipes)
    return compare(old, new, _evidence(registry, trust))


def _ends(span: str, recipes: Path) -> tuple[str, str]:
    """Return the two revisions, the second "" for the working tree."""
    separator = _MERGE_BASE if _MERGE_BASE in span else _DOTS
    base, dots, head = span.partition(separator)
    if not base or _DOTS in head or base.startswith("-") or head.startswith("-"):
        raise InvalidRequest(f"'{span}' is not a range of commits", hint="write BASE..HEAD, such as main..HEAD")
    if dots == _MERGE_BASE:
        base = git.merge_base(recipes, base, head or "HEAD")
    return base, head


def _side(revision: str, recipes: Path) -> ImpactSide:
    tree = with_registry(_tree(revision, recipes), embedded_texts)
    catalog = load_catalog(tree)
    resolved = matrix.whole(catalog)
    return ImpactSide(revision or WORKING_TREE, resolved, rules.check(catalog, resolved))


def _tree(revision: str, recipes: Path) -> SourceTree:
    if not revision:
        return read_tree(recipes, label=RECIPES)
    commit = git.commit(recipes, revision)
    return tree_from_texts(git.texts(recipes, commit.id), label=RECIPES)


def _evidence(registry: Path, trust: Path) -> Iterator[EvidencePiece]:
    if not registry.is_dir():
        return
    ledger = open_ledger(registry)
    for piece in read_evidence(registry, ledger, trust):
        yield EvidencePiece(piece.proof.recipe, piece.version, piece.name, piece.proof.digest)
