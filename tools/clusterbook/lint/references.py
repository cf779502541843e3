"""References: whether what a document names exists, in the tree and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from clusterbook.catalog.images import UNKNOWN_COMPONENT
from clusterbook.catalog.layers import Layer
from clusterbook.catalog.load import BASE
from clusterbook.catalog.tree import VALIDATORS
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import did_you_mean, nearest
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.lint.scope import Scope, place

UNKNOWN_BASE = Code(
    "CB020",
    "unknown base",
    "error",
    "The overlay builds on an overlay that does not exist, so most of its recipe is missing.",
    "Correct the name, or add the overlay.",
)
BASE_CYCLE = Code(
    "CB021",
    "cycle of overlays",
    "error",
    "They build on each other, so none of them can be resolved.",
    "Remove one `base`.",
)
UNKNOWN_MIXIN = Code(
    "CB022",
    "unknown mixin",
    "error",
    "The overlay names a mixin that does not exist.",
    "Correct the name, or add the mixin.",
)
UNKNOWN_DEPENDENCY = Code(
    "CB024",
    "unknown dependency",
    "error",
    "The component depends on one that does not exist, so it could never be deployed.",
    "Correct the name, or remove the dependency.",
)
NO_SUCH_FILE = Code(
    "CB025",
    "file that does not exist",
    "error",
    "A values file, manifest or health check is named that is not in the tree.",
    "Correct the path, which counts from the tree's root, or add the file.",
)
PATH_OUTSIDE = Code(
    "CB026",
    "path that leaves the tree",
    "error",
    "A bundle must not depend on, or reveal, what lies outside the tree.",
    "Write the path from the tree's root, without `..`.",
)
UNKNOWN_CHECK = Code(
    "CB027",
    "unknown check",
    "error",
    "A check that no validator runs in its phase would be skipped, and the cluster would pass.",
    "Correct the name or move it to its phase; validators/catalog.yaml lists both.",
)


def unknown_bases(scope: Scope) -> Iterator[Finding]:
    """Yield CB020 for each overlay that builds on one that does not exist."""
    overlays = scope.catalog.overlays
    for layer in overlays.values():
        if layer.base not in ("", BASE, *overlays) and f"overlays/{layer.base}.yaml" not in scope.broken:
            others = [name for name in overlays if layer not in scope.catalog.chain(name)]  # nor what builds on it
            hint = did_you_mean(layer.base, [BASE, *others])
            yield UNKNOWN_BASE.finding(_base_place(layer), f"base '{layer.base}' does not exist", hint)


def base_cycles(scope: Scope) -> Iterator[Finding]:
    """Yield CB021 for each circle of bases, and for a base layer that builds on something."""
    overlays = scope.catalog.overlays
    if scope.catalog.base.base not in ("", BASE):
        what = "base is the root of all overlays and cannot have a base itself"
        yield BASE_CYCLE.finding(_base_place(scope.catalog.base), what, "remove 'base:'")
    done: set[str] = set()
    for start in sorted(overlays):
        walk: list[str] = []
        name = start
        while name in overlays and name not in done and name not in walk:
            walk.append(name)
            name = overlays[name].base
        if name in walk:
            circle = walk[walk.index(name) :]
            first = min(circle)
            turn = circle.index(first)
            text = " → ".join([*circle[turn:], *circle[:turn], first])
            yield BASE_CYCLE.finding(_base_place(overlays[first]), f"overlays form a cycle: {text}",
                          "remove one of these bases")  # fmt: skip
        done.update(walk)


def unknown_mixins(scope: Scope) -> Iterator[Finding]:
    """Yield CB022 for each mixin that is named but does not exist."""
    mixins = scope.catalog.mixins
    for layer in scope.catalog.layers:
        for origin in layer.mixins:
            name = str(origin.value)
            if name not in mixins and f"mixins/{name}.yaml" not in scope.broken:
                hint = did_you_mean(name, mixins) if mixins else f"there are no mixins; add mixins/{name}.yaml"
                yield UNKNOWN_MIXIN.finding(origin.place, f"mixin '{name}' does not exist", hint)


def unknown_components(scope: Scope) -> Iterator[Finding]:
    """Yield CB023 for each component that the registry does not have."""
    components = scope.catalog.components
    for ref in scope.component_refs:
        name = ref.component.name
        if name not in components:
            hint = _nearest_hint(name, components) or "add it to registry.yaml"
            yield UNKNOWN_COMPONENT.finding(ref.place("name"), f"component '{name}' is not in the registry", hint)


def unknown_dependencies(scope: Scope) -> Iterator[Finding]:
    """Yield CB024 for each dependency on something that no layer deploys and no registry has."""
    names = {*scope.catalog.components, *(ref.component.name for ref in scope.component_refs)}
    for ref in scope.component_refs:
        for origin in ref.component.lists.get("dependencyRefs", ()):
            name = str(origin.value)
            if name not in names:
                what = f"component '{ref.component.name}' depends on '{name}', which does not exist"
                hint = _nearest_hint(name, names - {ref.component.name}) or "remove it, or add the component"
                yield UNKNOWN_DEPENDENCY.finding(origin.place, what, hint)


def missing_files(scope: Scope) -> Iterator[Finding]:
    """Yield CB026 for each path that leaves the tree, else CB025 for each that leads to no file."""
    files = scope.catalog.tree.files
    for where, path in named_files(scope):
        if ".." in path.split("/") or path.startswith("/"):
            yield PATH_OUTSIDE.finding(
                where, f"'{path}' leaves the tree", "write the path from the tree's root, without '..'"
            )
        elif path not in files and path not in scope.broken:
            folder, _, name = path.rpartition("/")
            near = nearest(path, [other for other in files if other.startswith(folder) or other.endswith(f"/{name}")])
            hint = f"did you mean '{near}'?" if near else "add it; paths count from the tree's root"
            yield NO_SUCH_FILE.finding(where, f"'{path}' does not exist", hint)


def named_files(scope: Scope) -> Iterator[tuple[Place, str]]:
    """Yield (place, path) of every file that a registry entry or a layer names."""
    for component in scope.catalog.components.values():
        for keys in (("healthCheck", "assertFile"), ("upgrades", "file")):
            node = component.node.get(*keys)
            if node and node.string():
                yield place(component.file, node), node.string()
        yield from ((origin.place, str(origin.value)) for origin in component.manifests)
    for ref in scope.component_refs:
        origins = [ref.component.words["valuesFile"]] if "valuesFile" in ref.component.words else []
        for field in ("manifestFiles", "preManifestFiles"):
            origins += ref.component.lists.get(field, ())
        yield from ((origin.place, str(origin.value)) for origin in origins)


def unknown_checks(scope: Scope) -> Iterator[Finding]:
    """Yield CB027 for each check that no validator carries out in its phase; trees without a catalog have none."""
    if VALIDATORS not in {**scope.catalog.tree.files, **scope.catalog.tree.under}:
        return
    entries = scope.catalog.validators.items()
    phases = {name: node.string() for name, entry in entries if (node := entry.get("phase"))}
    for layer in scope.catalog.layers:
        for phase, phase_layer in layer.phases.items():
            for origin in phase_layer.checks or ():
                name = str(origin.value)
                if name not in phases:
                    here = [check for check, where in phases.items() if where == phase]
                    yield UNKNOWN_CHECK.finding(
                        origin.place, f"check '{name}' does not exist", did_you_mean(name, here)
                    )
                elif phases[name] != phase:
                    what = f"check '{name}' belongs to the phase {phases[name]}, not {phase}"
                    yield UNKNOWN_CHECK.finding(origin.place, what, f"move it to validation.{phases[name]}.checks")


def _base_place(layer: Layer) -> Place:
    node = layer.node.get("spec", "base")
    return place(layer.file, node) if node else layer.place


def _nearest_hint(word: str, names: Iterable[str]) -> str:
    match = nearest(word, names)
    return f"did you mean '{match}'?" if match else ""
