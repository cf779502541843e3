"""Plans: from two sides and what is known to one step a release, in the order in which they are deployed.

Law: nothing is taken for granted. What a chart's proof or an upgrade record does not say is unproven, and the plan says
so; what the deployer does not do by itself needs you.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from clusterbook.bundle.advice import Need
from clusterbook.records import NamedTuple
from clusterbook.transition.record import UpgradeRecord
from clusterbook.transition.version_range import rank
from clusterbook.upgrade.instruction import gone, moved, recorded, renamed, taken_over
from clusterbook.upgrade.kinds import COMES as NEW_KIND
from clusterbook.upgrade.kinds import DELETED, PERHAPS, TAKEN, Kinds, KindStep, kind_steps
from clusterbook.upgrade.kinds import GOES as LOST_KIND
from clusterbook.upgrade.note import UpgradeNote
from clusterbook.upgrade.requirement import UpgradeRequirement, requirements
from clusterbook.upgrade.side import PlacedRelease, UpgradeSide
from clusterbook.upgrade.values import Effects, ValueStep, value_steps
from clusterbook.upgrade.verdict import StepVerdict, judge

COMES, GOES, RENAMED, MOVES, UPGRADES, CHANGES, STAYS = (
    "comes", "goes", "renamed", "moves", "upgrades", "changes", "stays",
)  # fmt: skip
ACTIONS = (COMES, GOES, RENAMED, MOVES, UPGRADES, CHANGES, STAYS)
"""What may become of a release; of several, the first that is true."""
YES, NO, PERHAPS_NOT = "yes", "no", "not known"
_VOLUMES = ("volumeclaimtemplate", "volumeclaimtemplates", "persistence", "storage", "storagespec")
"""Keys of values, in small letters, below which charts describe volumes."""


class Undo(NamedTuple):
    """Whether a step can be undone, and how, or why not."""

    possible: str
    why: str


class ReleaseStep(NamedTuple):
    """What becomes of one release. `manifests` are the files of ours that differ, as far as both are known."""

    action: str
    before: PlacedRelease | None
    after: PlacedRelease | None
    values: tuple[ValueStep, ...] = ()
    manifests: tuple[str, ...] = ()
    kinds: tuple[KindStep, ...] = ()
    verdict: StepVerdict | None = None
    notes: tuple[UpgradeNote, ...] = ()
    unproven: tuple[str, ...] = ()
    undo: Undo = Undo(YES, "")

    @property
    def release(self) -> PlacedRelease:
        """Return the release as it will be, or as it was where it goes."""
        found = self.after or self.before
        assert found is not None, "a step is about a release"
        return found


class UpgradePlan(NamedTuple):
    """The steps in the order in which they are taken, and what has to hold before the first of them."""

    old: str
    new: str
    deployer: str
    requirements: tuple[UpgradeRequirement, ...]
    steps: tuple[ReleaseStep, ...]
    notes: tuple[UpgradeNote, ...] = ()

    def needs(self) -> list[tuple[str, UpgradeNote]]:
        """Return what needs you, each with the release that it is about, "" for the whole cluster."""
        found = [("", each.note) for each in self.requirements if each.note.needs_you]
        found += [("", each) for each in self.notes if each.needs_you]
        return found + [(step.release.name, each) for step in self.steps for each in step.notes if each.needs_you]


class Knowledge(NamedTuple):
    """What is known of both sides besides: records by component, what charts bring, and what values do.

    `holds` says whether a constraint holds on the cluster, None where nobody can tell or there is no cluster.
    """

    records: Mapping[str, UpgradeRecord] = {}
    old_kinds: Callable[[PlacedRelease], Kinds | None] = lambda _: None
    new_kinds: Callable[[PlacedRelease], Kinds | None] = lambda _: None
    old_effects: Callable[[PlacedRelease], Effects] = lambda _: {}
    new_effects: Callable[[PlacedRelease], Effects] = lambda _: {}
    old_needs: tuple[Need, ...] = ()
    new_needs: tuple[Need, ...] = ()
    holds: Callable[[str, str], bool | None] = lambda _name, _value: None


def make_plan(old: UpgradeSide, new: UpgradeSide, known: Knowledge) -> UpgradePlan:
    """Return what becomes of each release from one side to the other."""
    left = {each.name: each for each in old.releases}
    paired: list[tuple[PlacedRelease | None, PlacedRelease]] = []
    for release in new.releases:
        former = next((name for name in (release.name, *release.former_names) if name in left), "")
        paired.append((left.pop(former, None), release))
    steps = [
        _come(release, new, left, known) if before is None else _step(before, release, new, known)
        for before, release in paired
    ]
    bundled = {each.component for each in new.releases}
    strangers = [each for each in left.values() if old.is_cluster and each.component not in bundled]
    gone = [each for each in left.values() if each not in strangers]
    steps += [_go(each, new.deployer, known) for each in reversed(gone)]
    asked = requirements(old.constraints, new.constraints, old.is_cluster, known.holds, _new_needs(known))
    notes = [
        UpgradeNote("others", f"{each.namespace}/{each.name} is not part of {new.label}; it is left alone")
        for each in strangers
    ]
    return UpgradePlan(old.label, new.label, new.deployer, tuple(asked), tuple(steps), tuple(notes))


def _new_needs(known: Knowledge) -> list[Need]:
    before = {each.kinds for each in known.old_needs}
    return [each for each in known.new_needs if each.kinds not in before]


def _come(release: PlacedRelease, new: UpgradeSide, old: Mapping[str, PlacedRelease], known: Knowledge) -> ReleaseStep:
    kinds = known.new_kinds(release) if release.chart else {}
    former = [name for name in release.facts.get("takesOver") or () if _is_there(name, new, old)]
    found = kind_steps({}, kinds, new.deployer, same_chart=False)
    notes: list[UpgradeNote] = []
    if former:
        found = tuple(each._replace(change=TAKEN) for each in found)
        notes.append(taken_over(release, former[0], new.deployer))
    unproven = () if kinds is not None else (f"which kinds it brings: chart {_chart(release)} not available",)
    undo = Undo(YES, f"helm uninstall {release.name} --namespace {release.namespace}")
    if any(each.change == TAKEN for each in found):
        undo = Undo(NO, "it owns CRDs that existed before: removing it would delete them and all their objects")
    elif any(each.change == NEW_KIND for each in found):
        undo = Undo(YES, f"{undo.why}; CRDs that it brought stay as long as objects of them exist")
    return ReleaseStep(COMES, None, release, (), (), found, None, tuple(notes), unproven, undo)


def _is_there(component: str, new: UpgradeSide, left: Mapping[str, PlacedRelease]) -> bool:
    return component in left or any(each.component == component for each in new.releases)


def _go(release: PlacedRelease, deployer: str, known: Knowledge) -> ReleaseStep:
    """Return the step of a release that is no longer wanted."""
    kinds = known.old_kinds(release) if release.chart else {}
    found = kind_steps(kinds, {}, deployer, same_chart=False)
    notes = [gone(release, deployer)]
    dropped = [each.name for each in found if each.how == DELETED]
    if dropped:
        text = f"removing it deletes {_list(dropped)}, and with them every object of these kinds"
        notes.append(UpgradeNote("kinds", text, "back up what you need: kubectl get KIND -A -o yaml", needs_you=True))
    if _has_volumes(release):
        text = "volumes of its StatefulSets are kept, with their data"
        notes.append(UpgradeNote("volumes", text, f"kubectl get pvc --namespace {release.namespace}", needs_you=True))
    unproven = () if kinds is not None else (f"which kinds go with it: chart {_chart(release)} not available",)
    undo = (
        Undo(NO, "objects of the CRDs that were removed with it are lost")
        if dropped
        else Undo(YES, "install the older bundle")
    )
    if kinds is None:
        undo = Undo(PERHAPS_NOT, "it is not known which CRDs are removed with it")
    return ReleaseStep(GOES, release, None, (), (), found, None, tuple(notes), unproven, undo)


def _step(before: PlacedRelease, after: PlacedRelease, new: UpgradeSide, known: Knowledge) -> ReleaseStep:
    """Return the step of a release that both sides have."""
    values: tuple[ValueStep, ...] = ()
    unproven: list[str] = []
    if before.values is not None and after.values is not None:
        values = value_steps(before.values, after.values, known.old_effects(before), known.new_effects(after))
    elif after.values is not None and after.chart:
        unproven.append("which values change: the cluster does not show the old ones")
    manifests = _manifests(before, after)
    if before.templates is None and after.templates:
        unproven.append("which manifests change: the cluster does not show the old ones")
    same_chart = before.version == after.version and not _other_chart(before, after)
    was = known.old_kinds(before) if before.chart else {}
    will_be = known.new_kinds(after) if after.chart else {}
    kinds = kind_steps(will_be if same_chart else was, will_be, new.deployer, same_chart=same_chart)
    if not same_chart and was is None and before.chart:
        unproven.append(f"which kinds change: chart {_chart(before)} not available")
    if not same_chart and will_be is None and after.chart:
        unproven.append(f"which kinds it brings: chart {_chart(after)} not available")
    moved = _identity(before, after)
    verdict = None
    if before.version != after.version and after.chart:
        verdict = judge(
            known.records.get(after.component),
            before.version,
            after.version,
            new.deployer,
            moved=moved,
            other_chart=_other_chart(before, after),
        )
    found = ReleaseStep(
        _action(before, after, values, manifests), before, after, values, manifests, kinds, verdict,
        unproven=tuple(unproven),
    )  # fmt: skip
    found = found._replace(notes=tuple(_notes(found, new.deployer)))
    return found._replace(undo=_undo(found))


def _same_place(before: PlacedRelease, after: PlacedRelease) -> bool:
    """Return whether a chart comes from where it came from; of a cluster nobody knows where that was."""
    return not before.repository or before.repository == after.repository


def _action(
    before: PlacedRelease, after: PlacedRelease, values: tuple[ValueStep, ...], manifests: tuple[str, ...]
) -> str:
    if before.name != after.name:
        return RENAMED
    if before.namespace != after.namespace:
        return MOVES
    if before.version != after.version or _other_chart(before, after):
        return UPGRADES
    return CHANGES if values or manifests else STAYS


def _other_chart(before: PlacedRelease, after: PlacedRelease) -> bool:
    """Return whether versions of the two say nothing of each other, since they are of different charts."""
    return before.chart != after.chart or not _same_place(before, after)


def _identity(before: PlacedRelease, after: PlacedRelease) -> str:
    """Return in what a release becomes another installation, "" where it stays the same."""
    for what, one, other in (
        ("namespace", before.namespace, after.namespace),
        ("release", before.name, after.name),
        ("chart", before.chart, after.chart),
        ("repository", before.repository or after.repository, after.repository),
        *(
            (key, str((before.values or {}).get(key)), str((after.values or {}).get(key)))
            for key in ("fullnameOverride", "nameOverride")
            if before.values is not None
        ),
    ):
        if one != other:
            return f"its {what} changes from {one or 'none'} to {other or 'none'}"
    return ""


def _manifests(before: PlacedRelease, after: PlacedRelease) -> tuple[str, ...]:
    """Return the files of our manifests that differ."""
    if before.templates is None or after.templates is None:
        return ()
    names = sorted(before.templates.keys() | after.templates.keys())
    return tuple(name for name in names if before.templates.get(name) != after.templates.get(name))


def _notes(step: ReleaseStep, deployer: str) -> Iterator[UpgradeNote]:
    """Yield what there is to know about the step of a release that both sides have."""
    before, after = step.before, step.after
    assert before is not None
    assert after is not None
    if before.namespace == after.namespace and before.name != after.name:
        yield renamed(before, after, deployer)
    if before.namespace != after.namespace:
        yield moved(before, after, step.verdict, deployer, volumes=_has_volumes(before))
    if step.verdict is not None:
        yield from recorded(step.verdict)
    one, other = rank(before.version), rank(after.version)
    if one is not None and other is not None and other < one and not _other_chart(before, after):
        text = f"{after.version} is older than {before.version}"
        yield UpgradeNote("version", text, "read the chart's release notes before you downgrade", needs_you=True)
    lost = [f"{each.name} {', '.join(each.lost)}" for each in step.kinds if each.lost]
    if lost:
        text = f"versions are no longer served: {_list(lost)}"
        do = "first migrate objects to a version that stays: kubectl get KIND -A -o yaml | kubectl replace -f -"
        yield UpgradeNote("kinds", text, do, needs_you=True)
    if any(each.change == LOST_KIND and each.how == DELETED for each in step.kinds):
        dropped = [each.name for each in step.kinds if each.change == LOST_KIND and each.how == DELETED]
        text = f"the new chart does not bring {_list(dropped)}: Helm deletes them, with every object of these kinds"
        yield UpgradeNote("kinds", text, "back up what you need: kubectl get KIND -A -o yaml", needs_you=True)
    yield from _node_notes(step)
    volumes = [each.path for each in step.values if _is_volume(each.path)]
    if volumes:
        text = f"volume settings change ({_list(volumes)}), and a StatefulSet cannot change them"
        do = (
            f"kubectl delete statefulset NAME --namespace {after.namespace} --cascade=orphan, if the upgrade is refused"
        )
        yield UpgradeNote("volumes", text, do, needs_you=True)


def _node_notes(step: ReleaseStep) -> Iterator[UpgradeNote]:
    """Yield what an upgrade does to nodes, by what the registry knows of the component."""
    before, after = step.before, step.after
    assert before is not None
    assert after is not None
    for each in after.facts.get("nodeEffects") or ():
        paths = [
            value.path
            for value in step.values
            for path in each.get("paths") or ()
            if value.path == path or value.path.startswith(f"{path}.")
        ]
        why = list(dict.fromkeys(paths))
        if each.get("onChart") and before.version != after.version:
            why.append(f"chart {before.version} → {after.version}")
        if each.get("onManifests"):
            why += step.manifests
        if why:
            disturbs = each["effect"] != "restarts"
            do = "choose a maintenance window; workloads on these nodes are interrupted" if disturbs else ""
            what = "restarts pods on" if each["effect"] == "restarts" else each["effect"]
            yield UpgradeNote("nodes", f"{what} nodes ({_list(why)}): {each['how']}", do, needs_you=disturbs)


def _undo(step: ReleaseStep) -> Undo:
    """Return whether the step of a release that both sides have can be undone."""
    if step.action == STAYS:
        return Undo(YES, "nothing changes")
    transition = step.verdict.transition if step.verdict else None
    if transition is not None and transition.reversible is False:
        return Undo(NO, transition.reversible_notes or "its upgrade record says that it cannot be rolled back")
    if any(each.lost or each.change == LOST_KIND for each in step.kinds):
        return Undo(NO, "CRDs or versions of them are removed, and objects with them")
    if step.action in (RENAMED, MOVES):
        return Undo(NO, "the older bundle installs another release; remove this one first, then install that bundle")
    if step.verdict is not None and (any(each.change == PERHAPS for each in step.kinds) or step.unproven):
        return Undo(PERHAPS_NOT, "it is not known what the new chart stores that the old one cannot read")
    return Undo(YES, "install the older bundle, or helm rollback")


def _has_volumes(release: PlacedRelease) -> bool:
    paths = [step.path for step in value_steps({}, release.values or {}, {}, {})]
    return bool(release.facts.get("storageClassPaths")) and any(map(_is_volume, paths))


def _is_volume(path: str) -> bool:
    return any(step.lower() in _VOLUMES for step in path.split("."))


def _chart(release: PlacedRelease) -> str:
    return f"{release.chart} {release.version}"


def _list(words: list[str]) -> str:
    """Return words as one text, the first of many."""
    shown = list(dict.fromkeys(words))
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
