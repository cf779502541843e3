"""How the Helm releases of a cluster differ from what a recipe deploys.

What a bundle sets beyond the recipe is expected as well, so that a cluster deployed from it has not drifted. Clusters
that Argo CD deploys have no releases; nobody can tell about those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from clusterbook.bundle.components import select
from clusterbook.bundle.options import OptionWords, read_options
from clusterbook.bundle.releases import EditedRelease
from clusterbook.diff.snapshots import (
    ADDED,
    CRITICAL,
    INFO,
    MODIFIED,
    REMOVED,
    WARNING,
    SnapshotChange,
    chart_of,
    unseen_change,
    value_changes,
)
from clusterbook.documents.selector import spell
from clusterbook.resolve.recipe import ORDER, ComponentRef, Document, RecipeResult
from clusterbook.snapshot.constraint import parse_version
from clusterbook.snapshot.inventory import ABSENT, RELEASES, InstalledRelease
from clusterbook.snapshot.model import Snapshot
from clusterbook.validate.result import ERROR, FAILED, SKIPPED
from clusterbook.validate.subject import criteria_readings

_BESIDE = ("-pre", "-post", "-readiness")
"""What the releases are called that a bundle installs around a component's own."""


class ExpectedComponent(NamedTuple):
    """One component that is deployed; `values` is None where the recipe does not say them.

    What the options of a bundle decide lies at `open_paths`: it is known to differ where nobody knows the options. What
    is taken from Secrets lies at `secret_paths`: no bundle knows it, and no report shows it.
    """

    component: ComponentRef
    values: Mapping[str, Any] | None
    open_paths: tuple[str, ...] = ()
    secret_paths: tuple[str, ...] = ()


def installed_drift(
    document: Document,
    snapshot: Snapshot,
    request: OptionWords | None = None,
    edited: Mapping[str, EditedRelease] | None = None,
) -> list[SnapshotChange]:
    """Return how what is installed differs from what a recipe deploys, unsorted and unfiltered; see `drift.chosen`.

    Args:
        document: the recipe; with the registry facts of its components, what bundles set beyond it is expected too.
        snapshot: the cluster.
        request: the options of the bundle that was deployed; None where only the recipe is known.
        edited: what somebody made of the releases of that bundle, by component.

    Raises:
        Unseen: the snapshot does not say what is installed.
        InvalidRequest: the options do not fit the recipe.
    """
    recipe = RecipeResult(document)
    left = list(snapshot.inventory.installed())
    gap = snapshot.inventory.gap(RELEASES)
    partial = gap is not None and gap.state != ABSENT
    expected = {each.component.name: each for each in _expected_components(recipe, request, edited or {})}
    changes = [*_criteria_drift(document.get("criteria") or {}, snapshot)]
    for component in recipe.components:
        name = component.name
        release = _release_of(component, left)
        path = f"components.{name}"
        if release is not None:
            left.remove(release)
        if name not in expected:
            changes += [] if release is None else [SnapshotChange(ADDED, WARNING, path, "", chart_of(release))]
            continue
        left = [each for each in left if not _is_beside(each, component)]
        near = snapshot.inventory.gap(RELEASES, component.namespace)
        if release is None and near is not None and near.state != ABSENT:
            changes.append(unseen_change(path, expected=True, found=False))
        elif release is None:
            chart = f"{component.chart} {component.version}".strip()
            changes.append(SnapshotChange(REMOVED, CRITICAL, path, chart or "manifests", ""))
        else:
            changes += _release_drift(path, expected[name], release)
    if partial:
        changes.append(unseen_change("releases", expected=False, found=False))
    changes += [
        SnapshotChange(ADDED, INFO, f"releases.{each.namespace}/{each.name}", "", chart_of(each)) for each in left
    ]
    return changes


def _criteria_drift(claimed: Mapping[str, Any], snapshot: Snapshot) -> Iterator[SnapshotChange]:
    """Yield what the cluster is that the recipe is not for; of several kinds of nodes, one that it is for is enough."""
    for result, reading in criteria_readings(claimed, snapshot):
        value, path = str(claimed[result.name]), f"fingerprint.{result.name}"
        if result.state == FAILED and (value not in reading.values or len(reading.values) == 1):
            other = next(iter(reading.values)) if len(reading.values) == 1 and value not in reading.values else ""
            shown = other or result.message.removeprefix(f"the recipe is for {value}, and ")
            yield SnapshotChange(MODIFIED, CRITICAL, path, value, shown)
        elif result.state == ERROR or (result.state == SKIPPED and reading.looked and not reading.values):
            yield unseen_change(path, expected=True, found=False)


def _expected_components(
    recipe: RecipeResult, request: OptionWords | None, edited: Mapping[str, EditedRelease]
) -> Iterator[ExpectedComponent]:
    """Yield what is deployed, with the values that a bundle gives it where that can be known."""
    if ORDER in recipe.document and recipe.is_whole:
        for part in select(recipe.document, read_options(request or {})).parts:
            taken = [spell(each.path) for each in part.secrets]
            open_paths = _option_paths(part.facts) if request is None else [*_leaves(part.dynamic), *taken]
            secrets = tuple(spell(each.path) for each in part.secrets)
            release = edited.get(part.name)
            reference = ComponentRef({**part.reference, **(release.fields if release else {})})
            values = release.values if release else part.values
            yield ExpectedComponent(reference, values, tuple(open_paths), secrets)
        return
    for component in recipe.components:
        if recipe.deploys(component):
            yield ExpectedComponent(component, component.document.get("values"))


def _option_paths(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths of values that the options of a bundle decide. Source: reference rows B24-B28, B30."""
    scheduling = facts.get("nodeScheduling") or {}
    dotted: list[str] = [*(scheduling.get("nodeCountPaths") or ()), *(facts.get("storageClassPaths") or ())]
    for group in (*(scheduling.get(each) or {} for each in ("system", "accelerated")),
                  (facts.get("podScheduling") or {}).get("workload") or {}):  # fmt: skip
        for paths in group.values():
            dotted += paths
    yield from (spell(each.split(".")) for each in dotted)


def _leaves(dynamic: Mapping[str, Any], place: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the paths of values that were left to the installation."""
    for key, value in dynamic.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*place, str(key)))
        else:
            yield spell([*place, str(key)])


def _release_of(component: ComponentRef, releases: Sequence[InstalledRelease]) -> InstalledRelease | None:
    """Return the release of a component: by its name in its namespace, else by its chart there."""
    near = [each for each in releases if each.namespace == (component.namespace or each.namespace)]
    named = next((each for each in near if each.name == component.name), None)
    return named or next((each for each in near if component.chart and each.chart == component.chart), None)


def _is_beside(release: InstalledRelease, component: ComponentRef) -> bool:
    """Return whether a release holds what a bundle installs around a component."""
    names = [f"{component.name}{suffix}" for suffix in _BESIDE]
    return release.name in names and release.namespace == (component.namespace or release.namespace)


def _release_drift(path: str, expected: ExpectedComponent, release: InstalledRelease) -> Iterator[SnapshotChange]:
    """Yield how a release differs from the component it belongs to."""
    version, chart = expected.component.version, expected.component.chart
    if release.status not in ("deployed", ""):
        yield SnapshotChange(MODIFIED, CRITICAL, f"{path}.status", "deployed", release.status)
    if chart and release.chart and chart != release.chart:
        yield SnapshotChange(MODIFIED, CRITICAL, f"{path}.chart", chart, release.chart)
    if version and release.version and release.version.removeprefix("v") != version.removeprefix("v"):
        old, new = parse_version(version), parse_version(release.version)
        severity = INFO if old and new and old[:2] == new[:2] else WARNING
        yield SnapshotChange(MODIFIED, severity, f"{path}.version", version, release.version)
    unread = {"status": release.status, "chart": release.chart or not chart, "version": release.version or not version}
    for name, known in unread.items():
        if not known:
            yield unseen_change(f"{path}.{name}", expected=True, found=False)
    if release.values is None or expected.values is None:
        yield unseen_change(f"{path}.values", expected=expected.values is not None, found=release.values is not None)
        return
    roots = [f"{path}.values.{each}" for each in expected.open_paths]
    secrets = [f"{path}.values.{each}" for each in expected.secret_paths]
    for change in value_changes(path, expected.values, release.values):
        if not _lies_in(change.path, secrets):
            yield change._replace(severity=INFO) if _lies_in(change.path, roots) else change


def _lies_in(path: str, roots: Sequence[str]) -> bool:
    return any(path == root or path.startswith((f"{root}.", f"{root}[")) for root in roots)
