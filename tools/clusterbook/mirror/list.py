"""Mirror lists: the charts and images that a bundle needs, for those who carry them to where there is no network.

What a bundle's releases pull, and of what nobody can say what it pulls: a list that is not complete says so.
Source: reference rows D4, D6, L6.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from clusterbook.bundle.components import BundleComponent
from clusterbook.bundle.folders import Chart, Plan
from clusterbook.bundle.options import Options
from clusterbook.bundle.value_tree import get
from clusterbook.catalog.images import covers, full_name, images_in
from clusterbook.resolve.image_variants import variants
from clusterbook.resolve.image_words import names_image
from clusterbook.resolve.recipe import ComponentRef

_MARKETPLACE = "operators.coreos.com"
_BY_OLM = "it is installed from an OLM catalog, which determines its images: mirror that catalog as well"


class ComponentChart(NamedTuple):
    """A chart that a component installs."""

    component: str
    namespace: str
    chart: Chart


class ImageGap(NamedTuple):
    """A component of which it is not known which images it starts; helm may know what its chart pulls.

    `missing` says which of them are not known, "" where that may be any.
    """

    component: str
    why: str
    helm_knows: bool = True
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return what is not known, and why."""
        return f"{self.missing}: {self.why}" if self.missing else self.why


class MirrorList(NamedTuple):
    """What has to be there without a network. `images` are the components that start an image, by its full name.

    Of `bases` nothing is pulled: they are names to which an operator adds something, if it starts the image at all.
    """

    name: str
    charts: tuple[ComponentChart, ...]
    images: Mapping[str, tuple[str, ...]]
    gaps: tuple[ImageGap, ...]
    bases: tuple[str, ...] = ()

    def of(self, component: str) -> list[str]:
        """Return the images of one component, sorted."""
        return sorted(image for image, components in self.images.items() if component in components)


class ExtraImage(NamedTuple):
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
    charts = {folder.component: ComponentChart(folder.component, folder.namespace, folder.chart)
              for folder in plan.folders if folder.chart is not None}  # fmt: skip
    parts = [folder.part for folder in plan.folders]
    images: dict[str, set[str]] = {}
    gaps: list[ImageGap] = []
    manifest_images: dict[str, list[str]] = {}
    for folder in plan.folders:
        manifests = objects.get(folder.name, [])
        manifest_images.setdefault(folder.component, []).extend(
            image for manifest in manifests for image in images_in(manifest)
        )
    for folder in plan.folders:
        component, manifests = ComponentRef(dict(folder.part.reference)), objects.get(folder.name, [])
        known, unknown = _component_images(component, folder.part, recipe, manifest_images[folder.component])
        for image in known:
            images.setdefault(image, set()).add(folder.component)
        gaps += unknown
        if any(_from_a_marketplace(each) for each in manifests):
            gaps.append(ImageGap(folder.component, _BY_OLM, helm_knows=False))
    names = {name: part.name for part in parts for name in (*(part.facts.get("valueOverrideKeys") or ()), part.name)}
    for setting in (*options.settings, *options.typed, *options.secrets, *options.dynamic):
        target = names.get(setting.target, "")
        left_open = next((get(part.dynamic, setting.path) for part in parts if part.name == target), None)
        said = left_open if setting.flag == "--dynamic" else setting.value
        if target in charts and (names_image(setting.path[-1]) or any(map(names_image, _keys(said)))):
            gaps.append(ImageGap(target, f"{setting.flag} {setting.target}:{setting.dotted()} may change its images"))
    references = (ComponentRef(dict(part.reference)) for part in parts)
    bases = (full_name(each["image"]) for reference in references for each in reference.image_variants)
    return _list(_name(recipe), charts.values(), images, gaps, bases)


def _keys(value: Any) -> Iterator[str]:
    """Yield every key of the maps in a value."""
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        yield str(key)
        yield from _keys(inner)
    for inner in value if isinstance(value, list) else ():
        yield from _keys(inner)


def recorded_gaps(component: ComponentRef) -> list[ImageGap]:
    """Return what the list of a component's images lacks for all that a recipe says of it, whatever its options."""
    gaps = [
        ImageGap(component.name, each["reason"], bool(each.get("helmKnows")), each["missing"])
        for each in component.image_gaps
    ]
    document = component.document
    if document.get("source") and document.get("type") != "Kustomize" and "images" not in document:
        chart = document.get("chart") or component.name
        gaps.append(ImageGap(component.name, f"its images are not listed for chart {chart}"))
    return gaps


def _component_images(
    component: ComponentRef, part: BundleComponent, recipe: Mapping[str, Any], manifest_images: Collection[str]
) -> tuple[set[str], list[ImageGap]]:
    """Return the images of a component with these values, and what is not known of them.

    Args:
        component: the component as the recipe has it.
        part: the same as the bundle deploys it.
        recipe: the recipe.
        manifest_images: the images that manifests of ours name.
    """
    gaps = recorded_gaps(component)
    images, values = {*map(full_name, component.images), *manifest_images}, part.all_values()
    for each in component.image_variants:
        image, switch = full_name(each["image"]), each.get("switch")
        images.discard(image)
        if (each.get("source") == "manifest" and image not in manifest_images) or (
            switch and get(values, tuple(switch.split("."))) is False
        ):
            continue
        complete = variants(image, each["suffix"], recipe)
        images.update(complete)
        if not complete:
            why = f"an operator appends the node's {' and '.join(each['suffix'])} to the tag, which no constraint fixes"
            gaps.append(ImageGap(component.name, why, helm_knows=False, missing=image))
    return images, gaps


def check_against_charts(
    mirror_list: MirrorList, chart_images: Mapping[str, Iterable[str]]
) -> tuple[MirrorList, tuple[ExtraImage, ...]]:
    """Return the list with what charts were seen to pull, and what of it the list lacked.

    Args:
        mirror_list: the list.
        chart_images: full names of images by component, of the charts that were rendered with the bundle's values.
    """
    lacking = tuple(
        ExtraImage(component, image)
        for component, images in sorted(chart_images.items())
        for image in sorted(set(images))
        if not any(covers(listed, image) for listed in mirror_list.images) and image not in mirror_list.bases
    )
    images = {image: set(components) for image, components in mirror_list.images.items()}
    for each in lacking:
        images.setdefault(each.image, set()).add(each.component)
    gaps = (gap for gap in mirror_list.gaps if not gap.helm_knows or gap.component not in chart_images)
    return _list(mirror_list.name, mirror_list.charts, images, gaps, mirror_list.bases), lacking


def join_lists(lists: Iterable[MirrorList]) -> MirrorList:
    """Return one list of several; a gap that any of them has, it has."""
    name, charts, images, gaps = list[str](), dict[Any, ComponentChart](), dict[str, set[str]](), list[ImageGap]()
    bases: set[str] = set()
    for each in lists:
        name.append(each.name)
        charts |= {(need.component, need.chart): need for need in each.charts}
        gaps += each.gaps
        bases |= set(each.bases)
        for image, components in each.images.items():
            images.setdefault(image, set()).update(components)
    return _list(" ".join(name), charts.values(), images, gaps, bases)


def _list(
    name: str,
    charts: Iterable[ComponentChart],
    images: Mapping[str, Iterable[str]],
    gaps: Iterable[ImageGap],
    bases: Iterable[str],
) -> MirrorList:
    return MirrorList(
        name,
        tuple(sorted(charts)),
        {image: tuple(sorted(images[image])) for image in sorted(images)},
        tuple(sorted(set(gaps))),
        tuple(sorted(set(bases))),
    )


def _name(recipe: Mapping[str, Any]) -> str:
    metadata = recipe["metadata"]
    version = metadata.get("version")
    return f"{metadata.get('slug') or 'recipe'}{f'@{version}' if version else ''}"


def _from_a_marketplace(document: Any) -> bool:
    return isinstance(document, dict) and str(document.get("apiVersion", "")).startswith(f"{_MARKETPLACE}/")
