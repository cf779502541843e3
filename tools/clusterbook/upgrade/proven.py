"""Proven: what chart proofs say of the releases of a side: the kinds that charts bring, and what values do.

A proof is about one chart with one set of values. Of a chart with other values its kinds are taken where every proof of
that version tells the same; what values do is taken from the very proof alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from clusterbook.catalog.proofs import Proof, ProofSubject
from clusterbook.records import Any
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.upgrade.kinds import Kinds, read_kinds
from clusterbook.upgrade.side import PlacedRelease
from clusterbook.upgrade.values import Effects

ProofsOf = Callable[[str], Sequence[Proof]]
"""Gives all proofs of a component by its name."""


class ProvenFacts:
    """What is proven of one side."""

    def __init__(self, recipe: Mapping[str, Any] | None, proofs_of: ProofsOf) -> None:
        """Take the recipe that the side is made of, None where nobody knows it."""
        self._proofs_of = proofs_of
        self._recipe = RecipeResult(recipe) if recipe is not None else None
        self._parts = {each.name: each for each in self._recipe.components} if self._recipe else {}
        self._own: dict[str, Proof | None] = {}

    def kinds(self, release: PlacedRelease) -> Kinds | None:
        """Return the kinds that a release's chart brings, None where nobody knows."""
        own = self._own_proof(release)
        if own is not None and not own.refusal:
            return read_kinds(own.facts)
        told = [
            read_kinds(proof.facts)
            for proof in self._proofs_of(release.component)
            if (proof.archive.name.rpartition("/")[2], proof.archive.version) == (release.chart, release.version)
            and not proof.refusal
        ]
        return told[0] if told and all(each == told[0] for each in told) else None

    def effects(self, release: PlacedRelease) -> Effects:
        """Return what the values of a release do, by JSON Pointer; {} where that is unproven."""
        own = self._own_proof(release)
        return {pointer: effect.document() for pointer, effect in own.effects.items()} if own is not None else {}

    def _own_proof(self, release: PlacedRelease) -> Proof | None:
        if release.name not in self._own:
            self._own[release.name] = self._find_proof(release)
        return self._own[release.name]

    def _find_proof(self, release: PlacedRelease) -> Proof | None:
        part = self._parts.get(release.component)
        if part is None or self._recipe is None or release.name != release.component:
            return None
        known = {proof.key: proof for proof in self._proofs_of(release.component)}
        if not known:
            return None
        document, files = part.document, self._recipe.files
        source = str(document.get("source") or "")
        paths = [*part.manifests_before, *part.manifests_after]
        subject = ProofSubject(
            component=part.name,
            source=source,
            chart=str(document.get("chart") or part.name) if source else "",
            version=str(document.get("version") or ""),
            namespace=str(document.get("namespace") or ""),
            values=document.get("values") or {},
            manifests={path: files[path] for path in paths if path in files},
        )
        found = known.get(subject.key())
        exact = found is not None and (not source or found.archive.exact)
        return found if exact else None
