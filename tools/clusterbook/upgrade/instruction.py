"""Instructions: what an upgrade asks of you where the deployer does not do it by itself, in that deployer's words."""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.bundle.handover import how_to_remove, how_to_rename, how_to_take_over, how_to_uninstall
from clusterbook.transition.record import BLOCKED, MANUAL
from clusterbook.upgrade.note import UpgradeNote
from clusterbook.upgrade.side import PlacedRelease
from clusterbook.upgrade.verdict import StepVerdict


def gone(release: PlacedRelease, deployer: str) -> UpgradeNote:
    """Return how a release is removed that is no longer part of the bundle."""
    if deployer == "helm":
        by_hand = how_to_remove(release.name, release.namespace, deployer)
        do = f"./deploy.sh --prune removes it, last of all; where its release has no label of ours: {by_hand}"
    else:
        do = how_to_remove(release.name, release.namespace, deployer)
    return UpgradeNote("goes", "it is no longer part of the bundle", do, needs_you=deployer != "flux")


def taken_over(release: PlacedRelease, former: str, deployer: str) -> UpgradeNote:
    """Return what a release is told of that takes over the kinds of another component."""
    text = f"it takes over the CRDs of {former}"
    if deployer.startswith("argocd"):
        return UpgradeNote("kinds", f"{text}; Argo CD takes them over when it applies them")
    if deployer == "helm":
        return UpgradeNote("kinds", f"{text}; deploy.sh transfers them to this release, so that Helm accepts them")
    do = how_to_take_over(release.name, release.namespace, deployer)
    return UpgradeNote("kinds", f"{text}, and Helm refuses objects of another owner", do, needs_you=True)


def renamed(before: PlacedRelease, after: PlacedRelease, deployer: str) -> UpgradeNote:
    """Return how a release gets the objects that it had under another name."""
    if deployer == "helm":
        anew = "workloads whose selectors have the old name are recreated"
        given = f"deploy.sh transfers the objects of the old one to it; {anew}"
        return UpgradeNote("renamed", f"release {before.name} becomes {after.name}; {given}")
    text = f"release {before.name} becomes {after.name}, and Helm refuses objects of another release"
    if deployer.startswith("argocd"):
        text = f"Application {before.name} becomes {after.name}"
    do = "; ".join(how_to_rename(before.name, after.name, after.namespace, deployer))
    return UpgradeNote("renamed", text, do, needs_you=True)


def moved(
    before: PlacedRelease, after: PlacedRelease, verdict: StepVerdict | None, deployer: str, *, volumes: bool
) -> UpgradeNote:
    """Return the note of a release that moves to another namespace.

    Helm removes the kinds among a chart's templates together with the release, and with them all their objects. Where a
    record names objects that live on, they are to be kept before anything is removed.
    """
    was = f"release {before.name}, " if before.name != after.name else ""
    text = f"it moves from {was}namespace {before.namespace} to {after.namespace}, which makes it a new installation"
    uninstall = how_to_uninstall(before.name, before.namespace, deployer)
    do = f"remove the old one first: {uninstall}" if uninstall else "Flux uninstalls the old one first"
    if verdict is not None and verdict.verdict == MANUAL and verdict.transition is not None:
        kinds = [f"{kind}.{each.group}" for each in verdict.transition.resources for kind in each.kinds]
        if kinds:
            keep = f"kubectl get {','.join(kinds)} --all-namespaces --output yaml > {before.name}.yaml"
            do = f"keep its objects, which may go with it: {keep}; then {do}"
    if volumes:
        do += "; the data on its volumes does not move with it"
    do += "; or let it stay where it is: make the new bundle with --inherit-from OLD"
    return UpgradeNote("namespace", text, do, needs_you=True)


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
            "record", f"recorded as {verdict.verdict}, if {verdict.transition.precondition}", "make sure of it", True
        )
