"""Needs: kinds that a cluster has to know before a bundle is installed, because nothing in the bundle brings them.

Knows what the registry says of each component. Does not look into charts or manifests: what those need is for the
registry to say. Part of `bundle`, so it imports next to nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from clusterbook.bundle.folders import Plan


class Need(NamedTuple):
    """Names of definitions that components need, and what to do when one is missing: a command, or a sentence."""

    components: tuple[str, ...]
    kinds: tuple[str, ...]
    how: str


def needs(plan: Plan) -> list[Need]:
    """Return what the components of a bundle need, in deployment order; the same need of several once."""
    parts = {folder.component: folder.part for folder in plan.folders}
    found: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for name, part in parts.items():
        for each in part.facts.get("needsKinds") or ():
            what = tuple(each.get("kinds") or ()), each.get("how") or "install what defines them, then try again"
            found.setdefault(what, []).append(name)
    return [Need(tuple(names), kinds, how) for (kinds, how), names in found.items() if kinds]
