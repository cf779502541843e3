"""What becomes of every recipe from one state of the sources to another, each difference told once.

A difference that two hundred recipes share is one fact with two hundred recipes. The facts are those of the one diff,
the manual steps those of the one planner, the findings those of `check`.
Source: design, sections 2 and 9.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from clusterbook.bundle.advice import needs
from clusterbook.bundle.components import select
from clusterbook.bundle.folders import plan as bundle_plan
from clusterbook.bundle.options import read_options
from clusterbook.catalog.proofs import BrokenProof, Proof, decode, path_of
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.findings import Finding
from clusterbook.diff.facts import Side
from clusterbook.diff.recipe_report import sentence
from clusterbook.diff.recipes import Change, Diff, diff
from clusterbook.documents.digest import digest
from clusterbook.ledger.version import LedgerVersion, Step, step
from clusterbook.lookup.build import served_recipes
from clusterbook.resolve.component import Component
from clusterbook.resolve.content import Gatherer
from clusterbook.resolve.document import component_winners, recipe_winners
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.proof import Proofs
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.resolve.resolver import Recipe
from clusterbook.upgrade.note import UpgradeNote
from clusterbook.upgrade.plan import Knowledge, make_plan
from clusterbook.upgrade.proven import ProvenFacts
from clusterbook.upgrade.side import UpgradeSide, planned_side

UNPROVEN = "unproven"


class SharedChange(NamedTuple):
    """One difference and the recipes that have it. `setters` are the layers and lines that decide it.

    `effects` counts, for a value, in how many of the recipes it is live, default, dead, own, refused or unproven.
    """

    change: Change
    setters: tuple[str, ...]
    effects: Mapping[str, int]
    recipes: tuple[str, ...]


class Cause(NamedTuple):
    """All that changes about one component, "" for the recipes themselves; what most recipes share is first."""

    component: str
    changes: tuple[SharedChange, ...]

    @property
    def recipes(self) -> tuple[str, ...]:
        """Return the recipes that any of its changes is in, sorted."""
        return tuple(sorted({slug for change in self.changes for slug in change.recipes}))


class ManualStep(NamedTuple):
    """What whoever upgrades has to do, about which release, "" for the cluster, and in which recipes."""

    release: str
    note: UpgradeNote
    recipes: tuple[str, ...]


class EvidencePiece(NamedTuple):
    """One piece of evidence of the ledger: the version that it is about, and the digest of that version."""

    recipe: str
    version: LedgerVersion
    name: str
    digest: str


class Impact(NamedTuple):
    """What a change does. `steps` says of each changed recipe how far its version moves, and why.

    `unplanned` are the changed recipes of which no bundle can be made without options of the user, with the reason;
    `stale` is the evidence that was about a recipe as it stood before.
    """

    old: str
    new: str
    added: tuple[str, ...]
    removed: Mapping[str, Sequence[str]]
    steps: Mapping[str, Step]
    unchanged: int
    states: tuple[Mapping[str, int], Mapping[str, int]]
    causes: tuple[Cause, ...]
    manual: tuple[ManualStep, ...]
    unplanned: Mapping[str, str]
    appeared: tuple[Finding, ...]
    fixed: tuple[Finding, ...]
    stale: tuple[EvidencePiece, ...]

    @property
    def empty(self) -> bool:
        """Return whether nothing at all differs."""
        recipes = self.added or self.removed or self.steps
        return not (recipes or self.appeared or self.fixed or self.states[0] != self.states[1])


class ImpactSide:
    """One state of the sources; what its recipes are is worked out once, and what they share once for all."""

    def __init__(self, label: str, matrix: Matrix, findings: Sequence[Finding] = ()) -> None:
        """Take the matrix of the sources and what `check` finds in them."""
        self.label, self.matrix, self.findings = label, matrix, findings
        self.recipes: Mapping[str, Recipe] = dict(served_recipes(matrix))
        self._gatherer = Gatherer(matrix.catalog)
        self._proofs = Proofs(matrix.catalog)
        self._winners: dict[int, tuple[Component, Mapping[str, str]]] = {}
        self._effects: dict[int, tuple[Component, Mapping[str, str]]] = {}
        self._contents: dict[str, dict[str, Any]] = {}
        self.proofs_of = cache(self._decoded)

    def content(self, slug: str) -> dict[str, Any]:
        """Return what a recipe is, as the ledger would keep it. Raises Conflict as `Gatherer`."""
        if slug not in self._contents:
            recipe = self.recipes[slug]
            self._contents[slug] = self._gatherer.content(recipe, state=self.matrix.answer(recipe.criteria).state)
        return self._contents[slug]

    def side(self, slug: str) -> Side:
        """Return a recipe as a side of a diff. Raises as `content`."""
        return Side(slug, self.content(slug), recipe_winners(self.recipes[slug], self._winners_of))

    def whole(self, slug: str) -> dict[str, Any]:
        """Return a recipe with all that a bundle needs. Raises as `content`."""
        recipe = self.recipes[slug]
        return self._gatherer.whole(recipe, state=self.matrix.answer(recipe.criteria).state)

    def effects(self, slug: str, component: str) -> Mapping[str, str]:
        """Return the effect of each proven value of a component of a recipe, by its pointer below the values."""
        part = next((each for each in self.recipes[slug].components if each.name == component), None)
        if part is None:
            return {}
        if id(part) not in self._effects:
            try:
                found = {pointer: each.effect for pointer, each in self._proofs.effects(part).items()}
            except BrokenProof:  # `check` tells it
                found = {}
            self._effects[id(part)] = (part, found)
        return self._effects[id(part)][1]

    def _winners_of(self, component: Component) -> Mapping[str, str]:
        if id(component) not in self._winners:
            self._winners[id(component)] = (component, component_winners(component))
        return self._winners[id(component)][1]

    def _decoded(self, component: str) -> Sequence[Proof]:
        source = self.matrix.catalog.tree.files.get(path_of(component))
        try:
            return decode(source.text, source.file) if source else ()
        except BrokenProof:
            return ()


def compare(old: ImpactSide, new: ImpactSide, evidence: Iterable[EvidencePiece] = ()) -> Impact:
    """Return what the change from `old` to `new` does.

    Raises:
        Conflict: a recipe names a manifest that does not exist.
    """
    both = [slug for slug in new.recipes if slug in old.recipes]
    changed = [slug for slug in both if old.content(slug) != new.content(slug)]
    diffs = {slug: found for slug in changed if (found := diff(old.side(slug), new.side(slug)))}
    removed = {
        slug: new.matrix.matcher.successors(old.recipes[slug].criteria)
        for slug in old.recipes
        if slug not in new.recipes
    }
    manual, unplanned = _manual_steps(old, new, list(diffs))
    before, after = (Counter(map(_subject, side.findings)) for side in (old, new))
    return Impact(
        old.label,
        new.label,
        tuple(slug for slug in new.recipes if slug not in old.recipes),
        removed,
        {slug: step(found) for slug, found in diffs.items()},
        len(both) - len(diffs),
        _states(old.matrix, new.matrix),
        _causes(diffs, old, new),
        manual,
        unplanned,
        tuple(_beyond(new.findings, before)),
        tuple(_beyond(old.findings, after)),
        tuple(each for each in evidence if _goes_stale(each, old, new)),
    )


def _states(old: Matrix, new: Matrix) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Return how many combinations are in which state on both sides; where the same is claimed, only one is counted."""
    after = dict(new.states())
    claims = [(side.matcher.overlays, side.catalog.vocabulary, side.recipes.keys()) for side in (old, new)]
    return (after if claims[0] == claims[1] else dict(old.states())), after


def _goes_stale(piece: EvidencePiece, old: ImpactSide, new: ImpactSide) -> bool:
    """Return whether a piece of evidence is about a recipe as it is in `old`, and no longer in `new`."""
    if piece.recipe not in old.recipes or digest(old.content(piece.recipe)) != piece.digest:
        return False
    return piece.recipe not in new.recipes or digest(new.content(piece.recipe)) != piece.digest


def _subject(finding: Finding) -> tuple[str, str, str]:
    """Return what a finding is about; lines move when something is written above them."""
    return finding.code, finding.place.file, finding.what


def _beyond(findings: Iterable[Finding], known: Counter[tuple[str, str, str]]) -> Iterable[Finding]:
    """Yield the findings that are not among those that are known, each as often as it is more often there."""
    left = Counter(known)
    for finding in findings:
        if left[_subject(finding)]:
            left[_subject(finding)] -= 1
        else:
            yield finding


def _causes(diffs: Mapping[str, Diff], old: ImpactSide, new: ImpactSide) -> tuple[Cause, ...]:
    shared: dict[tuple[str, ...], list[tuple[str, Change]]] = {}
    for slug, found in diffs.items():
        for change in found.changes:
            told = (sentence(change),) if change.section == "component" else (repr(change.old), repr(change.new))
            key = (change.component, change.section, change.key, change.kind, *told)
            shared.setdefault(key, []).append((slug, change))
    causes: dict[str, list[SharedChange]] = {}
    for (component, *_), found_in in shared.items():
        causes.setdefault(component, []).append(_shared_change(found_in, old, new))
    made = [Cause(name, tuple(sorted(changes, key=_weight))) for name, changes in causes.items()]
    return tuple(sorted(made, key=lambda cause: (-len(cause.recipes), cause.component)))


def _weight(shared: SharedChange) -> tuple[int, bool]:
    """Return what orders changes: those of most recipes first, of these the version; the rest as the diff has it."""
    return -len(shared.recipes), shared.change.key not in ("version", "tag")


def _shared_change(found_in: Sequence[tuple[str, Change]], old: ImpactSide, new: ImpactSide) -> SharedChange:
    first = found_in[0][1]
    gone = first.kind == "removed"
    setters = {(change.old_origin if gone else change.new_origin) for _, change in found_in} - {""}
    effects: Counter[str] = Counter()
    if first.section == "value":
        side = old if gone else new
        effects.update(side.effects(slug, first.component).get(first.key, UNPROVEN) for slug, _ in found_in)
    return SharedChange(first, tuple(sorted(setters)), dict(effects), tuple(slug for slug, _ in found_in))


def _manual_steps(
    old: ImpactSide, new: ImpactSide, changed: Iterable[str]
) -> tuple[tuple[ManualStep, ...], dict[str, str]]:
    """Return what upgrades with Helm ask of people, and the recipes that cannot be planned without options."""
    alike: dict[tuple[Any, ...], list[str]] = {}
    for slug in changed:
        alike.setdefault(_upgrade_key(old.content(slug), new.content(slug)), []).append(slug)
    found: dict[tuple[str, UpgradeNote], list[str]] = {}
    unplanned: dict[str, str] = {}
    for slugs in alike.values():
        try:
            asked = _needs(old, new, slugs[0])
        except ClusterbookError as error:
            unplanned |= dict.fromkeys(slugs, error.what)
            continue
        for release, note in asked:
            found.setdefault((release, note), []).extend(slugs)
    steps = [ManualStep(release, note, tuple(sorted(set(slugs)))) for (release, note), slugs in found.items()]
    return tuple(sorted(steps, key=lambda each: (-len(each.recipes), each.release))), unplanned


def _upgrade_key(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what an upgrade asks of people by: which components there are, those that differ, and the constraints.

    Recipes share the documents of components that are the same in both.
    """
    before, after = ({part.name: part.document for part in RecipeResult(each).components} for each in (old, new))
    differ = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    parts = sorted((name, id(before.get(name)), id(after.get(name))) for name in differ)
    names = (*before, None, *after)
    return (*parts, names, repr(old.get("constraints")), repr(new.get("constraints")))


def _needs(old: ImpactSide, new: ImpactSide, slug: str) -> list[tuple[str, UpgradeNote]]:
    (before, was, old_needs), (after, now, new_needs) = (_upgrade_side(side, slug) for side in (old, new))
    records = new.matrix.catalog.upgrades
    known = Knowledge(records, was.kinds, now.kinds, was.effects, now.effects, old_needs=old_needs, new_needs=new_needs)
    return make_plan(before, after, known).needs()


def _upgrade_side(side: ImpactSide, slug: str) -> tuple[UpgradeSide, ProvenFacts, tuple[Any, ...]]:
    recipe, options = side.whole(slug), read_options({})
    planned = bundle_plan(recipe, select(recipe, options), options, {})
    proven = ProvenFacts(recipe, side.proofs_of)
    return planned_side(slug, recipe, planned, "helm"), proven, tuple(needs(planned))
