"""Sides: what is installed before an upgrade, and what is meant to be afterwards, release by release.

Both sides are the same thing, whatever said it: a bundle, a recipe, or a cluster. Imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clusterbook.bundle.folders import Folder, Plan
from clusterbook.records import Any, NamedTuple

BESIDE = ("-pre", "-post", "-readiness")
"""How the releases end that a bundle installs around a component's own."""


class PlacedRelease(NamedTuple):
    """One Helm release. `chart` is "" where its own manifests (file name → text) are what it installs.

    `values` and `templates` are None where nobody knows them: a cluster does not show the templates.
    """

    name: str
    component: str
    namespace: str
    level: int = 0
    chart: str = ""
    repository: str = ""
    version: str = ""
    values: Mapping[str, Any] | None = None
    templates: Mapping[str, str] | None = None
    facts: Mapping[str, Any] = {}

    @property
    def beside(self) -> str:
        """Return how the name goes on behind that of the component, "" for the component's own release."""
        return self.name[len(self.component) :] if self.name.startswith(self.component) else ""

    @property
    def former_names(self) -> tuple[str, ...]:
        """Return the names that this release had before, by what the registry says of its component."""
        return tuple(f"{each}{self.beside}" for each in self.facts.get("renamedFrom") or ())


class UpgradeSide(NamedTuple):
    """What is installed, or is meant to be. `constraints` are expressions by name; those of a cluster are none.

    `is_cluster` says that the releases are all that a cluster has, so that others may be among them.
    """

    label: str
    releases: tuple[PlacedRelease, ...]
    constraints: Mapping[str, str] = {}
    deployer: str = "helm"
    is_cluster: bool = False


def planned_side(label: str, recipe: Mapping[str, Any], plan: Plan, deployer: str) -> UpgradeSide:
    """Return the side that a bundle or a recipe is, by what is planned of it."""
    found = {
        str(each["name"]): str(each.get("value") or "")
        for each in recipe.get("constraints") or ()
        if str(each.get("severity") or "").lower() != "warning"  # which refuses nothing
    }
    return UpgradeSide(label, tuple(map(_release, plan.folders)), found, deployer)


def _release(folder: Folder) -> PlacedRelease:
    chart = folder.chart
    return PlacedRelease(
        folder.name,
        folder.component,
        folder.namespace,
        folder.level,
        chart.name.rpartition("/")[2] if chart else "",
        chart.repository if chart else "",
        chart.version if chart else "",
        folder.part.all_values() if chart else {},
        folder.templates,
        folder.part.facts,
    )


class SeenRelease(NamedTuple):
    """A release as a cluster shows it; `values` are None where they could not be read."""

    name: str
    namespace: str
    chart: str
    version: str
    values: Mapping[str, Any] | None


def installed_side(label: str, releases: Iterable[SeenRelease], new: UpgradeSide) -> UpgradeSide:
    """Return the side that a cluster is, by what it has of `new`; whose its other releases are, nobody knows."""
    components = {each.name: each for each in new.releases}
    components |= {name: each for each in new.releases for name in each.former_names}
    found = []
    for release in releases:
        same = components.get(release.name)
        component = release.name.removesuffix(same.beside) if same else release.name
        chart, version = (release.chart, release.version) if same is None or same.chart else ("", "")
        facts = same.facts if same else {}
        level, values = same.level if same else 0, release.values
        place = (release.name, component, release.namespace, level)
        found.append(PlacedRelease(*place, chart=chart, version=version, values=values, facts=facts))
    found.sort(key=lambda each: each.level)
    return UpgradeSide(label, tuple(found), is_cluster=True)
