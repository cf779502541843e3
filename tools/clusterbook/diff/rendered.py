"""A bundle as one side of a diff: the values it deploys, how it is delivered, and files somebody changed since.

A bundle that was made without options deploys its recipe as it is, so it is compared as that recipe is. Where options
say more, or somebody edited what it installs, both sides are compared as they are rendered, a recipe as the bundle that
is made of it without options.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Any

from clusterbook.bundle.checksums import CHECKSUMS, Difference, differences, digests, read_checksums, sha256
from clusterbook.bundle.components import BundleComponent, select
from clusterbook.bundle.edits import file_edits
from clusterbook.bundle.folders import VendoredChart, critical_pods
from clusterbook.bundle.options import Options
from clusterbook.bundle.releases import EditedRelease
from clusterbook.bundle.render import Bundle
from clusterbook.bundle.value_tree import clone, put
from clusterbook.diff.facts import Document, Fact, FactSubject, Side, leaves
from clusterbook.documents.api_version import API_VERSION
from clusterbook.resolve.document import escape
from clusterbook.resolve.recipe import ORDER, RecipeResult

BY_OPTIONS, BY_REGISTRY = "the bundle's options", "the component registry"
"""Who has the last word about a value that no layer says."""
_DELIVERY = {
    "deployer": "deployer",
    "readiness_hooks": "readinessHooks",
    "vendor_charts": "vendorCharts",
    "app_name": "appName",
    "repo": "repo",
    "target_revision": "targetRevision",
    "flux_namespace": "fluxNamespace",
    "flux_oci_source": "fluxOciSourceName",
    "name_prefix": "namePrefix",
    "destination_server": "destinationServer",
    "project": "project",
    "cascade_delete": "cascadeDelete",
}
"""Options that say how a bundle is delivered, as options.yaml spells them; all others act on values and components."""
_NOT_OF_A_BUNDLE = (".git/",)


def as_one_recipe(document: Mapping[str, Any]) -> Document:
    """Return a recipe of any apiVersion that is read as one of ours; without an order, all of it is deployed."""
    recipe = RecipeResult(dict(document))
    order = [component.name for component in recipe.components if recipe.deploys(component)]
    return {**document, "apiVersion": API_VERSION, ORDER: order if document.get(ORDER) is None else document[ORDER]}


def delivery(options: Options, charts: Mapping[str, VendoredChart]) -> dict[str, Any]:
    """Return how a bundle is delivered: its deployer, each setting that is not the default, and charts it carries."""
    usual = Options(options.deployer)._asdict()
    settings = {
        word: value
        for field, word in _DELIVERY.items()
        if (value := getattr(options, field)) != usual[field] or field == "deployer"
    }
    return settings | {f"chart of {name}": f"sha256:{sha256(chart.data)}" for name, chart in charts.items()}


def changes_deployment(side: Side, options: Options) -> bool:
    """Return whether options deploy anything else than a bundle without any does.

    Raises:
        InvalidRequest: the options do not fit the recipe.
    """
    return _deployed_components(side, options) != _deployed_components(side, Options(options.deployer))


def _deployed_components(side: Side, options: Options) -> list[tuple[str, Document, Document, int]]:
    return [
        (part.name, part.values, _left_open(part), critical_pods(part.facts, side.content, options))
        for part in select(side.content, options).parts
    ]


def _left_open(part: BundleComponent) -> Document:
    """Return what is left to the installation; a value that it takes from elsewhere, by where that is kept."""
    left: Document = clone(part.dynamic)
    for each in part.secrets:
        put(left, each.path, str(each.value))
    return left


def deployed_components(side: Side, options: Options) -> set[str]:
    """Return the components that a bundle of a recipe deploys. Raises InvalidRequest as `rendered`."""
    return {part.name for part in select(side.content, options).parts} if RecipeResult(side.content).order else set()


def rendered_side(
    side: Side, options: Options, among: Container[str], edited: Mapping[str, EditedRelease] | None = None
) -> Side:
    """Return a recipe with the components and values that a bundle of it deploys.

    Args:
        side: the recipe.
        options: those of the bundle.
        among: the components whose values count; of those that only one side deploys, it is enough that they go.
        edited: what somebody made of its releases, by component.

    Raises:
        InvalidRequest: the options do not fit the recipe.
    """
    if not RecipeResult(side.content).order:
        return side
    parts = {part.name: part for part in select(side.content, options).parts}
    usual = {part.name: part for part in select(side.content, Options(options.deployer)).parts}
    recipe = RecipeResult(side.content)
    origins = dict(side.origins)
    components = []
    for component in recipe.components:
        part = parts.get(component.name)
        if part is None or part.name not in among:
            components.append(component.document)
            continue
        release = (edited or {}).get(component.name)
        values = part.all_values() if release is None else release.values
        kept: Document = {"values": values} if values or "values" in component.document else {}
        pods = critical_pods(part.facts, side.content, options)
        kept |= {"criticalPods": pods} if pods else {}
        components.append({**component.document, **kept, **(release.fields if release else {})})
        origins |= _origins(component.name, component.document.get("values") or {}, usual.get(component.name), values)
        origins |= _edited_origins(part, release) if release else {}
    content = {**recipe.with_components(components), ORDER: list(parts)}
    dynamic = {part.name: left for part in parts.values() if (left := _left_open(part))}
    return replace(side, content=content, origins=origins, dynamic=dynamic)


def _origins(name: str, declared: Document, usual: BundleComponent | None, values: Document) -> dict[str, str]:
    """Return who says what is not as the recipe says it, by pointer."""
    layers = dict(leaves(declared))
    registry = {} if usual is None else dict(leaves(usual.values))
    root = f"/components/{escape(name)}/values"
    return {
        f"{root}{path}": BY_REGISTRY if registry.get(path, ...) == value else BY_OPTIONS
        for path, value in leaves(values)
        if layers.get(path, ...) != value
    }


def _edited_origins(part: BundleComponent, release: EditedRelease) -> dict[str, str]:
    """Return which edited file says what is not as it was made, by pointer."""
    made = dict(leaves(part.all_values()))
    root, author = f"/components/{escape(part.name)}", f"{release.place}, edited"
    values = (f"{root}/values{path}" for path, value in leaves(release.values) if made.get(path, ...) != value)
    return dict.fromkeys([*(f"{root}/{name}" for name in release.fields), *values], author)


def edited_side(
    side: Side, files: Mapping[str, bytes], made: Bundle, edited: Mapping[str, EditedRelease], *, same_version: bool
) -> Side:
    """Return a side with the files of its bundle that are not as they were made, and what became of them by place.

    Args:
        side: a recipe, with how the bundle is delivered.
        files: those of the bundle.
        made: the bundle that its recipe and options make.
        edited: what somebody made of its releases: their values are facts of their own.
        same_version: whether this version of the program made it; else checksums.txt has to say what its files were.

    Raises:
        InvalidRequest: checksums.txt is malformed.
    """
    recorded = None if same_version else read_checksums(files.get(CHECKSUMS, b"").decode("utf-8", "replace"))
    now = digests(files)
    known = digests(made.files) if recorded is None else recorded
    changed = [each for each in differences(known, now) if not each.path.startswith(_NOT_OF_A_BUNDLE)]
    deployer = str((side.options or {}).get("deployer", ""))
    places = {
        FactSubject("edit", each.component, each.key()): Fact(each.what, each.reader(deployer))
        for each in file_edits(files, made.files, made.plan, recorded)
        if not any(release.tells(each.path, each.place) for release in edited.values())
    }
    return replace(side, edits={each.path: _what(each, now) for each in changed}, edited=places)


def _what(difference: Difference, now: Mapping[str, str]) -> str:
    if difference.kind == "missing":
        return "missing"
    return f"{difference.kind}, sha256:{now[difference.path][:12]}"
