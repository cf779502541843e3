"""Upgrades as pages show them: what needs somebody first, then versions, then values with their why, then the rest.

The facts are those of `upgrade plan`, planned beforehand, joined with the differences that say who set a value. Nothing
is planned here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clusterbook.diff import recipe_report
from clusterbook.diff.recipes import ABSENT, Change, Diff
from clusterbook.documents.selector import from_pointer, spell
from clusterbook.site.model import ReleaseView, SiteData
from clusterbook.site.parts import row_text

Plan = Mapping[str, Any]
ACTIONS = {
    "comes": "new", "goes": "removed", "renamed": "renamed", "moves": "moves", "upgrades": "upgraded",
}  # fmt: skip
"""What becomes of a release, where that is more than its values."""
_UNPROVEN = "not proven"
_FOLDED = ("manifest", "image", "registry")
"""Sections of differences that are hashes and lists, which few people read."""
_HASHED = ("healthCheck", "readiness")
_VERSIONS = ("version", "tag", "namespace", "chart", "source")


@dataclass(frozen=True, slots=True)
class NeedView:
    """What needs somebody: which release, "" for the whole cluster, what it is about, and what to do."""

    release: str
    text: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class MoveView:
    """A release that gets another version, name or place, comes or goes; `undo` says whether, `why` how or why not."""

    release: str
    what: str
    before: str
    after: str
    undo: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class ValueStepView:
    """A value that changes: texts of both sides, what it does, and the layer that sets it now, or set it."""

    component: str
    path: str
    before: str
    after: str
    effect: str
    by: str

    @property
    def dropped(self) -> bool:
        """Return whether it is no longer set, and nobody knows what that does."""
        return not self.after and self.effect == _UNPROVEN


@dataclass(frozen=True, slots=True)
class StepView:
    """A step from one version of a recipe to another; `planned` says whether all of it comes from a plan.

    `dropped` are values that are no longer set, of which nobody knows what that does. `rest` is
    (title, [(kind, sentence)]) of other differences, `folded` the same of those that are hashes and lists.
    """

    planned: bool
    needs: tuple[NeedView, ...]
    moves: tuple[MoveView, ...]
    values: tuple[ValueStepView, ...]
    dropped: tuple[ValueStepView, ...]
    rest: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    folded: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def step_view(plan: Plan | None, diff: Diff) -> StepView:
    """Return what a page shows of a step: its plan, None where there is none, and what differs."""
    changes = {(change.component, change.key): change for change in diff.changes if change.section == "value"}
    plain = [each for each in diff.changes if not _is_folded(each)]
    hashes = filter(_is_folded, diff.changes)
    placed = {step["component"] for step in plan["spec"]["releases"]} if plan else None
    rest = [each for each in plain if each.section != "value" and not _is_told_as_move(each, placed)]
    values = list(_values(plan, changes))
    return StepView(
        planned=plan is not None,
        needs=needs_of(plan),
        moves=tuple(_moves(plan) if plan else map(_diff_move, filter(_is_move, plain))),
        values=tuple(each for each in values if not each.dropped),
        dropped=tuple(each for each in values if each.dropped),
        rest=(*_grouped(rest), *(_plan_groups(plan) if plan else ())),
        folded=tuple(_grouped(hashes)),
    )


def needs_of(plan: Plan | None) -> tuple[NeedView, ...]:
    """Return what an upgrade needs of somebody."""
    needs = plan["spec"]["needsYou"] if plan else ()
    return tuple(NeedView(each.get("release", ""), each["text"], each.get("do", "")) for each in needs)


def _moves(plan: Plan) -> Iterator[MoveView]:
    for step in plan["spec"]["releases"]:
        if step["action"] in ACTIONS:
            sides = [step.get("before") or {}, step.get("after") or {}]
            before, after = map(_placed, sides, reversed(sides))
            undo = step["undo"]
            yield MoveView(step["release"], ACTIONS[step["action"]], before, after, undo["possible"], undo["why"])


def _placed(side: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Return a release on one side: its version, and its name, namespace, chart and repository where they differ."""
    words = [side.get("version", "")]
    words += [
        side[key] if key == "release" else f"{key} {side[key]}"
        for key in ("release", "namespace", "chart", "repository")
        if side.get(key) and other and side.get(key) != other.get(key)
    ]
    return ", ".join(filter(None, words)) or ("its manifests" if side else "")


def _is_folded(change: Change) -> bool:
    return change.section in _FOLDED or change.key in _HASHED


def _is_move(change: Change) -> bool:
    return change.section == "component" or (change.section == "field" and change.key in _VERSIONS)


def _is_told_as_move(change: Change, placed: Collection[str] | None) -> bool:
    """Return whether the table of versions tells a change: with a plan, of the components that have a release."""
    return _is_move(change) and (placed is None or change.component in placed)


def _diff_move(change: Change) -> MoveView:
    words = {"added": "new", "removed": "removed", "changed": "upgraded"}
    before, after = (
        "" if side is ABSENT else recipe_report.value_text(change.section, change.key, side)
        for side in (change.old, change.new)
    )
    what = words[change.kind] if change.section == "component" else change.key
    return MoveView(change.component, what, before, after)


def _values(plan: Plan | None, changes: Mapping[tuple[str, str], Change]) -> Iterator[ValueStepView]:
    """Yield the values that change, in the order of the plan, and those that the recipe has beside it."""
    told = set()
    for step in plan["spec"]["releases"] if plan else ():
        for value in step.get("values") or ():
            where = step["component"], value["pointer"]
            told.add(where)
            change = changes.get(where)
            before, after = (row_text(value[side]) if side in value else "" for side in ("before", "after"))
            path = spell(from_pointer(value["pointer"]))
            yield ValueStepView(step["component"], path, before, after, _effect(value), _author(change))
    for (component, pointer), change in changes.items():
        if (component, pointer) not in told:
            before, after = ("" if side is ABSENT else row_text(side) for side in (change.old, change.new))
            yield ValueStepView(component, spell(from_pointer(pointer)), before, after, "", _author(change))


def _effect(value: Mapping[str, Any]) -> str:
    """Return what a value does, as its chart's proof says."""
    if value["effect"] == "unproven":
        return _UNPROVEN
    changes = value.get("changes") or ()
    more = len(changes) - 1 + value.get("more", 0)
    return f"{value['effect']}: {changes[0]}{f' and {more} more' if more else ''}" if changes else str(value["effect"])


def _author(change: Change | None) -> str:
    """Return the layer that set a value last, or that set it before."""
    said = (change.new_origin or change.old_origin) if change else ""
    return said.partition(" ")[0]


def _grouped(changes: Iterable[Change]) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for change in changes:
        title = recipe_report.title(change.section)
        found.setdefault(title, []).append((change.kind, recipe_report.sentence(change)))
    return ((title, tuple(lines)) for title, lines in found.items())


def _plan_groups(plan: Plan) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """Yield what a plan says besides: kinds that move, and what is not proven."""
    steps = plan["spec"]["releases"]
    words = {"comes": "added", "goes": "removed"}
    kinds = [
        (words.get(each["change"], "changed"), f"{step['release']}: {each['name']} {each['change']}: {each['how']}")
        for step in steps
        for each in step.get("kinds") or ()
    ]
    unproven = [("changed", f"{step['release']}: {each}") for step in steps for each in step.get("unproven") or ()]
    for title, lines in (("Kinds (CRDs)", kinds), ("Not proven", unproven)):
        if lines:
            yield title, tuple(lines)


@dataclass(frozen=True, slots=True)
class ReleaseStepView:
    """What a release asks of those who upgrade to it: each with in how many recipes it is so, the most first."""

    planned: int
    needs: tuple[tuple[int, NeedView], ...]
    moves: tuple[tuple[int, MoveView], ...]
    values: tuple[tuple[int, ValueStepView], ...]


def release_step_view(data: SiteData, release: ReleaseView) -> ReleaseStepView:
    """Return what upgrades to a release are, over all recipes that it changed."""
    needs: Counter[NeedView] = Counter()
    moves: Counter[MoveView] = Counter()
    values: Counter[ValueStepView] = Counter()
    plans = [plan for plan in _plans(data, release) if plan]
    for plan in plans:
        needs.update(set(needs_of(plan)))
        moves.update(set(_moves(plan)))
        values.update({each for each in _values(plan, {}) if not each.dropped})
    return ReleaseStepView(len(plans), _most(needs), _most(moves), _most(values))


def _plans(data: SiteData, release: ReleaseView) -> Iterator[Plan | None]:
    for slug, _, kind, old, new in release.moves:
        if kind == "changed":
            yield data.upgrades.plan(f"{slug}@{old}", f"{slug}@{new}")


def _most(counts: Counter[Any]) -> tuple[tuple[int, Any], ...]:
    """Return what was counted, the most first, and then as it came."""
    return tuple((count, each) for each, count in sorted(counts.items(), key=lambda item: (-item[1], str(item[0]))))


def sentence(need: NeedView) -> str:
    """Return what needs somebody on a line, as feeds have it."""
    return f"{need.release}: {need.text}" if need.release else need.text


def needs_by_version(data: SiteData) -> dict[tuple[str, str], list[str]]:
    """Return what needs somebody who comes to a version of a component, by both."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for step in data.upgrades.lists["releases"]:
        version = (step.get("after") or {}).get("version", "")
        texts = [note["text"] for note in step.get("notes") or () if note["needsYou"]]
        found.setdefault((step["component"], version), {}).update(dict.fromkeys(texts))
    return {where: list(texts) for where, texts in found.items()}


def files(data: SiteData) -> Iterator[tuple[str, Any]]:
    """Yield (path below api/v1 without its ending, document) of every upgrade: those to a release in a file of its own.

    What hundreds of plans have in common stands once in each; `openapi` describes how a plan is put together.
    """
    facts = data.upgrades
    known: dict[str, dict[str, str]] = {}
    for name, release in facts.releases.items():
        slug, _, version = name.partition("@")
        known.setdefault(slug, {})[version] = release
    successors: dict[str, dict[str, None]] = {}
    for new, plans in facts.plans.items():
        for slug in {old.partition("@")[0] for old in plans} - {new.partition("@")[0]}:
            successors.setdefault(slug, {})[new] = None
    places = {slug: list(names) for slug, names in sorted(successors.items())}
    yield "upgrades/index", {"versions": known, "successors": places, "refused": facts.refused}
    for each in data.releases:
        part = facts.to_release(each.name)
        yield f"upgrades/{each.name}", {"lists": part.lists, "plans": part.plans}
