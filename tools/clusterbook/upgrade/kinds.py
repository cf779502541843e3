"""Kinds: the custom resource definitions that an upgrade brings, changes or leaves, and who moves each.

What a chart brings is known from its proof alone. Where there is none, nobody knows, and that is what is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clusterbook.records import Any, NamedTuple

COMES, CHANGES, STAYS, GOES, TAKEN, PERHAPS = "comes", "changes", "stays", "goes", "taken over", "may change"
MOVERS = {
    "crds": {
        "helm": "deploy.sh applies it on the server, before the release",
        "helmfile": "helmfile's hook applies it on the server, before the release",
        "argocd": "Argo CD applies it with the Application",
        "argocd-helm": "Argo CD applies it with the Application",
        "flux": "Flux makes or replaces it (CreateReplace)",
    },
    "templates": {
        "helm": "Helm, with the release",
        "helmfile": "Helm, with the release",
        "argocd": "Argo CD, with the Application",
        "argocd-helm": "Argo CD, with the Application",
        "flux": "Flux, with the HelmRelease",
    },
}
DELETED = "the release deletes it, with all its objects"
_HOOK = "a hook of the chart applies it"


class ChartKind(NamedTuple):
    """A kind that a chart brings: its name, the versions it serves, and where it lies in the chart."""

    name: str
    versions: tuple[str, ...]
    where: str


class KindStep(NamedTuple):
    """What becomes of one kind, who does it, and which served versions are lost, so that objects of them are."""

    name: str
    change: str
    how: str = ""
    lost: tuple[str, ...] = ()


Kinds = Mapping[str, ChartKind]


def read_kinds(facts: Mapping[str, Sequence[Mapping[str, Any]]]) -> Kinds:
    """Return the kinds among the facts of a proof, by name."""
    return {
        str(each["name"]): ChartKind(str(each["name"]), tuple(map(str, each["versions"])), str(each["where"]))
        for each in facts.get("kinds") or ()
    }


def kind_steps(before: Kinds | None, after: Kinds | None, deployer: str, *, same_chart: bool) -> tuple[KindStep, ...]:
    """Return what becomes of the kinds of a chart; None stands for kinds that nobody knows.

    Args:
        before: those of the old chart.
        after: those of the new chart.
        deployer: who installs it.
        same_chart: whether both sides are one chart in one version, so that a kind is as it was.
    """
    if after is None:
        return ()
    found = []
    for name, kind in sorted(after.items()):
        how = MOVERS[kind.where][deployer] if kind.where in MOVERS else _HOOK
        change, lost = _change(None if before is None else before.get(name), kind, same_chart=same_chart)
        change = COMES if before is not None and name not in before else change
        found += [KindStep(name, change, how, lost)] if change != STAYS else []
    for name in sorted((before or {}).keys() - after.keys()):
        kept = (before or {})[name].where != "templates"
        how = "it stays with its objects, without a controller" if kept else DELETED
        found.append(KindStep(name, GOES, how))
    return tuple(found)


def _change(known: ChartKind | None, kind: ChartKind, *, same_chart: bool) -> tuple[str, tuple[str, ...]]:
    """Return what becomes of a kind, and which served versions are lost."""
    if same_chart:
        return STAYS, ()
    if known is None or known == kind:  # a schema may change where the versions do not
        return PERHAPS, ()
    return CHANGES, tuple(each for each in known.versions if each not in kind.versions)
