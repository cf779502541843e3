"""Commands: every line that a page tells its reader to type.

Knows all of them, in this one place, so that a test can hold each against the command it calls. Does not run any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_GIT = " --repo https://git.example.com/clusters.git"
_FOLDER = "Make the folder, and prove that it derives from the recipe. Its README says how to install it."
_CHART = "Make one chart that brings all applications, and prove where it derives from."
_IN_GIT = "Make the folder for your Git repository, and prove that it derives from the recipe. Commit it there."
DEPLOYERS = {
    "helm": ("Helm", "", _FOLDER),
    "helmfile": ("Helmfile", "", _FOLDER),
    "argocd": ("Argo CD", _GIT, _IN_GIT),
    "argocd-helm": ("Argo CD chart", _GIT, _CHART),
    "flux": ("Flux", _GIT, _IN_GIT),
}
"""Deployer → its title, what `bundle` needs besides, and what there is to do."""


PROVE = "clusterbook verify bundle --min-trust-level unverified"
"""You made it, so nobody signed it; what is asked is whether it is what its recipe and its options make."""

START = (
    "clusterbook recipe --service eks --accelerator h100 --intent training --os ubuntu -t table",
    "clusterbook bundle h100-eks-ubuntu-training --deployer helm -o bundle",
    PROVE,
)
"""What the home page begins with."""


class Step(NamedTuple):
    """Lines to type one after the other, and what they do."""

    title: str
    text: str
    lines: tuple[str, ...]


def query(criteria: Mapping[str, str | int]) -> str:
    """Return the command that asks for `criteria`."""
    return " ".join(["clusterbook recipe", *(f"--{name} {value}" for name, value in criteria.items())])


def use(slug: str) -> list[Step]:
    """Return how a recipe is looked at and made into something that deploys it, by deployer."""
    steps = [
        Step(
            "CLI",
            "Print the recipe, ask for one value of it, and see which layer set it.",
            (
                f"clusterbook recipe {slug} -t table",
                f"clusterbook query {slug} --selector components",
                f"clusterbook explain {slug} constraints",
            ),
        )
    ]
    for deployer, (title, more, text) in DEPLOYERS.items():
        lines = (f"clusterbook bundle {slug} --deployer {deployer}{more} -o bundle", PROVE)
        steps.append(Step(title, text, lines))
    return steps


def published(slug: str, version: str) -> list[Step]:
    """Return what can be done with a version that was published."""
    lines = (compare(f"{slug}@{version}", slug),)
    return [Step("CLI", "Compare it with what the catalog says now.", lines)]


def compare(old: str, new: str) -> str:
    """Return the command that compares two recipes or versions."""
    return f"clusterbook diff {old} {new}"
