"""Commands: every line that a page tells its reader to type.

All of them stand in this one place, so that a test can hold each against the command it calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from clusterbook.publisher import names

_GIT = " --repo https://git.example.com/clusters.git"
_FOLDER = "Render the folder, and verify that it derives from the recipe. Its README says how to install it."
_CHART = "Render one chart with all Applications, and verify that it derives from the recipe."
_IN_GIT = "Render the folder for your Git repository, and verify that it derives from the recipe. Commit it there."
OCI = "oci://"
DEPLOYERS = {
    "helm": ("Helm", "", _FOLDER),
    "helmfile": ("Helmfile", "", _FOLDER),
    "argocd": ("Argo CD", _GIT, _IN_GIT),
    "argocd-helm": ("Argo CD chart", _GIT, _CHART),
    "flux": ("Flux", _GIT, _IN_GIT),
}
"""Deployer → its title, what `bundle` needs besides, and what there is to do."""


PROVE = "clusterbook verify bundle --min-trust-level unverified"
"""You rendered it, so it is not signed; this checks that it is exactly what its recipe and options render to."""

INSTALL = names.INSTALL
"""How the home page says that this program is installed."""
START = (
    "clusterbook recipe --service eks --accelerator h100 --intent training --os ubuntu -t table",
    "clusterbook bundle h100-eks-ubuntu-training --deployer helm -o bundle",
    PROVE,
)
"""What the home page begins with."""


_ELSEWHERE = "https://catalog.example.com"


class Instruction(NamedTuple):
    """Lines to type one after the other, and what they do."""

    title: str
    text: str
    lines: tuple[str, ...]


def query(criteria: Mapping[str, str | int]) -> str:
    """Return the command that asks for `criteria`."""
    return " ".join(["clusterbook recipe", *(f"--{name} {value}" for name, value in criteria.items())])


def use(slug: str) -> list[Instruction]:
    """Return how a recipe is looked at and made into something that deploys it, by deployer."""
    steps = [
        Instruction(
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
        steps.append(Instruction(title, text, lines))
    return steps


def version_instructions(slug: str, version: str, source: str) -> list[Instruction]:
    """Return what can be done with a version that was published at `source`."""
    which = f"{slug}@{version}"
    fetch = f"clusterbook fetch bundle {which} --deployer {{}} --from {source} -o bundle"
    steps = [
        Instruction(
            "Fetch signed",
            "Download the published bundle, verify its signature, and verify it again offline."
            f" Instead of helm: {', '.join(name for name in DEPLOYERS if name != 'helm')}.",
            (fetch.format("helm"), "clusterbook verify bundle"),
        ),
        Instruction(
            "Fetch recipe",
            "Download the recipe alone: its values, and the digest that covers them.",
            (f"clusterbook fetch recipe {which} --from {source} -o recipe.yaml",),
        ),
    ]
    if source.startswith(OCI):
        pull = f"oras pull {source.removeprefix(OCI)}/recipes/{slug}:{version}"
        steps.append(Instruction("oras", "Pull the raw artifact from the registry. Nothing is verified.", (pull,)))
    lines = (
        f"clusterbook mirror save {which} --from {source} -o mirror.tar",
        "clusterbook mirror load mirror.tar --to oci-layout:mirror",
    )
    text = "Save recipe, bundles, signatures, SBOMs, charts and images in one archive, and load it on the other side."
    return [*steps, Instruction("Air gap", text, lines)]


def verify_evidence(slug: str, name: str, *, signed: bool) -> str:
    """Return the command that judges evidence again, in a checkout, where it lies."""
    trust = "--policy site/trust.yaml" if signed else "--unsigned"
    return f"clusterbook evidence verify registry/evidence/{slug}/{name} {trust}"


def compare_with_sources(slug: str, version: str) -> Instruction:
    """Return how a version is compared with the recipe of now, in a checkout, which has the ledger."""
    lines = (compare(f"{slug}@{version}", slug),)
    return Instruction("Compare", "In a checkout, which has the ledger: compare it with the current catalog.", lines)


def as_published(slug: str, version: str) -> str:
    """Return the command that prints a version as it was published."""
    return f"clusterbook recipe {slug}@{version}"


def plan(old: str, new: str) -> str:
    """Return the command that plans an upgrade."""
    return f"clusterbook upgrade plan {old} {new}"


def compare(old: str, new: str) -> str:
    """Return the command that compares two recipes or versions."""
    return f"clusterbook diff {old} {new}"


def api(url: str, slug: str) -> list[Instruction]:
    """Return how the static API is asked; `url` is where the site stands, "" when nobody knows."""
    site = f"SITE={(url or _ELSEWHERE).rstrip('/')}"
    mine = f'curl -fsS "$SITE/api/v1/recipes/{slug}.json"'
    origins = """jq -r '.origins | to_entries[] | .key as $c | .value | to_entries[] | [$c, .key, .value[-1]] | @tsv'"""
    return [
        Instruction(
            "Recipes",
            "All recipes, each with its last released version." + ("" if url else " Set this to the site's URL."),
            (site, """curl -fsS "$SITE/api/v1/index.json" | jq -r '.recipes[] | [.slug, .version] | @tsv'"""),
        ),
        Instruction(
            "Origins",
            "One recipe: every value, and the source line that set it.",
            (f"{mine} | {origins}",),
        ),
        Instruction(
            "Whole",
            "Check a download: both lines print the same digest.",
            (
                f"""curl -fsS "$SITE/api/v1/catalog.json" | jq -r '.files["v1/recipes/{slug}.json"]'""",
                f'echo "sha256:$({mine} | sha256sum | cut -c1-64)"',
            ),
        ),
    ]
