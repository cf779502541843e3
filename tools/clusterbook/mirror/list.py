"""Mirror lists: the charts and images that a bundle needs, for those who carry them to where there is no network.

What a bundle's releases pull, and of what nobody can say what it pulls: a list that is not complete says so.
Source: reference rows D4, D6, L6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from clusterbook.bundle.folders import Chart, Plan
from clusterbook.bundle.options import Options
from clusterbook.catalog.images import covers, full_name, images_in

_TELLING = frozenset("image repository registry tag version digest imagetag imagerepository imageregistry".split())
"""Last words of paths whose values say which image is started."""
_MARKETPLACE = "operators.coreos.com"
_BY_OLM = "it is installed from an OLM catalog, which says what it pulls: mirror that as well"


class Need(NamedTuple):
    """A chart that a component installs."""

    component: str
    namespace: str
    chart: Chart


class Gap(NamedTuple):
    """A component of which it is not known which images it starts; helm may know what its chart pulls."""

    component: str
    why: str
    helm_knows: bool = True


class MirrorList(NamedTuple):
    """What has to be there without a network. `images` are the components that start an image, by its full name."""

    name: str
    charts: tuple[Need, ...]
    images: Mapping[str, tuple[str, ...]]
    gaps: tuple[Gap, ...]

    def of(self, component: str) -> list[str]:
        """Return the images of one component, sorted."""
        return sorted(image for image, components in self.images.items() if component in components)


class Lacking(NamedTuple):
    """An image that a chart names and the catalog's list of the component does not."""

    component: str
    image: str


def mirror_list(
    recipe: Mapping[str, Any], plan: Plan, options: Options, objects: Mapping[str, list[Any]]
) -> MirrorList:
    """Return what a bundle pulls.

    Args:
        recipe: the whole recipe.
        plan: the bundle's releases.
        options: what the bundle was made with.
        objects: the Kubernetes objects of our own manifests, by release.
    """
    charts = {folder.component: Need(folder.component, folder.namespace, folder.chart)
              for folder in plan.folders if folder.chart is not None}  # fmt: skip
    parts = [folder.part for folder in plan.folders]
    found: dict[str, set[str]] = {}
    gaps: dict[str, Gap] = {}
    for folder in plan.folders:
        listed = folder.part.reference.get("images")
        ours = objects.get(folder.name, [])
        for image in (*map(full_name, listed or ()), *images_in(ours)):
            found.setdefault(image, set()).add(folder.component)
        if folder.chart is not None and listed is None:
            why = f"nobody has listed the images of its chart {folder.chart.name}"
            gaps[folder.component] = Gap(folder.component, why)
        if any(_from_a_marketplace(each) for each in ours):
            gaps[folder.component] = Gap(folder.component, _BY_OLM, helm_knows=False)
    names = {name: part.name for part in parts for name in (*(part.facts.get("valueOverrideKeys") or ()), part.name)}
    for setting in (*options.settings, *options.typed, *options.dynamic):
        component = names.get(setting.target, "")
        if setting.path[-1].lower() in _TELLING and component in charts:
            why = f"{setting.flag} {setting.target}:{setting.dotted()} may change what it pulls"
            gaps.setdefault(component, Gap(component, why))
    return _list(_name(recipe), charts.values(), found, gaps.values())


def checked(found: MirrorList, rendered: Mapping[str, Iterable[str]]) -> tuple[MirrorList, tuple[Lacking, ...]]:
    """Return the list with what charts were seen to pull, and what of it the list lacked.

    Args:
        found: the list.
        rendered: full names of images by component, of the charts that were rendered with the bundle's values.
    """
    lacking = tuple(
        Lacking(component, image)
        for component, images in sorted(rendered.items())
        for image in sorted(set(images))
        if not any(covers(listed, image) for listed in found.images)
    )
    images = {image: set(components) for image, components in found.images.items()}
    for each in lacking:
        images.setdefault(each.image, set()).add(each.component)
    gaps = [gap for gap in found.gaps if not gap.helm_knows or gap.component not in rendered]
    return _list(found.name, found.charts, images, gaps), lacking


def joined(lists: Iterable[MirrorList]) -> MirrorList:
    """Return one list of several; a gap that any of them has, it has."""
    name, charts, images, gaps = list[str](), dict[Any, Need](), dict[str, set[str]](), dict[str, Gap]()
    for each in lists:
        name.append(each.name)
        charts |= {(need.component, need.chart): need for need in each.charts}
        gaps |= {gap.component: gap for gap in each.gaps}
        for image, components in each.images.items():
            images.setdefault(image, set()).update(components)
    return _list(" ".join(name), charts.values(), images, gaps.values())


def _list(name: str, charts: Iterable[Need], images: Mapping[str, Iterable[str]], gaps: Iterable[Gap]) -> MirrorList:
    return MirrorList(
        name,
        tuple(sorted(charts)),
        {image: tuple(sorted(images[image])) for image in sorted(images)},
        tuple(sorted(gaps)),
    )


def _name(recipe: Mapping[str, Any]) -> str:
    metadata = recipe["metadata"]
    version = metadata.get("version")
    return f"{metadata.get('slug') or 'recipe'}{f'@{version}' if version else ''}"


def _from_a_marketplace(document: Any) -> bool:
    return isinstance(document, dict) and str(document.get("apiVersion", "")).startswith(f"{_MARKETPLACE}/")
