"""Handovers: what a bundle calls otherwise than older ones did, and what to type where a deployer does not see to it.

deploy.sh hands objects over by itself. With every other deployer somebody does, in the words that stand here: a README
and the plan of an upgrade say the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.bundle.folders import Folder, Plan
from clusterbook.records import NamedTuple


class FormerRelease(NamedTuple):
    """A release, and what it was called in older bundles."""

    release: str
    namespace: str
    former: str


class FormerKinds(NamedTuple):
    """A release that brings a group of kinds, and the component that brought them in older bundles."""

    release: str
    namespace: str
    group: str
    former: str


def former_releases(plan: Plan) -> list[FormerRelease]:
    """Return the releases that were called otherwise in older bundles."""
    return [
        FormerRelease(folder.name, folder.namespace, f"{former}{folder.name.removeprefix(folder.component)}")
        for folder in plan.folders
        for former in folder.part.facts.get("renamedFrom") or ()
    ]


def former_kinds(plan: Plan) -> list[FormerKinds]:
    """Return the groups of kinds that came with another component in older bundles."""
    groups = {folder.component: folder.part.facts.get("crdGroups") or () for folder in plan.folders}
    return [
        FormerKinds(folder.name, folder.namespace, group, former)
        for folder in main_folders(plan)
        for former in folder.part.facts.get("takesOver") or ()
        for group in groups.get(former, ())
    ]


def main_folders(plan: Plan) -> list[Folder]:
    """Return the folders that stand for their components."""
    return [folder for folder in plan.folders if folder.phase == "main"]


def how_to_rename(former: str, release: str, namespace: str, deployer: str) -> tuple[str, ...]:
    """Return what to do before a release gets the objects that it had under another name; () where nobody has to."""
    space = f"--namespace {namespace}"
    if deployer == "helm":
        return ()
    if deployer == "flux":
        return (f"set spec.releaseName: {former} in its HelmRelease, or let Flux remove the old one before",)
    if deployer.startswith("argocd"):
        patch = """'[{"op":"remove","path":"/metadata/finalizers"}]'"""
        unhook = f"kubectl patch application {former} --type json -p {patch}"
        return (f"delete the old one without its objects: {unhook}, then kubectl delete application {former}",)
    return (
        f"helm get manifest {former} {space} | kubectl get {space} -f - -o name --ignore-not-found |"
        f" xargs -I NAME {_give(f'NAME {space}', release, namespace)}",
        "delete its workloads, whose selectors bear the old name:"
        f" kubectl delete deployment,daemonset,statefulset {space} -l app.kubernetes.io/instance={former}",
        "install it",
        f"then forget the old one: kubectl delete secret {space} -l owner=helm,name={former}",
    )


def how_to_take_over(release: str, namespace: str, deployer: str) -> str:
    """Return what to do before a release takes over the kinds of another; "" where nobody has to."""
    if deployer == "helm" or deployer.startswith("argocd"):
        return ""
    label = "kubectl label crd NAME ... --overwrite app.kubernetes.io/managed-by=Helm"
    return f"give them to it before it is installed: {_give('crd NAME ...', release, namespace)}; {label}"


def how_to_remove(release: str, namespace: str, deployer: str) -> str:
    """Return how a release is removed that is no longer part of a bundle."""
    if deployer == "flux":
        return "with prune: true its HelmRelease goes from the bundle, and Flux uninstalls it"
    uninstall = how_to_uninstall(release, namespace, deployer)
    if deployer.startswith("argocd"):
        return f"{uninstall}; pruned without its finalizer, its objects stay"
    return f"{uninstall}, once all else is installed"


def how_to_uninstall(release: str, namespace: str, deployer: str) -> str:
    """Return the command that uninstalls a release; "" where the deployer does it when the release moves.

    Source: Flux, HelmRelease, target namespace: the old release is uninstalled before the new one is installed.
    """
    if deployer == "flux":
        return ""
    if deployer.startswith("argocd"):
        return f"argocd app delete {release} --cascade"
    return f"helm uninstall {release} --namespace {namespace}"


def _give(what: str, release: str, namespace: str) -> str:
    """Return the command that makes a release the owner of objects. Source: Helm, adopting existing resources."""
    owner = f"meta.helm.sh/release-name={release} meta.helm.sh/release-namespace={namespace}"
    return f"kubectl annotate {what} --overwrite {owner}"


_GONE = {
    "helmfile": "A release that this bundle no longer has stays: `helm uninstall` it, once all else is installed.",
    "flux": (
        "A release that this bundle no longer has is uninstalled when its HelmRelease goes, which is as soon as Flux"
        " has read the new bundle; kinds (CRDs) that lie in `crds/` of its chart stay, those among its templates go"
        " with it."
    ),
    "argocd": (
        "An Application that this bundle no longer has is pruned by its parent, once all waves are Healthy. What it"
        " installed goes with it where it has the finalizer `resources-finalizer.argocd.argoproj.io`, which"
        " `--set deployer:cascadeDelete=true` gives it, and stays otherwise."
    ),
}
_ORDER = {
    "helmfile": "`helmfile diff` shows what changes, `helmfile apply` does it, level by level.",
    "flux": "Commit or push the bundle: each release follows when those that it needs are ready.",
    "argocd": "Commit or push the bundle: Argo CD follows wave by wave.",
}


def upgrade_section(plan: Plan, deployer: str) -> str:
    """Return the part of a README that says how an older bundle becomes this one."""
    family = "argocd" if deployer.startswith("argocd") else deployer
    lines = ["## Upgrade", "", f"`clusterbook upgrade plan OLD NEW` says beforehand what needs you. {_ORDER[family]}"]
    lines += ["", _GONE[family], *_renames(plan, deployer), *_moves(plan, deployer)]
    return "\n".join(lines)


def _renames(plan: Plan, deployer: str) -> Iterator[str]:
    """Yield the lines about releases that were called otherwise."""
    found = former_releases(plan)
    if found:
        yield from ("", "Some releases had another name. Where the cluster has one of them, do this before:")
    for release, namespace, former in found:
        yield from ("", f"- `{former}` is `{release}` now:", "")
        yield from (f"      {step}" for step in how_to_rename(former, release, namespace, deployer))


def _moves(plan: Plan, deployer: str) -> Iterator[str]:
    """Yield the lines about kinds that came with another release."""
    groups: dict[FormerRelease, list[str]] = {}
    for release, namespace, group, former in former_kinds(plan):
        groups.setdefault(FormerRelease(release, namespace, former), []).append(group)
    for (release, namespace, former), names in groups.items():
        how = how_to_take_over(release, namespace, deployer)
        which = ", ".join(f"`{name}`" for name in names)
        yield from ("", f"Kinds of {which} came with `{former}`, and come with `{release}` now:", "")
        yield f"      {how}" if how else "Argo CD hands them over when it applies them."
