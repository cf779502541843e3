"""Times deploy.sh with real charts: side by side, and then another way to deploy the same.

Each run gets a control plane of its own; runs take turns, so that both meet what else the machine does. Real charts lie
beside the checkout; where they do not, others stand in for them. Nobody runs behind webhooks and API services, so those
are taken away, and any claim gets a volume.

usage: python -m tests.interop.deploy_times [--against DIR] [--rounds N] [SLUG]

  --against DIR   a folder with a deploy.sh, made by anybody; the chart repositories that its files name become ours;
                  default: our own deploy.sh --serial
  --rounds N      how often both are timed; default: 2
  SLUG            default: h100-eks-ubuntu-training-kubeflow
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from clusterbook.bundle.render import render
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.resolve import matrix
from tests.interop import certs, charts, nodes
from tests.interop import cluster as control_plane
from tests.interop.charts import ChartServers
from tests.interop.deploy_all import Group
from tests.interop.deployment import environment, played, prepare
from tests.support.whole_recipes import ROOT, wholes

SOURCES = ROOT / "recipes"
SLUG = "h100-eks-ubuntu-training-kubeflow"


def adopt(folder: Path, to: Path, servers: ChartServers) -> Path:
    """Return `to`, a copy of somebody's bundle that takes its charts from our servers."""
    shutil.copytree(folder, to)
    homes = sorted({chart.pin.source for chart in servers.charts}, key=len, reverse=True)
    for path in to.rglob("*"):
        if path.is_file() and path.suffix in (".env", ".sh", ".yaml"):
            text = path.read_text(encoding="utf-8")
            for home in homes:
                text = text.replace(home, servers.url(home))
            path.write_text(text, encoding="utf-8")
    return to


class Way(NamedTuple):
    """One way to deploy: what it is called, the flags of our deploy.sh, or the folder of somebody else's bundle."""

    name: str
    flags: tuple[str, ...] = ()
    other: str = ""


def timed(way: Way, group: Group, servers: ChartServers, folder: Path) -> float:
    """Deploy in one way to a new control plane; return the seconds that it took."""
    env = {**environment(folder / "tools", "helm", "kubectl"), **servers.env}
    with control_plane.start(folder / "cluster", nodes=nodes.FLEET) as running:
        deployment = prepare(group.bundle, group.service, folder / "bundle", running, env)
        if way.other:
            deployment = replace(deployment, folder=adopt(Path(way.other), folder / "other", servers))
        with played(running):
            before = os.times()
            seconds = deployment.deploy(*way.flags)
            after = os.times()
        found = deployment.releases()
        faults = [] if way.other else deployment.faults()
    if faults:
        raise SystemExit("\n".join(faults))
    busy_s = sum(getattr(after, name) - getattr(before, name) for name in ("children_user", "children_system"))
    up = sum(release.status == "deployed" for release in found.values())
    print(
        f"{way.name:18} {seconds:6.1f} s; {up} releases, {busy_s:.1f} s of processors for helm and kubectl, "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    return seconds


def main(words: Sequence[str]) -> int:
    """Time both ways in turn and compare those that followed each other."""
    parser = argparse.ArgumentParser(prog="deploy_times", description=__doc__.partition("\n")[0])
    parser.add_argument("slug", nargs="?", default=SLUG)
    parser.add_argument("--against", default="", metavar="DIR")
    parser.add_argument("--rounds", type=int, default=2, metavar="N")
    asked = parser.parse_args(words)
    ours = Way("side by side")
    other = Way("against", other=asked.against) if asked.against else Way("--serial", flags=("--serial",))
    ratios = []
    with tempfile.TemporaryDirectory() as temporary:
        top = Path(temporary)
        made = charts.charts(charts.pins(matrix.build(load_catalog(read_tree(SOURCES))).recipes.values()), SOURCES)
        with charts.serve(top / "charts", certs.issue(top / "certs"), made) as servers:
            recipe = wholes(servers.redirect(SOURCES, top / "recipes"))[asked.slug]
            group = Group((asked.slug,), recipe["criteria"]["service"], render(recipe, {}, "0"))
            for number in range(asked.rounds):
                first, second = (
                    timed(way, group, servers, top / f"{number}{way.other or way.name}".replace("/", "-"))
                    for way in (ours, other)
                )
                ratios.append(first / second)
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"{ours.name} takes {statistics.median(ratios):.2f} of the time of {other.name} ({each})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
