"""A release: one publication of the whole matrix, planned against what was published before.

Every recipe is new, changed, unchanged or gone, and gets the version that its changes ask for. The date is that of the
commit: same matrix, same ledger, same bytes.
Source: design, sections 2 and 9.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.diff.facts import Side
from clusterbook.diff.recipe_report import headlines
from clusterbook.diff.recipes import Diff, diff
from clusterbook.documents.api_version import API_VERSION
from clusterbook.documents.digest import digest, tree_digest
from clusterbook.documents.yaml_writer import dump
from clusterbook.ledger.model import (
    RESERVED,
    WITHDRAWN,
    Ledger,
    RecipeVersion,
    part_path,
    recipe_path,
    release_path,
)
from clusterbook.ledger.version import FIRST, LedgerVersion, read_version, step
from clusterbook.lookup.build import served_recipes
from clusterbook.resolve.content import Gatherer
from clusterbook.resolve.document import brief, component_pointers, escape, recipe_pointers, recipe_winners
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.resolve.resolver import Recipe

IDLE_VERSION = Code(
    "CB062",
    "recipeVersion without effect",
    "warning",
    "It is lower than what the changes require, or was published before; the computed version is used.",
    "Raise it, or remove it.",
)
WITHDRAWN_VERSION = Code(
    "CB063",
    "withdrawn version still served",
    "warning",
    "Nothing in the recipe has changed since its version was withdrawn, so the release would keep serving it.",
    "Fix the reason for the withdrawal; the recipe then gets a new version.",
)

Document = dict[str, Any]

NEW, CHANGED, UNCHANGED = "new", "changed", "unchanged"
_PART_DIGITS = 16


class Commit(NamedTuple):
    """The commit that a release publishes; `date` is its own, in UTC: 2026-07-14T09:30:00Z."""

    id: str
    date: str


@dataclass(frozen=True, slots=True)
class RecipePlan:
    """What a release does with one recipe. `diff` and `before` are None where nothing was published before."""

    entry: RecipeVersion
    change: str
    before: RecipeVersion | None
    diff: Diff | None
    because: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """One release, planned. `files` are those to add to the ledger, path → text; none of them exists.

    `gone` are the recipes that the last release, `previous`, served and this one does not, and `successors` what
    answers in their place.
    """

    name: str
    commit: Commit
    catalog: str
    recipes: tuple[RecipePlan, ...]
    gone: tuple[RecipeVersion, ...]
    files: Mapping[str, str]
    previous: str = ""
    findings: tuple[Finding, ...] = ()
    successors: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def count(self) -> Counter[str]:
        """Return how many recipes are new, changed and unchanged."""
        return Counter(planned.change for planned in self.recipes)

    @property
    def empty(self) -> bool:
        """Return whether there is nothing to publish that was not published before."""
        return not self.gone and all(planned.change == UNCHANGED for planned in self.recipes)


def plan(matrix: Matrix, ledger: Ledger, *, name: str, commit: Commit) -> Release:
    """Return the release called `name` of what `matrix` serves.

    Raises:
        InvalidRequest: the release exists, or is not newer than the last one.
        Conflict: a recipe names a manifest that does not exist.
        BrokenLedger: a file of the ledger is not what it should be.
    """
    refuse_untimely(ledger, name, commit)
    return _Planner(matrix, ledger, name).release(commit)


def refuse_untimely(ledger: Ledger, name: str, commit: Commit) -> None:
    """Raise InvalidRequest where the release called `name` cannot be the next one."""
    version = read_version(name)
    if version.major < _FIRST_YEAR or not 1 <= version.minor <= _MONTHS:
        what = f"{name} is not a release name"
        raise InvalidRequest(what, hint="it is year, month and number, such as 2026.7.0")
    names = ledger.releases()
    if name in names:
        hint = f"the ledger is append-only; name a newer one, such as {_next(version)}"
        raise InvalidRequest(f"the release {name} exists", hint=hint)
    if not names:
        return
    last = names[-1]
    if version < read_version(last):
        what = f"the release {name} is not newer than the last one, {last}"
        raise InvalidRequest(what, hint=f"name a newer one, such as {_next(read_version(last))}")
    date = ledger.release(last)["date"]
    if commit.date < date:
        what = f"the commit {commit.id[:12]} is of {commit.date}, before that of the last release, {last} of {date}"
        raise InvalidRequest(what, hint="releases follow the commit history; name a later commit with --commit")


_FIRST_YEAR, _MONTHS = 2000, 12


def _next(version: LedgerVersion) -> LedgerVersion:
    return version._replace(patch=version.patch + 1)


def successors_of(matrix: Matrix, ledger: Ledger, gone: Iterable[RecipeVersion]) -> dict[str, list[str]]:
    """Return what `matrix` answers in place of each recipe that is gone, by slug; one without an answer is not there.

    Raises:
        BrokenLedger: a file of the ledger is not what it should be.
    """
    found = {}
    for entry in gone:
        if successors := matrix.matcher.successors(ledger.criteria(entry.slug, entry.version)):
            found[entry.slug] = successors
    return found


class _Planner:
    """Plans one release, collecting files and findings."""

    def __init__(self, matrix: Matrix, ledger: Ledger, name: str) -> None:
        self.matrix, self.ledger, self.name = matrix, ledger, name
        self.gatherer = Gatherer(matrix.catalog)
        self.files: dict[str, str] = {}
        self.findings: list[Finding] = []
        self.withdrawn = ledger.withdrawn()
        self._parts: dict[int, str] = {}
        self._compared: dict[tuple[str, str, int], bool] = {}

    def release(self, commit: Commit) -> Release:
        """Return the whole release."""
        recipes = dict(served_recipes(self.matrix))
        for slug in RESERVED:
            if slug in recipes:
                raise InvalidRequest(f"a recipe cannot have the name {slug}", hint="rename the criteria value")
        before = self.ledger.latest(set(recipes))
        planned = tuple(self.recipe(recipe, before.get(slug)) for slug, recipe in sorted(recipes.items()))
        previous = next(reversed(self.ledger.releases()), "")
        serving = self.ledger.entries(previous) if previous else {}
        gone = tuple(entry for slug, entry in serving.items() if slug not in recipes)
        texts = {path: source.text for path, source in self.matrix.catalog.tree.files.items()}
        digests = tree_digest(texts)
        found = tuple(self.findings)
        successors = successors_of(self.matrix, self.ledger, gone)
        release = Release(self.name, commit, digests, planned, gone, self.files, previous, found, successors)
        self.files[release_path(self.name)] = dump(self.document(release))
        return release

    def recipe(self, recipe: Recipe, before: RecipeVersion | None) -> RecipePlan:
        """Return what becomes of one recipe, having noted its file when there is something new in it."""
        content = self.gatherer.content(recipe, state=self.matrix.answer(recipe.criteria).state)
        content_digest = digest(content)
        if before is not None and content_digest == before.digest:
            if (before.slug, before.version) in self.withdrawn:
                what = f"{before.slug} {before.version} was withdrawn, and nothing in it has changed since"
                self.findings.append(
                    WITHDRAWN_VERSION.finding(self._place(recipe), what, "fix it, or release it knowingly")
                )
            return RecipePlan(before, UNCHANGED, before, None)
        if before is None:
            version = self.version(recipe, FIRST, None)
            planned = RecipePlan(RecipeVersion(recipe.slug, version, content_digest), NEW, None, None, "first version")
        else:
            side = Side(recipe.slug, content, recipe_winners(recipe))
            difference = diff(self.ledger.side(before.slug, before.version), side)
            move = step(difference)
            version = self.version(recipe, before.version.after(move.level), before.version)
            entry = RecipeVersion(recipe.slug, version, content_digest)
            difference = replace(difference, new=f"{recipe.slug}@{version}")
            planned = RecipePlan(entry, CHANGED, before, difference, move.because, move.level)
        self.files[recipe_path(recipe.slug, version)] = dump(self.recipe_document(planned, recipe, content))
        return planned

    def version(self, recipe: Recipe, computed: LedgerVersion, before: LedgerVersion | None) -> LedgerVersion:
        """Return the version of a recipe: the computed one, or a higher one that its overlay asks for."""
        for name, criteria in self.matrix.matcher.overlays:
            layer = self.matrix.catalog.overlays[name]
            node = layer.node.get("metadata", "recipeVersion")
            if criteria != recipe.criteria or node is None:
                continue
            requested = read_version(node.string())
            place = Place(layer.file, node.line, node.column)
            if before is not None and requested <= before:
                what = f"recipeVersion {requested} has no effect any more: {recipe.slug} is at {before}"
                self.findings.append(IDLE_VERSION.finding(place, what, "remove it"))
            elif requested < computed:
                what = f"recipeVersion {requested} of {recipe.slug} is below {computed}, which its changes require"
                self.findings.append(IDLE_VERSION.finding(place, what, f"write {computed} or more, or remove it"))
            computed = max(computed, requested)
        return computed

    def _place(self, recipe: Recipe) -> Place:
        """Return the overlay that a finding about a recipe is best mended in."""
        catalog = self.matrix.catalog
        return catalog.overlays.get(recipe.applied[-1], catalog.base).place

    def recipe_document(self, plan: RecipePlan, recipe: Recipe, content: Document) -> Document:
        """Return what registry/<slug>/<version>.yaml says."""
        entry = plan.entry
        changes: Document = {"because": plan.because}
        if plan.before is not None and plan.diff is not None:
            summary = headlines(plan.diff)
            changes |= {"since": str(plan.before.version), "level": plan.level, "summary": summary}
        return {
            "apiVersion": API_VERSION,
            "kind": "PublishedRecipe",
            "metadata": {"name": entry.slug, "version": str(entry.version), "digest": entry.digest},
            "release": self.name,
            "changes": changes,
            "recipe": RecipeResult(content).with_components(self.parts(recipe, content, plan.before)),
            "origins": {pointer: brief(origins) for pointer, origins in recipe_pointers(recipe) if origins},
        }

    def parts(self, recipe: Recipe, content: Document, before: RecipeVersion | None) -> list[Document]:
        """Return what a recipe is made of: the parts of its last version where they say the same, new ones elsewhere.

        A part whose lines alone have moved is not written again.
        """
        last = self.ledger.recipe(before.slug, before.version)["recipe"] if before else {}
        names = {component.name: component.document["part"] for component in RecipeResult(last).components}
        parts = []
        for component, ref in zip(recipe.components, RecipeResult(content).components, strict=True):
            document = ref.document
            part = names.get(component.name)
            if part is None or not self._has_content(component.name, part, document):
                part = self._parts.get(id(document)) or self.part(document, component_pointers(component))
                self._parts[id(document)] = part
            version = ref.version or document.get("tag")
            parts.append({"name": component.name, "part": part, **({"version": version} if version else {})})
        return parts

    def _has_content(self, component: str, part: str, content: Mapping[str, Any]) -> bool:
        """Return whether a part of the ledger says `content`; recipes share both, so each pair is compared once."""
        same = self._compared.get((component, part, id(content)))
        if same is None:
            same = digest(self.ledger.part(component, part)["component"]) == digest(content)
            self._compared[component, part, id(content)] = same
        return same

    def part(self, content: Mapping[str, Any], pointers: Any) -> str:
        """Return the name of the part that says `content`, having noted its file unless the ledger has it."""
        root = f"/components/{escape(content['name'])}"
        origins = {pointer.removeprefix(root): brief(found) for pointer, found in pointers if found}
        whole = digest({"component": content, "origins": origins})
        part = whole.removeprefix("sha256:")[:_PART_DIGITS]
        path = part_path(content["name"], part)
        if path not in self.ledger.files:
            document = {
                "apiVersion": API_VERSION,
                "kind": "PublishedComponent",
                "metadata": {"name": content["name"], "digest": whole},
                "release": self.name,
                "component": content,
                "origins": origins,
            }
            self.files[path] = dump(document)
        return part

    def document(self, release: Release) -> Document:
        """Return what registry/releases/<release>.yaml says."""
        document: Document = {
            "apiVersion": API_VERSION,
            "kind": "Release",
            "metadata": {"name": release.name},
            "commit": release.commit.id,
            "date": release.commit.date,
            "catalog": release.catalog,
            "recipes": {
                planned.entry.slug: {
                    "version": str(planned.entry.version),
                    "digest": planned.entry.digest,
                    "change": planned.change,
                }
                for planned in release.recipes
            },
        }
        if release.previous:
            document["previous"] = release.previous
        if release.gone:
            document["gone"] = {entry.slug: str(entry.version) for entry in release.gone}
        if release.successors:
            document["successors"] = {slug: list(found) for slug, found in release.successors.items()}
        if self.withdrawn:
            document["withdrawn"] = [
                {"slug": slug, "version": str(version)} for slug, version in sorted(self.withdrawn)
            ]
        return document


def withdraw(
    ledger: Ledger, slug: str, version: LedgerVersion, *, reason: str, replacement: str, commit: Commit
) -> str:
    """Return the text of withdrawn.yaml with one more withdrawal, which begins with the text that is there.

    Raises:
        NotFound: the version, or the one to use instead, was never released.
        InvalidRequest: it was withdrawn before, there is no reason, or the replacement was withdrawn as well.
    """
    ledger.find(slug, version)
    withdrawals = {(each.slug, each.version): each for each in ledger.withdrawals()}
    if (slug, version) in withdrawals:
        what = f"{slug} {version} was withdrawn already: {withdrawals[slug, version].reason}"
        raise InvalidRequest(what, hint="withdrawals are final; withdraw another version")
    if not reason.strip() or not reason.strip().isprintable():
        raise InvalidRequest("a withdrawal needs a reason of one line", hint="--reason 'what is wrong with it'")
    withdrawal = {
        "slug": slug,
        "version": str(version),
        "reason": reason.strip(),
        "commit": commit.id,
        "date": commit.date,
    }
    if replacement:
        other, _, number = replacement.rpartition("@")
        entry = ledger.find(other or slug, read_version(number))
        if (entry.slug, entry.version) in withdrawals or (entry.slug, entry.version) == (slug, version):
            raise InvalidRequest(f"{entry.slug} {entry.version} is withdrawn itself", hint="name another replacement")
        withdrawal["replacement"] = f"{entry.slug}@{entry.version}"
    text = ledger.files.get(WITHDRAWN) or dump({"apiVersion": API_VERSION, "kind": "Withdrawals"}) + "withdrawn:\n"
    addition = dump({"withdrawn": [withdrawal]}).partition("\n")[2]
    return text + addition
