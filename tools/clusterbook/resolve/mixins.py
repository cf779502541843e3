"""Mixins: what a fragment may say about components that the layers before it bring. Source: reference row R35.

It may add to a component, and set those of its values that the registry lists as safe and nobody else sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clusterbook.catalog.layers import ComponentLayer, Layer
from clusterbook.catalog.load import Catalog
from clusterbook.catalog.profiles import leaf_paths
from clusterbook.catalog.values import Origin, Origins
from clusterbook.documents.api_version import AUTHORED
from clusterbook.resolve.component import Conflict

_ADDED = ("namespace", "manifestFiles", "preManifestFiles")
"""What a mixin may say of a component that the layers before it bring."""


def refuse_collisions(
    catalog: Catalog,
    mixin: Layer,
    origin: Origin,
    constraints: Mapping[str, Origins],
    parts: Mapping[str, Sequence[ComponentLayer]],
) -> None:
    """Raise Conflict where a mixin says what the layers before it said already, or what is not its to say."""
    for name, said in mixin.constraints:
        if name in constraints:
            raise Conflict(
                f"mixin '{mixin.name}' sets the constraint '{name}', which {constraints[name][-1].layer} sets already",
                place=said.place,
                hint=f"remove one of them; the mixin is named at {origin.place}",
            )
    version = mixin.node.get("apiVersion")
    later = version is not None and version.string() == AUTHORED
    for part in mixin.components:
        if "healthCheckSkip" in part.sticky:
            raise Conflict(
                f"mixin '{mixin.name}' skips the health check of '{part.name}'",
                place=part.place,
                hint="only an overlay may set healthCheckSkip",
            )
        entry = catalog.components.get(part.name)
        safe = entry.safe_paths if entry else frozenset()
        before = parts.get(part.name, ())
        if before:
            _refuse_fields(mixin, part, before[-1].layer, later=later, safe=bool(safe))
        if part.overrides is not None and safe:
            _refuse_values(catalog, mixin, part, before, safe)


def _refuse_fields(mixin: Layer, part: ComponentLayer, owner: str, *, later: bool, safe: bool) -> None:
    """Raise Conflict where a mixin sets a field of a component that others bring, and may not add to."""
    fields = [*part.words, *part.lists, *part.replaced, *part.sticky, *(("overrides",) if part.overrides else ())]
    allowed = (*_ADDED, *(("dependencyRefs",) if later else ()), *(("overrides",) if safe else ()))
    for field in fields:
        if field not in allowed:
            raise Conflict(
                f"mixin '{mixin.name}' sets {field} of '{part.name}', which {owner} already brings",
                place=part.place,
                hint=f"for a component of another layer a mixin may set only {', '.join(allowed)}",
            )


def _refuse_values(
    catalog: Catalog, mixin: Layer, part: ComponentLayer, before: Sequence[ComponentLayer], safe: frozenset[str]
) -> None:
    """Raise Conflict where a mixin sets a value that the registry does not list, or that others set."""
    known = {path: layer.layer for layer in before for path in leaf_paths(layer.overrides)}
    files = {str(layer.words["valuesFile"].value) for layer in (*before, part) if "valuesFile" in layer.words}
    for file in (f"components/{part.name}/values.yaml", *sorted(files)):
        known |= dict.fromkeys(leaf_paths(catalog.values.get(file)), file)
    for path in leaf_paths(part.overrides):
        if path not in safe:
            raise Conflict(
                f"mixin '{mixin.name}' sets {path} of '{part.name}', which the registry does not list for mixins",
                place=part.place,
                hint=f"allowed are {', '.join(sorted(safe))} (mixinSafeOverridePaths)",
            )
        owner = next((name for other, name in known.items() if _meets(path, other)), None)
        if owner is not None:
            raise Conflict(
                f"mixin '{mixin.name}' sets {path} of '{part.name}', which {owner} already sets",
                place=part.place,
                hint="remove one of them",
            )


def _meets(path: str, other: str) -> bool:
    """Return whether two paths are one, or one is above the other."""
    return path == other or path.startswith(f"{other}.") or other.startswith(f"{path}.")
