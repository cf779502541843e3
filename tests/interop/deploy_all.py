"""Deploys every recipe on a real control plane with the scripts of its own bundle, and counts those that come up.

Recipes that install the very same releases, values and all, are deployed once. Each bundle gets a cluster of its own
and counts when every release is deployed, with exactly its values, after all that it needs.

usage: python -m tests.interop.deploy_all [--cover] [--real-charts] [--helm4] [SLUG ...]

  --cover         only as many recipes as it takes to install each different release at least once
  --real-charts   upstream's, where they lie beside the checkout, instead of those that stand in for them; nobody runs
                  behind webhooks and API services that they bring, so those are taken away, and any claim gets a volume
  --helm4         by Helm 4 instead of 3; each bundle is then deployed twice, and the second run has to end the same
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from clusterbook.bundle.folders import Folder
from clusterbook.bundle.render import Bundle, render
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.resolve import matrix
from tests.interop import certs, charts, nodes, toolchain
from tests.interop import cluster as control_plane
from tests.interop.charts import REAL, ChartServers
from tests.interop.deployment import played, prepare
from tests.interop.one_release import helm_environment
from tests.interop.processes import NotReadyError
from tests.support.whole_recipes import ROOT, Recipe, wholes

SOURCES = ROOT / "recipes"
IMPATIENT = {"HELM_TIMEOUT": "3m", "RETRY_S": "1"}
FLAGS = ("--retries", "2")
"""What fails three times, or is not ready in minutes, never is."""
RUNS = {"helm": 1, "helm4": 2}
"""How often a bundle is deployed by each Helm; a second run by Helm 4 meets every field that it owns already."""


class Group(NamedTuple):
    """Recipes that install the same, and the bundle of the first of them."""

    slugs: tuple[str, ...]
    service: str
    bundle: Bundle


def grouped(recipes: Mapping[str, Recipe]) -> list[Group]:
    """Return the different bundles that recipes become, in the order of the recipes."""
    found: dict[str, Group] = {}
    for slug, recipe in recipes.items():
        bundle = render(recipe, {}, "0")
        service = str(recipe["criteria"].get("service", ""))
        what = repr((service, [folder._replace(part=None) for folder in bundle.plan.folders]))
        first = found.get(what, Group((), service, bundle))
        found[what] = first._replace(slugs=(*first.slugs, slug))
    return list(found.values())


def covering(groups: Sequence[Group]) -> list[Group]:
    """Return some of these groups that together install each different release of all of them."""
    releases = [{repr(_installs(each)) for each in group.bundle.plan.folders} for group in groups]
    left = set().union(*releases)
    found = []
    while left:
        best = max(range(len(groups)), key=lambda number: len(releases[number] & left))
        left -= releases[best]
        found.append(groups[best])
    return found


def _installs(folder: Folder) -> tuple[object, ...]:
    """Return all that Helm is given for one release."""
    return folder.name, folder.namespace, folder.chart, folder.values, folder.templates


def deployed(group: Group, servers: ChartServers, folder: Path, helm: str = "helm") -> list[str]:
    """Deploy one bundle on a cluster of its own by Helm 3 (`helm`) or 4 (`helm4`); return what went wrong."""
    env = {**helm_environment(folder / "tools", helm), **servers.env, **IMPATIENT}
    with control_plane.start(folder / "cluster", nodes=nodes.FLEET) as running:
        deployment = prepare(group.bundle, group.service, folder / "bundle", running, env)
        with played(running):
            for _ in range(RUNS[helm]):
                try:
                    deployment.deploy(*FLAGS)
                except subprocess.CalledProcessError as error:
                    return [*(line for line in error.stdout.splitlines() if "Error: " in line), error.stderr.strip()]
                if faults := deployment.faults():
                    return faults
        return []


def deploy(groups: Sequence[Group], servers: ChartServers, top: Path, helm: str = "helm") -> int:
    """Deploy one bundle after another and tell how it goes; return how many recipes came up."""
    count = 0
    for number, group in enumerate(groups, 1):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(dir=top) as folder:
            try:
                faults = deployed(group, servers, Path(folder), helm)
            except NotReadyError as error:
                faults = [str(error).partition("\n")[0]]
        first, *others = group.slugs
        count += 0 if faults else len(group.slugs)
        how = f"{'FAILED' if faults else 'deployed'} in {time.monotonic() - begun:.0f} s"
        also = f"; {', '.join(others)} the same" if others else ""
        releases = len(group.bundle.plan.folders)
        print(f"{number:3}/{len(groups)} {first}: {releases} releases {how}{also}", flush=True)
        for fault in faults:
            print(f"      {fault}", flush=True)
    return count


def main(words: Sequence[str]) -> int:
    """Deploy and count; return an exit status: 0 when every recipe came up."""
    flags = {word for word in words if word.startswith("-")}
    if unknown_flags := flags - {"--cover", "--real-charts", "--helm4"}:
        print(__doc__)
        return 0 if unknown_flags <= {"--help", "-h"} else 2
    slugs = [word for word in words if word not in flags]
    unknown = set(slugs) - set(wholes(SOURCES))
    if unknown:
        print(f"no recipe {', '.join(sorted(unknown))}\n  hint: `clusterbook list` names them all", file=sys.stderr)
        return 2
    try:
        helm = "helm4" if "--helm4" in flags else "helm"
        return _with_charts(slugs, cover="--cover" in flags, real="--real-charts" in flags, helm=helm)
    except toolchain.GoMissingError as error:
        print(f"SKIPPED: {error}")
        return 0


def _with_charts(slugs: Sequence[str], *, cover: bool, real: bool, helm: str) -> int:
    begun = time.monotonic()
    pins = charts.pins(matrix.build(load_catalog(read_tree(SOURCES))).recipes.values())
    made = charts.charts(pins, SOURCES, real=REAL if real else Path("none"))
    with tempfile.TemporaryDirectory() as temporary:
        top = Path(temporary)
        with charts.serve(top / "charts", certs.issue(top / "certs"), made) as servers:
            recipes = wholes(servers.redirect(SOURCES, top / "recipes"))
            groups = grouped({slug: recipes[slug] for slug in slugs or recipes})
            groups = covering(groups) if cover else groups
            count = deploy(groups, servers, top, helm)
    wanted = sum(len(group.slugs) for group in groups)
    print(f"deployed {count}/{wanted}")
    print(
        f"  {len(groups)} different bundles in {(time.monotonic() - begun) / 60:.0f} minutes; "
        f"{sum(chart.real for chart in made)} of {len(made)} charts are upstream's, the others stand in for them"
    )
    return 0 if count == wanted else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
