"""Components: whether each has one name and one way to be deployed, a real switch, and manifests that are templates."""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.catalog.images import NAME_MISMATCH
from clusterbook.catalog.load import BASE
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.gotemplate import BrokenTemplate, UnknownFunction, parse
from clusterbook.lint.scope import Scope, below, key_place, place

AMBIGUOUS_KEY = Code(
    "CB036",
    "ambiguous override key",
    "error",
    "`--set KEY:…` would address two components, or the deployer.",
    "Choose a key that no other component and no component name uses.",
)
REPEATED_COMPONENT = Code(
    "CB037",
    "component listed twice",
    "error",
    "Two entries for one component in one overlay merge in file order, which is easy to miss.",
    "Merge the two entries.",
)
HELM_AND_KUSTOMIZE = Code(
    "CB038",
    "Helm and Kustomize at once",
    "error",
    "A component is deployed one way; the other half of its entry would be ignored.",
    "Keep one of `helm` and `kustomize`.",
)
NO_SWITCH = Code(
    "CB055",
    "switch without effect",
    "warning",
    "Only a boolean `false` disables a component; any other value silently leaves it enabled.",
    "Write `enabled: true` or `enabled: false`, without quotes.",
)
BROKEN_MANIFEST = Code(
    "CB056",
    "manifest that is not a valid template",
    "error",
    "Manifests are rendered into bundles; with one that cannot be parsed no bundle can be made. In trees of "
    "others, a function that exists only in Helm is a warning.",
    "Correct it at the place named; a function that is missing here can often be replaced by a value of the component.",
)
IDLE_FIELD = Code(
    "CB073",
    "registry field without effect",
    "warning",
    "AICR acts on it and Clusterbook does not, so it would be silently ignored.",
    "Do what the hint names instead; in a tree that AICR reads as well the field may stay.",
)
_IDLE = {
    ("class",): ("bundles are always complete", "leave components out with bundle --set COMPONENT:enabled=false"),
}
"""Why a field of the registry has no effect, and what to do instead, by its keys."""


def file_names(scope: Scope) -> Iterator[Finding]:
    """Yield CB035 for each overlay and mixin that is not called as its file is."""
    for path, file, document in scope.documents:
        stem = path.rpartition("/")[2].removesuffix(".yaml")
        title = document.get("metadata", "name") if path.startswith(("overlays/", "mixins/")) else None
        if title and title.string() != stem:
            hint = (
                "write 'name: base'"
                if stem == BASE
                else f"rename the file to {title.string()}.yaml, or write 'name: {stem}'"
            )
            yield NAME_MISMATCH.finding(place(file, title), f"'{title.string()}' stands in {stem}.yaml", hint)


def override_keys(scope: Scope) -> Iterator[Finding]:
    """Yield CB036 for each key of `--set` that could mean something else. Source: reference row F3."""
    components = scope.catalog.components
    owner: dict[str, str] = {}
    for component in components.values():
        for node in below(component.node, "valueOverrideKeys"):
            key = node.string()
            what = ""
            if key == "deployer":
                what = "'deployer' is reserved for the deployer"
            elif key in components and key != component.name:
                what = f"'{key}' is the name of another component"
            elif owner.setdefault(key, component.name) != component.name:
                what = f"'{key}' is already a key of '{owner[key]}'"
            if what:
                where = place(component.file, node)
                yield AMBIGUOUS_KEY.finding(where, what, "choose a key that is not used elsewhere")


def repeated_components(scope: Scope) -> Iterator[Finding]:
    """Yield CB037 for each component that is given twice in one layer."""
    seen: dict[tuple[int, str], int] = {}
    for ref in scope.component_refs:
        key = (id(ref.layer), ref.component.name)
        if key in seen:
            what = f"component '{ref.component.name}' is given twice"
            yield REPEATED_COMPONENT.finding(ref.place("name"), what, f"merge it into the entry on line {seen[key]}")
        seen.setdefault(key, ref.node.line)


def helm_and_kustomize(scope: Scope) -> Iterator[Finding]:
    """Yield CB038 for each registry entry that is Helm and Kustomize. Source: reference row F4."""
    for component in scope.catalog.components.values():
        helm, kustomize = component.node.get("helm"), component.node.get("kustomize")
        if helm and kustomize and helm.value is not None and kustomize.value is not None:
            later = max(helm, kustomize, key=lambda node: node.key_line)
            what = f"component '{component.name}' has both helm and kustomize"
            yield HELM_AND_KUSTOMIZE.finding(key_place(component.file, later), what, "remove one of them")


def broken_manifests(scope: Scope) -> Iterator[Finding]:
    """Yield CB056 for each manifest that is not a valid template; a function of others that we lack: a warning."""
    for file in sorted(scope.sources):
        if "/manifests/" in scope.paths[file]:
            try:
                parse(scope.sources[file].text, file)
            except BrokenTemplate as error:
                problem = BROKEN_MANIFEST.finding(Place(file, error.line, error.column), error.what, error.hint)
                foreign = isinstance(error, UnknownFunction) and not scope.ours(file)
                yield problem._replace(severity="warning") if foreign else problem


def enabled_switches(scope: Scope) -> Iterator[Finding]:
    """Yield CB055 for each `enabled` that is neither true nor false, which leaves the component on.

    Source: reference row R39.
    """
    for ref in scope.component_refs:
        switch = ref.node.get("overrides", "enabled")
        if switch is not None and not isinstance(switch.value, bool):
            what = f"{ref.component.name}.enabled is not true or false, so the component stays enabled"
            yield NO_SWITCH.finding(place(ref.layer.file, switch), what, "write true or false, without quotes")


def idle_fields(scope: Scope) -> Iterator[Finding]:
    """Yield CB073 for each field of the registry that the reference acts on and we do not."""
    for entry in scope.catalog.components.values():
        for keys, (what, hint) in _IDLE.items():
            node = entry.node.get(*keys)
            if node is not None and node.string() not in ("", "false", "core"):
                yield IDLE_FIELD.finding(key_place(entry.file, node), f"{'.'.join(keys)} changes nothing: {what}", hint)
