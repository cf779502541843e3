"""Proofs: what renders of charts show and the tree does not say, and proofs that are stale or missing."""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.catalog.proofs import BrokenProof, path_of
from clusterbook.catalog.values import Origin
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.lint.scope import Scope
from clusterbook.resolve.component import Component
from clusterbook.resolve.floor import floor, origin_of
from clusterbook.resolve.proof import Proofs, subject_of

STALE = Code(
    "CB067",
    "stale proof",
    "warning",
    "A proof covers one chart, its values and its manifests; once they change, it no longer applies.",
    "Type `clusterbook-build prove`; it renders again what is stale, and nothing else.",
)
UNPROVEN = Code(
    "CB070",
    "unproven values",
    "warning",
    "The chart was never rendered with these values, so it is not known whether each of them has an effect.",
    "Type `clusterbook-build prove --charts FOLDER`, with the chart in FOLDER; existing proofs are kept.",
)
REFUSED_FLOOR = Code(
    "CB072",
    "version floor that a chart refuses",
    "error",
    "The recipe allows this version, but helm installs the chart only on newer ones.",
    "Raise the floor to what the chart requires (see the message), or pin a chart that supports the older version.",
)
UNSAID_FACT = Code(
    "CB068",
    "fact that is missing in the registry",
    "warning",
    "Bundles rely on the registry: without the fact, a Secret that an operator fills would be emptied by the "
    "next deployment, or pods that need a privileged namespace would never start.",
    "Add it to the component's entry in registry.yaml, or set values that make it unnecessary.",
)


def undeclared_facts(scope: Scope) -> Iterator[Finding]:
    """Yield CB068 for each component whose renders show what bundles have to know and its entry does not say."""
    proofs = Proofs(scope.catalog)
    for entry in scope.catalog.components.values():
        try:
            renders = proofs.file(entry.name).values()
        except BrokenProof:
            continue
        facts = [fact for proof in renders for kind in _SECRETS for fact in proof.facts.get(kind, ())]
        names = {str(fact["object"]).removeprefix("Secret/") for fact in facts if fact["object"].startswith("Secret/")}
        node = entry.node.get("ownedSecrets")
        said = {each.string() for each in node.elements()} if node else set()
        place = Place(entry.file, entry.node.line, entry.node.column)
        for name in sorted(names - said):
            what = f"the chart of {entry.name} writes the Secret {name} empty, or regenerates it each time"
            yield UNSAID_FACT.finding(place, what, f"add 'ownedSecrets: [{name}]' with a '# why:'")
        levels = {fact["level"] for proof in renders for fact in proof.facts.get("podSecurity", ())}
        namespace = entry.node.get("helm", "defaultNamespace")
        exempt = namespace is not None and namespace.string().startswith("kube-")
        if "privileged" in levels and not entry.node.get("podSecurity") and not exempt:
            what = f"pods of the chart of {entry.name} start in privileged namespaces only"
            yield UNSAID_FACT.finding(place, what, "add 'podSecurity: privileged' with a '# why:'")


_SECRETS = ("owned", "unstable")
"""Facts about what a chart writes into Secrets and somebody else owns."""


def stale(scope: Scope) -> Iterator[Finding]:
    """Yield CB067 for each file of proofs that speaks of values, charts or manifests as they no longer are."""
    needed: dict[str, set[str]] = {}
    for component in scope.components:
        if component.enabled:
            needed.setdefault(component.name, set()).add(subject_of(scope.catalog, component).key())
    proofs = Proofs(scope.catalog)
    for path, source in scope.catalog.tree.files.items():
        name = path.split("/")[1] if path.count("/") == 2 else ""
        if not name or path != path_of(name):
            continue
        place = Place(source.file, 1, 1)
        try:
            left = proofs.file(name).keys() - needed.get(name, set())
        except BrokenProof as error:
            yield STALE.finding(place, error.what, error.hint)
            continue
        if left:
            what = f"{len(left)} of {len(proofs.file(name))} proofs are for values that no recipe has any more"
            yield STALE.finding(place, what, "type clusterbook-build prove --charts FOLDER")


def unproven(scope: Scope) -> Iterator[Finding]:
    """Yield CB070 for each component that has values without a proof, in a tree that has proofs.

    Trees that lie over another are left out: the proofs are the other's, and so is the folder that they are written to.
    """
    files = scope.catalog.tree.files
    if not any(path_of(name) in files for name in scope.catalog.components) or any(
        source.external for source in scope.sources.values()
    ):
        return
    needed: dict[str, set[str]] = {}
    for component in scope.components:
        if component.enabled and component.word("type") == "Helm":
            needed.setdefault(component.name, set()).add(subject_of(scope.catalog, component).key())
    proofs = Proofs(scope.catalog)
    for name, keys in needed.items():
        try:
            known = proofs.file(name)
        except BrokenProof:
            continue  # which is a finding already
        proven = {key for key in keys if key in known and not known[key].refusal}
        entry = scope.catalog.components.get(name)
        if entry is not None and keys - proven:
            what = f"{len(keys - proven)} of {len(keys)} sets of values of {name} are unproven"
            place = Place(entry.file, entry.node.line, entry.node.column)
            yield UNPROVEN.finding(place, what, "type clusterbook-build prove --charts FOLDER")


def refused_floors(scope: Scope) -> Iterator[Finding]:
    """Yield CB072 for each floor of recipes that the chart of a component refuses, once for each component."""
    proofs = Proofs(scope.catalog)
    refusals: dict[int, dict[str, str]] = {}
    found: dict[tuple[Place, str], Finding] = {}
    for slug, recipe in scope.recipes.items():
        origin, version = origin_of(recipe), floor(recipe)
        for component in recipe.components if origin else ():
            if id(component) not in refusals:
                refusals[id(component)] = _refusals(proofs, component)
            why = refusals[id(component)].get(version)
            if why and origin:
                found.setdefault((origin.place, component.name), _refused_floor(origin, slug, component.name, why))
    yield from found.values()


def _refusals(proofs: Proofs, component: Component) -> dict[str, str]:
    """Return which versions of Kubernetes the chart of a component refuses, and in which words."""
    try:
        proof = proofs.of(component) if component.enabled else None
    except BrokenProof:
        return {}  # which is a finding already
    facts = proof.facts.get("kubernetes", ()) if proof else ()
    return {str(each["refused"]): str(each["why"]) for each in facts if "refused" in each}


def _refused_floor(origin: Origin, slug: str, component: str, why: str) -> Finding:
    what = f"'{origin.value.get('value', '')}' of {slug} allows a version that the chart of {component} refuses: {why}"
    return REFUSED_FLOOR.finding(origin.place, what, "raise the floor to what the chart requires")
