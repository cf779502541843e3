"""Reachability: what no query reaches, what nothing uses, and what is used but nobody watches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clusterbook.catalog.criteria import DIMENSIONS, Criteria
from clusterbook.catalog.layers import Layer
from clusterbook.catalog.tree import CRITERIA
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import did_you_mean
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.lint.references import named_files
from clusterbook.lint.scope import Scope, key_place, place

UNKNOWN_CRITERIA_VALUE = Code(
    "CB033",
    "unknown criteria value",
    "error",
    "The overlay claims a value that queries cannot use, so it is never selected.",
    "Correct the spelling, or add the value to criteria.yaml.",
)
UNREACHABLE_OVERLAY = Code(
    "CB042",
    "overlay that is never selected",
    "warning",
    "No query matches it and no overlay builds on it, so it is in no recipe.",
    "Give it `criteria`, build on it, or remove it.",
)
NO_HEALTH_CHECK = Code(
    "CB048",
    "no health check",
    "warning",
    "Whether this component works once deployed cannot be checked.",
    "Add checks/<component>/health-check.yaml and name it under `healthCheck.assertFile`.",
)
UNUSED_FILE = Code(
    "CB052",
    "unused file",
    "warning",
    "It is maintained, reviewed and shipped, but is not part of any recipe.",
    "Refer to it where it belongs, give it a name that is read (overlays and mixins end in .yaml), or remove it.",
)
DUPLICATE_CRITERIA = Code(
    "CB054",
    "two overlays claim the same criteria",
    "warning",
    "Every query that one of them matches also matches the other, and alphabetical order decides which is merged last.",
    "Merge the two, build one on the other, or claim what sets them apart; or say `# allow CB054: reason`.",
)

OTHER_CRITERIA = Code(
    "CB075",
    "overlay for other criteria than its base",
    "warning",
    "It inherits what was written for another service, accelerator, intent, OS or platform, or queries that leave open "
    "what its base is for select it.",
    "Claim what the base claims and more, or build on another overlay; or say `# allow CB075: reason`.",
)


def missing_health_checks(scope: Scope) -> Iterator[Finding]:
    """Yield CB048 for each component whose health nobody can tell. Source: reference row F10."""
    uses: dict[str, bool] = {}
    for component in scope.components:
        watched = bool(component.word("healthCheckAsserts")) or "healthCheckSkip" in component.sticky
        uses[component.name] = uses.get(component.name, True) and (watched or not component.enabled)
    for entry in scope.catalog.components.values():
        if not entry.assert_file and not uses.get(entry.name, False):
            hint = f"add checks/{entry.name}/health-check.yaml and 'healthCheck: {{assertFile: …}}'"
            where = place(entry.file, entry.node.get("name") or entry.node)
            yield NO_HEALTH_CHECK.finding(where, f"component '{entry.name}' has no health check", hint)


def unused_files(scope: Scope) -> Iterator[Finding]:
    """Yield CB052 for each values file, manifest, health check and mixin that no recipe takes in."""
    used = {path for _, path in named_files(scope)}
    with_values = {ref.component.name for ref in scope.component_refs if "valuesFile" in ref.component.words}
    for path, source in scope.catalog.tree.files.items():
        folder = path.split("/")
        if path in used or folder[0] not in ("components", "checks") or not path.endswith((".yaml", ".yml")):
            continue
        own_values = path in scope.catalog.values
        if own_values and folder[2:] == ["values.yaml"] and folder[1] in with_values:
            continue
        if own_values or "manifests" in folder or folder[0] == "checks":
            yield UNUSED_FILE.finding(
                Place(source.file, 1, 1), f"{path} is not used", _hint(path, own_values=own_values)
            )
    named = {str(origin.value) for layer in scope.catalog.layers for origin in layer.mixins}
    for name, layer in scope.catalog.mixins.items():
        if name not in named:
            yield UNUSED_FILE.finding(
                layer.place, f"no overlay names the mixin '{name}'", "name it under spec.mixins, or remove it"
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
            f"{target} exists as well; remove one of them"
            if target in scope.catalog.tree.files
            else f"rename it to {target}"
        )
        yield UNUSED_FILE.finding(Place(source.file, 1, 1), f"{path} is not read", hint)


def _hint(path: str, *, own_values: bool) -> str:
    """Return what would use the file."""
    if own_values:
        return f"write 'valuesFile: {path}' in a layer, or remove it"
    if path.startswith("checks/"):
        return f"write 'assertFile: {path}' in registry.yaml, or remove it"
    return "name it under manifestFiles, or remove it"


def unknown_criteria_values(scope: Scope) -> Iterator[Finding]:
    """Yield CB033 for each claimed value that our criteria file does not have; private trees may claim more (R7)."""
    vocabulary = scope.catalog.vocabulary
    if CRITERIA not in scope.catalog.tree.files:
        return
    for layer in scope.catalog.layers:
        for name, value in layer.criteria.specified().items() if layer.criteria and scope.ours(layer.file) else ():
            node = layer.node.get("spec", "criteria", name)
            values = vocabulary.known.get(name, ())
            if node is None or name not in DIMENSIONS or value in values:
                continue
            alias = vocabulary.aliases.get(name, {}).get(str(value))
            hint = f"write '{alias}'" if alias else _known_hint(str(value), values)
            yield UNKNOWN_CRITERIA_VALUE.finding(
                place(layer.file, node), f"{name} '{value}' is not in {CRITERIA}", hint
            )


def _known_hint(value: str, values: Sequence[str]) -> str:
    """Return which value was probably meant, and where another one is added."""
    hint = did_you_mean(value, values) if values else ""
    return f"{hint}{' Or' if hint.endswith('?') else '; or' if hint else ''} add it to {CRITERIA}".strip()


def other_criteria(scope: Scope) -> Iterator[Finding]:
    """Yield CB075 for each overlay of ours whose criteria are not those of its base and more."""
    for name in sorted(scope.catalog.overlays):
        layer = scope.catalog.overlays[name]
        base = scope.catalog.overlays.get(layer.base)
        if base is None or base.criteria is None or layer.criteria is None or not scope.strict(layer.file):
            continue
        if layer in scope.catalog.chain(layer.base):  # a circle, which is found as one
            continue
        said, above = layer.criteria.specified(), base.criteria.specified()
        for dimension, value in above.items():
            if said.get(dimension) == value:
                continue
            own = f"is for {said[dimension]}" if dimension in said else "leaves it open"
            what = f"{base.name} is for {dimension} {value}, and {name} {own}"
            near = _covering(scope, layer.criteria, name)
            hint = f"write {dimension}: {value}" if dimension not in said else f"build on {near}"
            node = layer.node.get("spec", "base") or layer.node
            yield OTHER_CRITERIA.finding(place(layer.file, node), what, hint)
            break


def _covering(scope: Scope, criteria: Criteria, name: str) -> str:
    """Return the most specific other overlay whose criteria an overlay may build on."""
    found = [
        (-each.criteria.specificity(), each.name)
        for each in scope.catalog.overlays.values()
        if each.criteria is not None and each.name != name and each.criteria.covers(criteria)
    ]
    return min(found)[1] if found else "base"


def duplicate_criteria(scope: Scope) -> Iterator[Finding]:
    """Yield CB054 for each overlay of ours that claims just what one before it does, neither built on the other."""
    claims: dict[Criteria, list[Layer]] = {}
    for layer in sorted(scope.catalog.overlays.values(), key=lambda layer: layer.file):
        if not layer.criteria or not layer.criteria.specificity() or not scope.ours(layer.file):
            continue
        chain = scope.catalog.chain(layer.name)
        before = claims.setdefault(layer.criteria, [])
        rival = next((one for one in before if one not in chain and layer not in scope.catalog.chain(one.name)), None)
        if rival:
            what = (
                f"'{layer.name}' claims the same criteria as '{rival.name}' ({rival.file}): {layer.criteria.sentence()}"
            )
            hint = (
                f"merge the two, build one on the other, or claim what sets '{layer.name}' apart; "
                "or say why with '# allow CB054: reason'"
            )
            yield DUPLICATE_CRITERIA.finding(
                key_place(layer.file, layer.node.get("spec", "criteria") or layer.node), what, hint
            )
        before.append(layer)


def unreachable_overlays(scope: Scope) -> Iterator[Finding]:
    """Yield CB042 for each overlay that no query selects and no selected overlay builds on."""
    overlays = scope.catalog.overlays
    claimed = [name for name, layer in overlays.items() if layer.criteria is not None]
    reached = {layer.name for name in claimed for layer in scope.catalog.chain(name)}
    for name, layer in overlays.items():
        if name not in reached:
            what = f"'{name}' has no criteria, and no selected overlay builds on it"
            yield UNREACHABLE_OVERLAY.finding(
                layer.place, what, "add 'criteria:' below spec, build on it, or remove the file"
            )
