"""Instructions: what an upgrade asks of you where the deployer does not do it by itself, in that deployer's words."""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.transition.record import BLOCKED, MANUAL
from clusterbook.upgrade.note import UpgradeNote
from clusterbook.upgrade.side import PlacedRelease
from clusterbook.upgrade.verdict import StepVerdict


def gone(release: PlacedRelease, deployer: str) -> UpgradeNote:
    """Return how a release is removed that is no longer part of the bundle."""
    by_hand = f"helm uninstall {release.name} --namespace {release.namespace}, once all else is installed"
    argocd = f"argocd app delete {release.name} --cascade; pruned without its finalizer, its objects stay"
    flux = "with prune: true its HelmRelease goes from the bundle, and Flux uninstalls it"
    do = {"argocd": argocd, "argocd-helm": argocd, "flux": flux}.get(deployer, by_hand)
    return UpgradeNote("goes", "it is no longer part of the bundle", do, needs_you=deployer != "flux")


def taken_over(release: PlacedRelease, former: str, deployer: str) -> UpgradeNote:
    """Return what a release is told of that takes over the kinds of another component."""
    text = f"it takes over kinds that {former} brought"
    if deployer.startswith("argocd"):
        return UpgradeNote("kinds", f"{text}; Argo CD takes them over when it applies them")
    if deployer == "helm":
        return UpgradeNote("kinds", f"{text}; deploy.sh gives them to this release, so that Helm accepts them")
    label = "kubectl label crd NAME ... --overwrite app.kubernetes.io/managed-by=Helm"
    do = f"give them to it before it is installed: {_give('crd NAME ...', release)}; {label}"
    return UpgradeNote("kinds", f"{text}, and Helm refuses what it did not make", do, needs_you=True)


def _give(what: str, release: PlacedRelease) -> str:
    """Return the command that makes a release the owner of objects. Source: Helm, adopting existing resources."""
    owner = f"meta.helm.sh/release-name={release.name} meta.helm.sh/release-namespace={release.namespace}"
    return f"kubectl annotate {what} --overwrite {owner}"


def renamed(before: PlacedRelease, after: PlacedRelease, deployer: str) -> UpgradeNote:
    """Return how a release gets the objects that it had under another name."""
    if deployer == "helm":
        anew = "workloads whose selectors have the old name are made anew"
        given = f"deploy.sh gives it the objects of the old one; {anew}"
        return UpgradeNote("renamed", f"release {before.name} becomes {after.name}; {given}")
    text = f"release {before.name} becomes {after.name}, and Helm refuses objects of another release"
    space = f"--namespace {before.namespace}"
    if deployer == "flux":
        do = f"set spec.releaseName: {before.name} in its HelmRelease, or let Flux remove the old one before"
    elif deployer.startswith("argocd"):
        text = f"Application {before.name} becomes {after.name}"
        do = (
            f"delete the old one without its objects: kubectl patch application {before.name} --type json"
            """ -p '[{"op":"remove","path":"/metadata/finalizers"}]', then kubectl delete application """ + before.name
        )
    else:
        do = (
            f"helm get manifest {before.name} {space} | kubectl get {space} -f - -o name --ignore-not-found |"
            f" xargs -I NAME {_give(f'NAME {space}', after)};"
            f" delete its workloads, whose selectors bear the old name:"
            f" kubectl delete deployment,daemonset,statefulset {space} -l app.kubernetes.io/instance={before.name};"
            f" install it; then forget the old one:"
            f" kubectl delete secret {space} -l owner=helm,name={before.name}"
        )
    return UpgradeNote("renamed", text, do, needs_you=True)


def recorded(verdict: StepVerdict) -> Iterator[UpgradeNote]:
    """Yield what an upgrade record says."""
    if verdict.verdict == BLOCKED:
        yield UpgradeNote("record", verdict.why, "upgrade in the steps that were recorded", needs_you=True)
    if verdict.verdict == MANUAL:
        condition = verdict.transition.precondition if verdict.transition else ""
        text = f"{verdict.why}{f' (before: {condition})' if condition else ''}"
        do = "; ".join(f"{number}. {each.description}" for number, each in enumerate(verdict.steps, 1))
        yield UpgradeNote("record", text, do, needs_you=True)
    elif verdict.transition is not None and verdict.transition.precondition:
        yield UpgradeNote(
            "record", f"recorded as {verdict.verdict}, if {verdict.transition.precondition}", "see to it", True
        )
