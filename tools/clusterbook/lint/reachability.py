"""Usage: what is there but nobody uses, and what is used but nobody watches.

Knows who names which file. Does not know what the files say.
"""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.diagnostics.codes import finding
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.lint.references import named_files
from clusterbook.lint.scope import Scope, place


def unwatched(scope: Scope) -> Iterator[Finding]:
    """Yield CB048 for each component whose health nobody can tell. Source: reference row F10."""
    uses: dict[str, bool] = {}
    for component in scope.components:
        watched = bool(component.word("healthCheckAsserts")) or "healthCheckSkip" in component.sticky
        uses[component.name] = uses.get(component.name, True) and (watched or not component.enabled)
    for entry in scope.catalog.components.values():
        if not entry.assert_file and not uses.get(entry.name, False):
            hint = f"add checks/{entry.name}/health-check.yaml and 'healthCheck: {{assertFile: …}}'"
            where = place(entry.file, entry.node.get("name") or entry.node)
            yield finding("CB048", where, f"component '{entry.name}' has no health check", hint)


def unused_files(scope: Scope) -> Iterator[Finding]:
    """Yield CB052 for each values file, manifest, health check and mixin that no recipe takes in."""
    used = {path for _, path in named_files(scope)}
    with_values = {part.said.name for part in scope.parts if "valuesFile" in part.said.words}
    for path, source in scope.catalog.tree.files.items():
        folder = path.split("/")
        if path in used or folder[0] not in ("components", "checks") or not path.endswith((".yaml", ".yml")):
            continue
        own_values = path in scope.catalog.values
        if own_values and folder[2:] == ["values.yaml"] and folder[1] in with_values:
            continue
        if own_values or "manifests" in folder or folder[0] == "checks":
            yield finding("CB052", Place(source.file, 1, 1), f"nothing uses {path}", _hint(path, own_values=own_values))
    named = {str(origin.value) for layer in scope.catalog.layers for origin in layer.mixins}
    for name, layer in scope.catalog.mixins.items():
        if name not in named:
            yield finding(
                "CB052", layer.place, f"no overlay names the mixin '{name}'", "name it under spec.mixins, or remove it"
            )


def unread_files(scope: Scope) -> Iterator[Finding]:
    """Yield CB052 for each file of ours among overlays and mixins that is not read because of its name."""
    for path, source in scope.catalog.tree.files.items():
        folder, _, name = path.rpartition("/")
        layers = path.startswith(("overlays/", "mixins/"))
        if not layers or path.endswith((".yaml", ".md")) or not scope.ours(source.file):
            continue
        stem = (name.rpartition(".")[0] or name).removesuffix(".yaml")
        target = f"{folder}/{stem}.yaml"
        hint = (
            f"{target} stands beside it; remove it" if target in scope.catalog.tree.files else f"rename it to {target}"
        )
        yield finding("CB052", Place(source.file, 1, 1), f"{path} is not read", hint)


def _hint(path: str, *, own_values: bool) -> str:
    """Return what would use the file."""
    if own_values:
        return f"write 'valuesFile: {path}' in a layer, or remove it"
    if path.startswith("checks/"):
        return f"write 'assertFile: {path}' in registry.yaml, or remove it"
    return "name it under manifestFiles, or remove it"
