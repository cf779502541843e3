"""The proof of a resolved component: which of the proofs in a tree is about it, if any is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.catalog.load import Catalog
from clusterbook.catalog.proofs import Effect, Proof, ProofSubject, decode, path_of
from clusterbook.resolve.component import Component
from clusterbook.resolve.document import escape


def subject_of(catalog: Catalog, component: Component) -> ProofSubject:
    """Return what a proof of this component has to be about."""
    paths = [*component.words_of("preManifestFiles"), *component.words_of("manifestFiles")]
    files = catalog.tree.files
    return ProofSubject(
        component=component.name,
        source=component.word("source"),
        chart=(component.word("chart") or component.name) if component.word("source") else "",
        version=component.word("version"),
        namespace=component.word("namespace"),
        values=component.settled,
        manifests={path: files[path].text for path in paths if path in files},
    )


class Proofs:
    """The proofs in a catalog's tree; each file is read when the first of its component is asked for."""

    def __init__(self, catalog: Catalog) -> None:
        """Look into no file yet."""
        self.catalog = catalog
        self._files: dict[str, dict[str, Proof]] = {}

    def file(self, component: str) -> Mapping[str, Proof]:
        """Return the proofs of one component by key.

        Raises:
            BrokenProof: the file is damaged.
        """
        if component not in self._files:
            source = self.catalog.tree.files.get(path_of(component))
            self._files[component] = {each.key: each for each in decode(source.text, source.file)} if source else {}
        return self._files[component]

    def of(self, component: Component) -> Proof | None:
        """Return the proof of a component, None when it is unproven. Raises as `file`."""
        known = self.file(component.name)
        return known.get(subject_of(self.catalog, component).key()) if known else None

    def effects(self, component: Component) -> Mapping[str, Effect]:
        """Return the effect of each value of a component by its pointer below the values; {} where it is unproven.

        Raises:
            BrokenProof: as `file`.
        """
        proof = self.of(component)
        return proof.effects if proof is not None else {}


def with_effects(
    origins: Mapping[str, list[dict[str, Any]]], component: Component, effects: Mapping[str, Effect]
) -> dict[str, list[dict[str, Any]]]:
    """Return the origins of a component, the winner of each value that is proven with `effect` beside it."""
    root = f"/components/{escape(component.name)}/values"
    found = dict(origins)
    for pointer, effect in effects.items():
        chain = found.get(f"{root}{pointer}")
        if chain and not chain[-1].get("removed"):
            found[f"{root}{pointer}"] = [*chain[:-1], {**chain[-1], "effect": effect.document()}]
    return found
