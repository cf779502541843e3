"""The shelf that is resolved on this machine: a private tree over the catalog, or a cluster's snapshot.

It resolves as the index was built, from the sources in that index. Source: reference rows F19-F22, R9, R25.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from clusterbook.catalog.criteria import Criteria, union
from clusterbook.catalog.load import Catalog, load_catalog
from clusterbook.catalog.read import overlay_tree, read_tree, tree_from_texts, with_criteria, with_registry
from clusterbook.catalog.unread import LEFT_OUT
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.schema import UNKNOWN_KEY
from clusterbook.inputs.fast import read_document
from clusterbook.lint.misreadings import misreadings
from clusterbook.lookup.build import index_listing
from clusterbook.lookup.index import still_served
from clusterbook.lookup.index_files import IndexFiles, embedded_texts, refuse_withdrawn
from clusterbook.resolve import matrix
from clusterbook.resolve.bundle_inputs import BundleInputs
from clusterbook.resolve.choices import Offers
from clusterbook.resolve.document import escape, health_checks, origins_document, recipe_document
from clusterbook.resolve.gather_inputs import gather_inputs
from clusterbook.resolve.matching import INHERITED, UNSUPPORTED, Answer
from clusterbook.resolve.profiles import profile_failure
from clusterbook.resolve.proof import Proofs, with_effects
from clusterbook.resolve.resolver import Evaluator, Recipe, Resolver
from clusterbook.snapshot import criteria, reading
from clusterbook.snapshot.model import read_snapshot
from clusterbook.snapshot.nodes import parts_of_gpus
from clusterbook.transition.record import UpgradeRecord


class ResolvedRecipe(NamedTuple):
    """A recipe that was resolved now."""

    resolved: Recipe
    state: str
    proofs: Proofs

    @property
    def document(self) -> dict[str, Any]:
        """Return the recipe, its health checks left out."""
        return recipe_document(self.resolved, state=self.state)

    def health_checks(self) -> dict[str, str]:
        """Return the text of the recipe's health checks by component."""
        return health_checks(self.resolved)

    def origins(self, component: str) -> dict[str, Any]:
        """Return the origins of one component, or with "" the recipe's own, by pointer."""
        inside = f"/components/{escape(component)}/"
        mine = {
            pointer: origins
            for pointer, origins in origins_document(self.resolved).items()
            if (pointer.startswith(inside) if component else not pointer.startswith("/components/"))
        }
        for each in self.resolved.components:
            if each.name == component:
                mine = with_effects(mine, each, self.proofs.effects(each))
        return mine


def load_sources(source: IndexFiles, data: str = "") -> Catalog:
    """Return the catalog of the sources in an index, or of those that it is, with the private tree at `data` over them.

    Raises:
        SourceErrors: the sources contradict themselves.
        UnreadableSource: the private tree cannot be read.
    """
    own = read_tree(Path(source.where)) if source.is_tree else tree_from_texts(source.texts(), label="recipes")
    tree = with_criteria(with_registry(own, embedded_texts), embedded_texts() if source.is_tree else {})
    return load_catalog(overlay_tree(tree, Path(data)) if data else tree)


class LocalShelf:
    """The same answers as an `IndexShelf`, from sources."""

    def __init__(self, source: IndexFiles, *, data: str, snapshot: str, kubeconfig: str = "") -> None:
        """Load the sources in the index at `source`, or those that it is, with the private tree at `data` over them.

        `kubeconfig` says whose cluster has the snapshot, where it is in one.

        Raises:
            SourceErrors: the sources contradict themselves.
            UnreadableSource: the private tree cannot be read.
        """
        self.source = source
        self.catalog = load_sources(source, data)
        self.resolver = Resolver(self.catalog)
        self.matcher = self.resolver.matcher
        self.vocabulary = self.catalog.vocabulary
        self.evaluate: Evaluator | None = None
        self.detected: dict[str, str | int] = {}
        self.unfit: dict[str, str] = {}
        self.unseen: dict[str, str] = {}
        self._withdrawn = source.withdrawn()
        self.remarks: list[str] = list(source.remarks)
        self.remarks += [str(each) for each in self.catalog.findings if each.code in (UNKNOWN_KEY.code, LEFT_OUT.code)]
        if data or source.is_tree:  # which nobody may have checked
            self.remarks += map(str, misreadings(self.catalog, private=not source.is_tree))
        self._left: dict[Answer, Recipe] = {}
        self._proofs = Proofs(self.catalog)
        self._matrix: matrix.Matrix | None = None
        if snapshot:
            self._read_snapshot(snapshot, kubeconfig)

    def _read_snapshot(self, where: str, kubeconfig: str) -> None:
        """Take criteria from a snapshot, and judge overlays by it. Source: reference rows R9, R25."""
        try:
            taken = read_snapshot(read_document(where, kubeconfig=kubeconfig))
        except InvalidRequest as error:
            raise InvalidRequest(error.what, place=error.place or where, hint=error.hint) from error
        found = criteria.fingerprint(taken)
        claimed = {str(criteria.nodes) for _, criteria in self.matcher.overlays}
        self.detected = {
            name: value
            for name, value in found.items()
            if value in (claimed if name == "nodes" else self.vocabulary.values(name))
        }
        said = ", ".join(
            f"{name} {value}{_reading_note(criteria.origin(taken, name))}" for name, value in self.detected.items()
        )
        self.remarks += [f"from the snapshot: {said}"] if said else []
        for name in criteria.DIMENSIONS:
            if name not in self.detected:
                self._note_unknown(name, criteria.read_dimension(taken, name))
        if cut := parts_of_gpus(taken.nodes):
            self.remarks.append(
                f"not all GPUs are whole: {', '.join(cut.values())}; partitioned GPUs suit inference only"
            )
        foreign = not self.catalog.tree.strict
        self.evaluate = lambda name, value: reading.verdict(name, value, taken, reference=foreign)

    def _note_unknown(self, name: str, seen: criteria.DimensionReading) -> None:
        """Keep why a dimension has no value that recipes are for: what is there is none, or nobody knows."""
        values = list(seen.values)
        if seen.state == criteria.SEVERAL:
            self.unfit[name] = f"the nodes of the snapshot differ in their {name}: {', '.join(values)}"
        elif values and values[0] not in self.vocabulary.values(name):
            self.unfit[name] = f"the snapshot's {name} {values[0]}{_reading_note(seen.source)} is not in this catalog"
        elif seen.limit and name != "service":
            self.unfit[name] = f"the snapshot does not show its {name}: {seen.limit}"
        else:
            self.unseen[name] = seen.limit or seen.reason

    def offers(self, answer: Answer) -> Offers:
        """Return what can be chosen for the recipe that an answer leads to."""
        return self.resolver.resolve(answer.honoured).offers

    def judge(self, answer: Answer) -> Answer:
        """Return what becomes of an answer once the snapshot has been asked: as it is, less of it, or no recipe.

        In our own trees all constraints of the recipe count, whichever layer says them; in one of the reference's
        format those of its leaves and mixins. Source: reference row R25.
        """
        if self.evaluate is None:
            return answer
        asked = dict(answer.selection)
        if self.catalog.tree.strict:
            recipe, base_fails = self.resolver.fitting(answer.honoured, self.evaluate, self._unmeasured, asked=asked)
        else:
            recipe, base_fails = self.resolver.resolve(answer.honoured, self.evaluate, asked=asked), ""
        base_fails = profile_failure(recipe.profile, self.evaluate) or base_fails
        if base_fails:
            reason = f"no recipe fits this cluster: {base_fails}"
            return answer._replace(state=UNSUPPORTED, reason=reason)
        if not recipe.excluded:
            return answer
        recipe = replace(recipe, criteria=self._claimed(recipe))
        why = "; ".join(f"{warning.constraint}: {warning.reason}" for warning in recipe.warnings)
        names = ", ".join(entry.name for entry in recipe.excluded)
        verb = "is" if len(recipe.excluded) == 1 else "are"
        reason = f"{names} {verb} not for this cluster ({why}); {recipe.slug} is used instead"
        lost = tuple(
            name for name in answer.query.specified() if getattr(recipe.criteria, name) != getattr(answer.query, name)
        )
        found = Answer(answer.query, INHERITED, recipe.criteria, recipe.slug, lost, reason)
        self._left[found] = recipe
        return found

    def _unmeasured(self, name: str, value: str, reason: str) -> None:
        """Remark that the snapshot does not tell whether a constraint holds."""
        remark = f"it is not known whether {name} is {value}: {reason}"
        if remark not in self.remarks:
            self.remarks.append(remark)

    def recipe(self, answer: Answer) -> ResolvedRecipe:
        """Return the recipe that an answer leads to, resolved now.

        Raises:
            InvalidRequest: it is no longer to be used.
        """
        refuse_withdrawn(self._withdrawn, answer.slug or "")
        left = self._left.get(answer)
        if left is None:
            resolved = self.resolver.resolve(answer.honoured, asked=dict(answer.selection))
            return ResolvedRecipe(resolved, answer.state, self._proofs)
        self.remarks += [
            f"{warning.overlay} is left out: {warning.constraint}: {warning.reason}" for warning in left.warnings
        ]
        return ResolvedRecipe(left, INHERITED, self._proofs)

    def _claimed(self, recipe: Recipe) -> Criteria:
        """Return the criteria that the overlays which a snapshot left in a recipe claim together."""
        layers = (self.catalog.overlays[name] for name in recipe.applied if name in self.catalog.overlays)
        return union(layer.criteria for layer in layers if layer.criteria is not None)

    def recipe_by_slug(self, slug: str) -> dict[str, Any]:
        """Return the recipe called `slug`, which the listing names; the whole matrix is resolved for it."""
        if self._matrix is None:
            self._matrix = matrix.build(self.catalog)
        return recipe_document(self._matrix.recipes[slug], state="")

    def validators(self) -> dict[str, dict[str, Any]]:
        """Return the checks that recipes may name, by name."""
        return {name: node.data() for name, node in self.catalog.validators.items()}

    def public_groups(self) -> list[str]:
        """Return patterns of the API groups that a redacted snapshot still names."""
        return list(self.catalog.public_groups)

    def upgrade_records(self) -> dict[str, UpgradeRecord]:
        """Return what the upgrades of components take, by name."""
        return dict(self.catalog.upgrades)

    def bundle_inputs(self) -> BundleInputs:
        """Return what bundles of this catalog need besides the recipe."""
        return gather_inputs(self.catalog)

    def lines(self) -> list[dict[str, Any]]:
        """Return at least name, slug and state of every recipe."""
        return list(self.listing())

    def listing(self) -> Any:
        """Return a line about every recipe."""
        found = matrix.build(self.catalog)
        self.remarks += [str(finding) for finding in found.findings]
        return still_served(index_listing(found), self._withdrawn, self.remarks)


def _reading_note(origin: str) -> str:
    """Return the reading that says so, in brackets."""
    return f" ({origin})" if origin else ""
