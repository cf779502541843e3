"""Overlays and mixins of somebody else's tree that are not understood: left out, and whatever builds on them with them.

What is left out is still known by its criteria, so that a query which it would have answered is refused, and not
answered without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.layers import Layer, read_overlay_criteria
from clusterbook.catalog.schema import CriteriaShape
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.documents.schema import check_shape
from clusterbook.documents.yaml_reader import Node

LEFT_OUT = Code(
    "CB031",
    "document that is not understood",
    "warning",
    "A document of somebody else's tree is not understood. It is left out with all that builds on it, and what it would"
    " have been part of is refused.",
    "Fix what the findings of that file report, or read the tree with a newer version.",
)


@dataclass(frozen=True, slots=True)
class Unread:
    """One overlay or mixin that is left out; `root` is the one that is not understood, itself or what it builds on."""

    name: str
    file: str
    base: str
    criteria: Criteria | None
    place: Place
    root: str


def read_unread(node: Node | None, file: str, finding: Finding) -> Unread:
    """Return what is known of a document that is not understood; without a name it has that of its file."""
    named = node.get("metadata", "name") if node else None
    name = (named.string() if named else "") or file.rpartition("/")[2].removesuffix(".yaml")
    base = node.get("spec", "base") if node else None
    criteria = node.get("spec", "criteria") if node else None
    problems: list[Finding] = []
    if criteria is not None:
        check_shape(criteria, file, CriteriaShape, problems, strict=False)
    known = read_overlay_criteria(criteria) if all(each.severity == "warning" for each in problems) else None
    return Unread(name, file, base.string() if base else "", known, finding.place, name)


def with_dependents(unread: Mapping[str, Unread], overlays: Iterable[Layer]) -> dict[str, Unread]:
    """Return what is left out together with the overlays that build on it, at any distance."""
    left = dict(unread)
    waiting = list(overlays)
    while True:
        dependents = [layer for layer in waiting if layer.base in left and layer.name not in left]
        if not dependents:
            return left
        for layer in dependents:
            under = left[layer.base]
            left[layer.name] = Unread(layer.name, layer.file, layer.base, layer.criteria, under.place, under.root)
        waiting = [layer for layer in waiting if layer.name not in left]


def left_out_findings(left: Mapping[str, Unread], kind: str) -> list[Finding]:
    """Return a finding about each document that is not understood, with the names of what builds on it."""
    findings = []
    for root in (each for each in left.values() if each.root == each.name):
        dependents = sorted(each.name for each in left.values() if each.root == root.name and each.name != root.name)
        more = f", and so are {', '.join(dependents)}, which build on it" if dependents else ""
        what = f"the {kind} '{root.name}' is not understood, so it is left out{more}"
        findings.append(LEFT_OUT.finding(root.place, what, "recipes that need it are refused"))
    return findings
