"""What the site shows: plain values, gathered once (`gather`), from which every page and every JSON is rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from clusterbook.diff.facts import Side
from clusterbook.diff.recipes import Diff
from clusterbook.ledger.upgrades import UpgradeFacts
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.site.answers import CombinationGroup
from clusterbook.site.chart_facts import ChartFacts
from clusterbook.site.parts import OriginView, PartView
from clusterbook.transition.record import Transition
from clusterbook.validate.result import Result

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConstraintView:
    """One constraint: what must hold, in the recipe's words and as a sentence, and which layers set it."""

    name: str
    value: str
    sentence: str
    origins: tuple[OriginView, ...]
    remediation: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class PhaseView:
    """One validation phase: `checks` are (name, what it checks)."""

    name: str
    purpose: str
    checks: tuple[tuple[str, str], ...]
    constraints: tuple[ConstraintView, ...]


@dataclass(frozen=True, slots=True)
class VersionView:
    """One published version of a recipe. `before` is the version it followed, `withdrawn` why nobody should use it."""

    number: str
    digest: str
    release: str
    date: str
    before: str = ""
    level: str = ""
    because: str = ""
    summary: tuple[str, ...] = ()
    withdrawn: str = ""
    replacement: str = ""


@dataclass(frozen=True, slots=True)
class PhaseResult:
    """What became of one phase on one cluster: its verdict, "" where nothing was asked, and the results by state.

    `says` has their numbers in words.
    """

    name: str
    verdict: str
    says: str
    counts: Mapping[str, int]
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """How a version of a recipe was judged on one cluster, as it was seen at `taken`.

    `stale` is whether a newer version is released, or this one withdrawn; `age` is told by the newest release, never by
    a clock. `signer` is "" when nobody vouches for it; `says` is what the verdict comes from, in numbers.
    """

    slug: str
    name: str
    version: str
    stale: bool
    digest: str
    taken: str
    age: str
    verdict: str
    says: str
    phases: tuple[PhaseResult, ...]
    fingerprint: Mapping[str, str]
    signer: str
    issuer: str
    files: Mapping[str, bytes]

    @property
    def page(self) -> str:
        """Return the path of its page."""
        return f"evidence/{self.slug}/{self.name}.html"

    def phase(self, name: str) -> PhaseResult:
        """Return what became of one phase."""
        return next(phase for phase in self.phases if phase.name == name)


@dataclass(frozen=True, slots=True)
class RecipeView:
    """One recipe as a page shows it. `parts` stand in deployment order; `levels` deploy side by side.

    `document` is its content, `winners` who had the last word about its own constraints and phases, by pointer.
    """

    slug: str
    title: str
    criteria: Mapping[str, str | int]
    state: str
    note: str
    layers: tuple[str, ...]
    parts: tuple[PartView, ...]
    switched_off: tuple[PartView, ...]
    levels: tuple[tuple[str, ...], ...]
    constraints: tuple[ConstraintView, ...]
    phases: tuple[PhaseView, ...]
    document: Document
    winners: Mapping[str, OriginView]

    @property
    def chosen(self) -> dict[str, str]:
        """Return what was chosen for it, by name."""
        return RecipeResult(self.document).chosen

    @property
    def images(self) -> list[str]:
        """Return every container image, once."""
        return sorted({image for part in self.parts for image in part.images})

    @property
    def image_gaps(self) -> list[str]:
        """Return what is known to be missing among its images, and why, a sentence each."""
        return sorted({f"{part.name}: {gap}" for part in self.parts for gap in part.image_gaps})

    @property
    def checks(self) -> int:
        """Return how many checks it declares, health checks of components included."""
        declared = sum(len(phase.checks) for phase in self.phases)
        return declared + sum(part.has_health_check for part in self.parts)

    @property
    def values(self) -> int:
        """Return how many values it sets."""
        return sum(len(part.rows) for part in self.parts)


@dataclass(frozen=True, slots=True)
class RecipeSummary:
    """What other pages say about a recipe.

    `constraints` (name, value) are judged before anything is installed: its own, and those of its readiness phase.
    `answers` counts the combinations of criteria that lead to it.
    """

    slug: str
    title: str
    criteria: Mapping[str, str | int]
    state: str
    components: tuple[tuple[str, str], ...]
    layers: tuple[str, ...]
    constraints: tuple[tuple[str, str], ...]
    checks: int
    answers: int
    versions: tuple[VersionView, ...]
    unreleased: bool
    evidence: tuple[EvidenceView, ...]

    @property
    def newest(self) -> VersionView | None:
        """Return the newest version that was not withdrawn."""
        return next((version for version in reversed(self.versions) if not version.withdrawn), None)


@dataclass(frozen=True, slots=True)
class ComponentView:
    """One component of the registry. `facts` are (field, value) of the registry, `used` is version → slugs.

    `image_gaps` say what its images lack, and why; `chart_facts` what its charts bring, as far as proven; `transitions`
    what its upgrades take, as far as recorded.
    """

    name: str
    title: str
    facts: tuple[tuple[str, str], ...]
    file: str
    line: int
    used: Mapping[str, tuple[str, ...]]
    needs: tuple[str, ...]
    needed_by: tuple[str, ...]
    images: tuple[str, ...]
    image_gaps: tuple[str, ...]
    files: tuple[str, ...]
    chart_facts: ChartFacts
    parts: tuple[PartView, ...]
    parts_in: Mapping[str, tuple[str, ...]]
    transitions: tuple[Transition, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerView:
    """One overlay or mixin, and what it says itself."""

    name: str
    kind: str
    criteria: Mapping[str, str | int]
    file: str
    line: int
    parent: str
    children: tuple[str, ...]
    mixins: tuple[str, ...]
    constraints: tuple[tuple[str, str, int], ...]
    components: tuple[tuple[str, tuple[tuple[str, str, int], ...]], ...]
    recipes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ValueView:
    """One value path of a component over all recipes: (text, slugs, layers) for each distinct value.

    `off` has the recipes that say a value (by its text) below an `enabled: false`, so that nothing comes of it.
    `effects` are how many recipes have which effect of a value, as far as proven; `defaults` what its charts say by
    themselves.
    """

    component: str
    path: str
    variants: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]
    off: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    effects: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    defaults: tuple[str, ...] = ()

    def does(self, text: str) -> str:
        """Return the effect of a value, with numbers of recipes where they differ or are not all; "" where unproven."""
        counts = self.effects.get(text, {})
        every = next(len(slugs) for said, slugs, _ in self.variants if said == text) + len(self.off.get(text, ()))
        if list(counts.values()) == [every]:
            return next(iter(counts))
        return ", ".join(f"{effect} in {count}" for effect, count in sorted(counts.items()))

    @property
    def varies(self) -> bool:
        """Return whether recipes disagree about it."""
        return len(self.variants) > 1


@dataclass(frozen=True, slots=True)
class GoneRecipe:
    """A recipe that was published and that nothing serves any more: why, and the slugs of what answers instead."""

    slug: str
    title: str
    reason: str
    successors: tuple[str, ...]
    versions: tuple[VersionView, ...]


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """One release. `moves` are (slug, title, kind, old version, new version), `common` (change, number of recipes)."""

    name: str
    date: str
    commit: str
    catalog: str
    previous: str
    count: int
    moves: tuple[tuple[str, str, str, str, str], ...]
    common: tuple[tuple[str, int], ...]
    unchanged: int
    withdrawn: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteData:
    """Everything. Views of single recipes are made when they are asked for, so memory does not follow their number.

    `published` is where releases are fetched from, `signers` (who, vouched for by) whom the client believes by default.
    `is_open` is whether any word is a value, as in a tree that names none; `combinations` are those that lead to a
    slug. `recipe` gives the view of a slug, `version` that of a published version, `side` either of them as one side of
    a diff, `diff` what differs between two versions, and `upgrades` are the plans from one to another.
    """

    catalog_digest: str
    published: str
    signers: tuple[tuple[str, str], ...]
    release: str
    released: bool
    date: str
    evidence: tuple[EvidenceView, ...]
    states: Mapping[str, int]
    dimensions: Mapping[str, tuple[str, ...]]
    offered: Mapping[str, tuple[str, ...]]
    recipes: tuple[RecipeSummary, ...]
    gone: tuple[GoneRecipe, ...]
    components: tuple[ComponentView, ...]
    layers: tuple[LayerView, ...]
    values: tuple[ValueView, ...]
    releases: tuple[ReleaseView, ...]
    answers: Document
    combinations: Callable[[str], list[CombinationGroup]]
    aliases: Mapping[str, Mapping[str, str]]
    is_open: bool
    sources: Mapping[str, str]
    recipe: Callable[[str], RecipeView]
    version: Callable[[str, str], RecipeView]
    side: Callable[[str, str], Side]
    diff: Callable[[str, str, str], Diff]
    upgrades: UpgradeFacts
    neighbours: Callable[[str], Iterator[tuple[str, str, int, int]]]
