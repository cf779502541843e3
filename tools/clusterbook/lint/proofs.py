"""Proofs: values that a chart was seen to ignore or to refuse, and proofs of what the tree no longer says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from clusterbook.catalog.proofs import DEAD, REFUSED, BrokenProof, Effect, path_of
from clusterbook.catalog.values import walk
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.lint.scope import Scope
from clusterbook.resolve.component import Component
from clusterbook.resolve.document import escape
from clusterbook.resolve.proof import Proofs, subject_of

INEFFECTIVE = Code(
    "CB065",
    "value that changes nothing",
    "warning",
    "The chart was rendered with it and without it, and both are the same: the setting looks tuned and is not.",
    "Write the key that the chart has, which the hint names where one is near, or remove the value.",
)
REFUSED_VALUE = Code(
    "CB066",
    "value that the chart refuses",
    "error",
    "Helm renders nothing with it, so the recipe cannot be deployed.",
    "Correct the value; what helm said is part of the message.",
)
STALE = Code(
    "CB067",
    "stale proof",
    "warning",
    "A proof is about one chart, its values and its manifests; once they change, it says nothing about them.",
    "Type `clusterbook-build prove`; it renders again what is stale, and nothing else.",
)
UNSAID_FACT = Code(
    "CB068",
    "fact that the registry does not say",
    "warning",
    "Bundles are made from what the registry says: a Secret that an operator fills would be emptied by the next "
    "deployment, and pods that need a privileged namespace would never start in another.",
    "Add it to the component's entry in registry.yaml, or to its values what takes the reason away.",
)


class _ValueEffect(NamedTuple):
    """One value in one proven component: what it is called, what it does there, and in which chart."""

    path: str
    effect: Effect
    chart: str
    component: str


def ineffective(scope: Scope) -> Iterator[Finding]:
    """Yield CB065 for each value that does nothing wherever it is proven, CB066 for each that a chart refuses."""
    seen: dict[Place, list[_ValueEffect]] = {}
    for place, value in _values(scope):
        seen.setdefault(place, []).append(value)
    for place, values in seen.items():
        refused = next((each for each in values if each.effect.effect == REFUSED), None)
        if refused is not None:
            what = f"{refused.chart} refuses '{refused.path}': {refused.effect.why}"
            yield REFUSED_VALUE.finding(place, what, "correct the value; helm's words name what it may be")
        elif all(each.effect.effect == DEAD for each in values):
            first = values[0]
            yield INEFFECTIVE.finding(place, f"'{first.path}' changes nothing: {_why(first)}", _hint(first.effect))


def _why(value: _ValueEffect) -> str:
    return value.effect.why.replace("the chart", value.chart, 1) if value.chart else value.effect.why


def _hint(effect: Effect) -> str:
    if effect.near:
        return f"did you mean '{_dotted(effect.near)}'? else remove it"
    if effect.switch:
        return f"turn '{_dotted(effect.switch)}', or remove it"
    return "remove it, or write the value that does what was meant"


def _dotted(pointer: str) -> str:
    return pointer[1:].replace("/", ".").replace("~1", "/").replace("~0", "~")


def _values(scope: Scope) -> Iterator[tuple[Place, _ValueEffect]]:
    """Yield each proven value of each component with the place of the layer that won."""
    proofs = Proofs(scope.catalog)
    for component in scope.components:
        try:
            proof = proofs.of(component) if component.enabled else None
        except BrokenProof:
            continue
        for path, origins in walk(component.values) if proof is not None else ():
            pointer = "".join(f"/{escape(key)}" for key in path)
            effect = proof.effects.get(pointer) if proof else None
            if effect is not None and len(origins) == 1:  # else it keeps a broader layer's value out
                yield origins[-1].place, _ValueEffect(".".join(path), effect, _chart(component), component.name)


def _chart(component: Component) -> str:
    return f"{component.word('chart')} {component.word('version')}" if component.word("source") else ""


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
            what = f"the chart of {entry.name} writes the Secret {name} empty, or anew each time"
            yield UNSAID_FACT.finding(place, what, f"add 'ownedSecrets: [{name}]' with its why")
        levels = {fact["level"] for proof in renders for fact in proof.facts.get("podSecurity", ())}
        namespace = entry.node.get("helm", "defaultNamespace")
        exempt = namespace is not None and namespace.string().startswith("kube-")
        if "privileged" in levels and not entry.node.get("podSecurity") and not exempt:
            what = f"pods of the chart of {entry.name} start in privileged namespaces only"
            yield UNSAID_FACT.finding(place, what, "add 'podSecurity: privileged' with its why")


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
            what = f"{len(left)} of {len(proofs.file(name))} proofs are about what no recipe says any more"
            yield STALE.finding(place, what, "type clusterbook-build prove --charts FOLDER")
