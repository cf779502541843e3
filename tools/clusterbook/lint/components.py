"""Components: whether each has one name and one way to be deployed, a real switch, and manifests that are templates."""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.catalog.load import BASE
from clusterbook.diagnostics.codes import finding
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.gotemplate import BrokenTemplate, UnknownFunction, parse
from clusterbook.lint.scope import Scope, below, key_place, place


def file_names(scope: Scope) -> Iterator[Finding]:
    """Yield CB035 for each overlay and mixin that is not called as its file is."""
    for path, file, document in scope.documents:
        stem = path.rpartition("/")[2].removesuffix(".yaml")
        said = document.get("metadata", "name") if path.startswith(("overlays/", "mixins/")) else None
        if said and said.string() != stem:
            hint = (
                "write 'name: base'"
                if stem == BASE
                else f"rename the file to {said.string()}.yaml, or write 'name: {stem}'"
            )
            yield finding("CB035", place(file, said), f"'{said.string()}' stands in {stem}.yaml", hint)


def override_keys(scope: Scope) -> Iterator[Finding]:
    """Yield CB036 for each key of `--set` that could mean something else. Source: reference row F3."""
    components = scope.catalog.components
    owner: dict[str, str] = {}
    for component in components.values():
        for node in below(component.node, "valueOverrideKeys"):
            key = node.string()
            what = ""
            if key == "deployer":
                what = "'deployer' speaks to the deployer"
            elif key in components and key != component.name:
                what = f"'{key}' is the name of another component"
            elif owner.setdefault(key, component.name) != component.name:
                what = f"'{key}' is already a key of '{owner[key]}'"
            if what:
                where = place(component.file, node)
                yield finding("CB036", where, what, "choose a key that nothing else is called")


def repeated_components(scope: Scope) -> Iterator[Finding]:
    """Yield CB037 for each component that stands twice in one layer."""
    seen: dict[tuple[int, str], int] = {}
    for part in scope.parts:
        key = (id(part.layer), part.said.name)
        if key in seen:
            what = f"component '{part.said.name}' stands twice"
            yield finding("CB037", part.place("name"), what, f"merge it into the entry on line {seen[key]}")
        seen.setdefault(key, part.node.line)


def helm_and_kustomize(scope: Scope) -> Iterator[Finding]:
    """Yield CB038 for each registry entry that is Helm and Kustomize. Source: reference row F4."""
    for component in scope.catalog.components.values():
        helm, kustomize = component.node.get("helm"), component.node.get("kustomize")
        if helm and kustomize and helm.value is not None and kustomize.value is not None:
            later = max(helm, kustomize, key=lambda node: node.key_line)
            what = f"component '{component.name}' has both helm and kustomize"
            yield finding("CB038", key_place(component.file, later), what, "remove one of them")


def broken_manifests(scope: Scope) -> Iterator[Finding]:
    """Yield CB056 for each manifest that is no template; a function that others use and we lack is a warning."""
    for file in sorted(scope.sources):
        if "/manifests/" in scope.paths[file]:
            try:
                parse(scope.sources[file].text, file)
            except BrokenTemplate as error:
                found = finding("CB056", Place(file, error.line, error.column), error.what, error.hint)
                foreign = isinstance(error, UnknownFunction) and not scope.ours(file)
                yield found._replace(severity="warning") if foreign else found


def enabled_switches(scope: Scope) -> Iterator[Finding]:
    """Yield CB055 for each `enabled` that is neither true nor false, which leaves the component on.

    Source: reference row R39.
    """
    for part in scope.parts:
        switch = part.node.get("overrides", "enabled")
        if switch is not None and not isinstance(switch.value, bool):
            what = f"{part.said.name}.enabled is not true or false, so the component stays on"
            yield finding("CB055", place(part.layer.file, switch), what, "write true or false, without quotes")
