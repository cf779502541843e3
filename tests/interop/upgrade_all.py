"""Takes every recipe from release to release on a real control plane, and counts those that end as if installed anew.

A route is a recipe's bundles from its first release to the catalog of today, each made from the sources that the ledger
records and deployed over the one before by its own deploy.sh, with --prune. Recipes that take the very same route are
taken once. What the cluster has at the end is held, object by object, against a cluster of its own on which the last
bundle was installed at once. What an upgrade keeps on purpose may be there besides: kinds, namespaces, volumes.

usage: python -m tests.interop.upgrade_all [--cover] [--real-charts] [--helm4] [--kill SEED] [--back] [SLUG ...]

  --cover         only as much of the routes as it takes to upgrade each release from each place and chart to each other
  --real-charts   upstream's, where they lie beside the checkout, instead of those that stand in for them
  --helm4         by Helm 4 instead of 3
  --kill SEED     kill each upgrade at a random moment and run it again; the same seed gives the same moments
  --back          take the last step back with rollback.sh and compare with what was there before
"""

from __future__ import annotations

import contextlib
import itertools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from clusterbook.bundle.folders import Folder
from clusterbook.bundle.render import Bundle, render
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.ledger import git
from clusterbook.ledger.folder import open_ledger
from clusterbook.resolve import matrix
from clusterbook.upgrade.values import value_steps
from tests.interop import certs, charts, nodes, toolchain
from tests.interop import cluster as control_plane
from tests.interop.charts import REAL, Chart, ChartServers
from tests.interop.cluster import Cluster
from tests.interop.deploy_all import FLAGS, IMPATIENT, SOURCES
from tests.interop.deployment import Deployment, Name, contents, played, prepare, write
from tests.interop.one_release import helm_environment
from tests.interop.processes import NotReadyError
from tests.support.whole_recipes import ROOT, Recipe, wholes

TODAY = "today"
PRUNE = ("--prune", "--yes")
_OF_ONE_CLUSTER = ("uid", "creationTimestamp", "generation", "selfLink")
_COUNTED = ("deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation")
_ADDRESSES = ("clusterIP", "clusterIPs", "healthCheckNodePort")
_MAY_STAY = (
    "/customresourcedefinitions", "/apiservices", "/namespaces", "/persistentvolumes", "/persistentvolumeclaims",
)  # fmt: skip
_OF_NAMESPACES = {"default", "kube-root-ca.crt"}
"""Objects that Kubernetes makes in each namespace."""


Step = tuple[object, object]
"""A release before and after: its name, namespace and chart; None where it is not there."""


class Stop(NamedTuple):
    """One bundle on a route, and the release that it is of."""

    release: str
    bundle: Bundle


class Route(NamedTuple):
    """What recipes go through; those of `slugs` go through the same."""

    slugs: tuple[str, ...]
    service: str
    stops: tuple[Stop, ...]

    def legs(self) -> list[set[Step]]:
        """Return how releases are upgraded from each stop to the next."""
        return [set(_leg(before.bundle, after.bundle)) for before, after in itertools.pairwise(self.stops)]

    def steps(self) -> set[Step]:
        """Return each way in which a release is upgraded on this route."""
        return set().union(*self.legs())

    def only(self, steps: Collection[Step]) -> Route:
        """Return the part of this route on which these steps are taken."""
        busy = [number for number, leg in enumerate(self.legs()) if not leg.isdisjoint(steps)]
        return self._replace(stops=self.stops[busy[0] : busy[-1] + 2])


def _leg(before: Bundle, after: Bundle) -> Iterator[Step]:
    was = {folder.name: folder for folder in before.plan.folders}
    for folder in after.plan.folders:
        yield _identity(was.pop(folder.name, None)), _identity(folder)
    yield from ((_identity(each), None) for each in was.values())


def _identity(folder: Folder | None) -> object:
    return folder and (folder.name, folder.namespace, folder.chart)


def trees(folder: Path, registry: Path = ROOT / "registry") -> dict[str, Path]:
    """Return the source tree of each release of the ledger, oldest first, and that of today, each in a folder.

    Raises:
        ClusterbookError: the history that the ledger speaks of is not there.
    """
    found = {}
    ledger = open_ledger(registry)
    for release in ledger.releases():
        texts = git.texts(registry.parent / "recipes", ledger.release(release)["commit"])
        found[release] = write({path: text.encode() for path, text in texts.items()}, folder / release)
    return {**found, TODAY: SOURCES}


def all_charts(sources: Mapping[str, Path], *, real: bool) -> list[Chart]:
    """Return a chart for each pin of each release; upstream's where it is at hand and wanted."""
    found: dict[charts.Pin, Chart] = {}
    for tree in sources.values():
        pins = charts.pins(matrix.build(load_catalog(read_tree(tree))).recipes.values())
        for chart in charts.charts(pins, tree, real=REAL if real else Path("none")):
            found.setdefault(chart.pin, chart)
    return list(found.values())


def routes(recipes: Mapping[str, Mapping[str, Recipe]], slugs: Sequence[str]) -> list[Route]:
    """Return the different routes of recipes, by slug, of each release."""
    found: dict[str, Route] = {}
    for slug in slugs:
        stops: list[Stop] = []
        for release, known in recipes.items():
            if slug in known and (bundle := _bundle(known[slug])) and (not stops or _differ(stops[-1].bundle, bundle)):
                stops.append(Stop(release, bundle))
        service = str(recipes[TODAY][slug]["criteria"].get("service", ""))
        what = repr((service, [_installed(stop.bundle) for stop in stops]))
        first = found.get(what, Route((), service, tuple(stops)))
        found[what] = first._replace(slugs=(*first.slugs, slug))
    return list(found.values())


def _bundle(recipe: Recipe) -> Bundle | None:
    """Return the bundle of a recipe, None where none can be made of an old one."""
    try:
        return render(recipe, {}, "0")
    except ClusterbookError:
        return None


def _installed(bundle: Bundle) -> list[object]:
    return [folder._replace(part=None) for folder in bundle.plan.folders]


def _differ(one: Bundle, other: Bundle) -> bool:
    return _installed(one) != _installed(other)


def covering(wanted: Sequence[Route]) -> list[Route]:
    """Return parts of these routes that together upgrade each release in each different way."""
    left = set().union(*(route.steps() for route in wanted))
    found = []
    while left:
        best = max(wanted, key=lambda route: len(route.steps() & left))
        found.append(best.only(left & best.steps()))
        left -= best.steps()
    return found


class Road:
    """A cluster on which a route is taken."""

    def __init__(self, route: Route, folder: Path, cluster: Cluster, env: Mapping[str, str]) -> None:
        self.route, self.folder, self.cluster, self.env = route, folder, cluster, env
        self.base = contents(cluster).keys()

    def deployment(self, number: int) -> Deployment:
        """Return one of the bundles, ready to be deployed."""
        stop = self.route.stops[number]
        return prepare(stop.bundle, self.route.service, self.folder / stop.release, self.cluster, self.env)

    def take(self, dice: random.Random | None = None) -> list[str]:
        """Deploy one bundle over the other; return what went wrong."""
        took_s = 10.0
        for number, stop in enumerate(self.route.stops):
            deployment = self.deployment(number)
            try:
                if number and dice:
                    deployment.kill_after(dice.uniform(0.5, took_s))
                took_s = deployment.deploy(*FLAGS, *PRUNE)
            except subprocess.CalledProcessError as error:
                said = [line for line in error.stdout.splitlines() if "Error: " in line]
                return [f"{stop.release}: {line}" for line in (*said, error.stderr.strip())]
            if faults := deployment.faults():
                return [f"{stop.release}: {fault}" for fault in faults]
        return []

    def contents(self) -> dict[Name, Any]:
        """Return what the cluster has of what was deployed."""
        return deployed(self.cluster, self.base)


def deployed(cluster: Cluster, base: Collection[Name]) -> dict[Name, Any]:
    """Return what a cluster has besides what it had before, without what tells one cluster from another."""
    return {
        name: plain(name, each) for name, each in contents(cluster).items() if name not in base and _counts(name, each)
    }


def _counts(name: Name, each: Mapping[str, Any]) -> bool:
    played = name.kinds.endswith(("/pods", "/controllerrevisions", "/ipaddresses"))
    return not each["metadata"].get("ownerReferences") and not played and name.name not in _OF_NAMESPACES


def plain(name: Name, each: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without what another cluster, or another way to the same state, would have otherwise."""
    if name.kinds.endswith("/customresourcedefinitions"):  # whose owner depends on where it came from
        return {"spec": {key: value for key, value in each["spec"].items() if key != "conversion"}}
    if name.kinds.endswith("/secrets"):  # some are generated
        return {"type": each.get("type"), "keys": sorted(each.get("data") or ())}
    if name.kinds.endswith("/namespaces"):  # labelled by whoever needed it first
        return {}
    metadata = {key: value for key, value in each["metadata"].items() if key not in _OF_ONE_CLUSTER}
    notes = {key: value for key, value in (metadata.pop("annotations", None) or {}).items() if key not in _COUNTED}
    rest = {key: value for key, value in each.items() if key != "metadata"}
    if name.kinds.endswith("/services"):
        spec = {key: value for key, value in rest["spec"].items() if key not in _ADDRESSES}
        spec["ports"] = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec.get("ports", ())]
        rest["spec"] = spec
    if name.kinds.endswith("/persistentvolumeclaims"):
        rest.pop("spec", None)
    return {**rest, "metadata": {**metadata, **({"annotations": notes} if notes else {})}}


def differences(reached: Mapping[Name, Any], wanted: Mapping[Name, Any]) -> Iterator[str]:
    """Yield what is not as on a cluster on which the target was installed at once."""
    kinds = {name.name.partition(".")[2]: name for name in reached if name.kinds.endswith("/customresourcedefinitions")}
    for name in sorted(reached.keys() | wanted.keys()):
        label = f"{name.kinds.rpartition('/')[2]} {name.namespace}/{name.name}"
        if name not in reached:
            yield f"{label} is missing"
        elif name not in wanted:
            of_a_kind = name.kinds.split("/")[2] in kinds and name.kinds.startswith("/apis/")
            if not name.kinds.endswith(_MAY_STAY) and not of_a_kind:
                yield f"{label} is left over"
        else:
            for step in value_steps(wanted[name], reached[name], {}, {}):
                yield f"{label} differs at {step.pointer}: {step.before} is {step.after}"


def upgraded(
    route: Route, servers: ChartServers, folder: Path, *, helm: str = "helm", dice: random.Random | None = None,
    back: bool = False,
) -> list[str]:  # fmt: skip
    """Take one route on a cluster of its own, and its last stop on another; return what went wrong."""
    env = {**helm_environment(folder / "tools", helm), **servers.env, **IMPATIENT}
    with control_plane.start(folder / "fresh-cluster", nodes=nodes.FLEET) as fresh, played(fresh):
        anew = Road(route._replace(stops=route.stops[-1:]), folder / "fresh", fresh, env)
        if faults := anew.take():
            return [f"installed at once: {fault}" for fault in faults]
        wanted = anew.contents()
    with control_plane.start(folder / "cluster", nodes=nodes.FLEET) as running, played(running):
        road = Road(route, folder / "road", running, env)
        if faults := road.take(dice):
            return faults
        found = list(differences(road.contents(), wanted))
        return found or (_taken_back(road) if back else [])


def _taken_back(road: Road) -> list[str]:
    """Take the last step back; return what went wrong with the releases that can be taken back."""
    if len(road.route.stops) < 2:
        return []
    last, before = road.deployment(-1), road.deployment(-2)
    try:
        said = last.rollback()
    except subprocess.CalledProcessError as error:
        return [f"rollback: {line}" for line in (*error.stdout.splitlines()[-5:], error.stderr.strip())]
    found = []
    stay = {word.split()[1] for word in said.splitlines() if " cannot be taken back" in word}
    releases = last.releases()
    for folder in before.bundle.plan.folders:
        if folder.name in releases and folder.name not in stay and before.values(folder) != folder.values:
            found.append(f"{folder.name} has other values than before")
    came = {each.name for each in last.bundle.plan.folders} - {each.name for each in before.bundle.plan.folders}
    return found + [f"{name} came with the bundle and is still there" for name in came & releases.keys() - stay]


@contextlib.contextmanager
def open_releases(top: Path, *, real: bool) -> Iterator[tuple[ChartServers, dict[str, dict[str, Recipe]]]]:
    """Give servers of the charts of all releases, and the recipes of each release by slug.

    Raises:
        ClusterbookError: the history that the ledger speaks of is not there.
    """
    sources = trees(top / "sources")
    with charts.serve(top / "charts", certs.issue(top / "certs"), all_charts(sources, real=real)) as servers:
        redirected = {name: servers.redirect(tree, top / "redirected" / name) for name, tree in sources.items()}
        yield servers, {name: wholes(tree) for name, tree in redirected.items()}


@contextlib.contextmanager
def open_routes(top: Path, slugs: Sequence[str], *, real: bool) -> Iterator[tuple[ChartServers, list[Route]]]:
    """Give servers of the charts of all releases, and the different routes of these recipes, or of all.

    Raises:
        ClusterbookError: the history that the ledger speaks of is not there.
    """
    with open_releases(top, real=real) as (servers, recipes):
        yield servers, routes(recipes, slugs or list(recipes[TODAY]))


def upgrade(wanted: Sequence[Route], servers: ChartServers, top: Path, **how: Any) -> int:
    """Take one route after another and tell how it goes; return how many recipes ended as if installed anew."""
    count = 0
    for number, route in enumerate(wanted, 1):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(dir=top) as folder:
            try:
                faults = upgraded(route, servers, Path(folder), **how)
            except NotReadyError as error:
                faults = [str(error).partition("\n")[0]]
        first, *others = route.slugs
        count += 0 if faults else len(route.slugs)
        way = " → ".join(stop.release for stop in route.stops)
        ended = f"{'FAILED' if faults else 'upgraded'} in {time.monotonic() - begun:.0f} s"
        also = f"; {len(others)} more the same" if others else ""
        print(f"{number:3}/{len(wanted)} {first}: {way} {ended}{also}", flush=True)
        for fault in faults[:40]:
            print(f"      {fault}", flush=True)
    return count


def main(words: Sequence[str]) -> int:
    """Upgrade and count; return an exit status: 0 when every recipe ended as if installed anew."""
    left = list(words)
    dice = None
    if "--kill" in left[:-1]:
        at = left.index("--kill")
        dice = random.Random(left[at + 1])  # noqa: S311 (moments, not secrets)
        del left[at : at + 2]
    flags = {word for word in left if word.startswith("-")}
    if unknown_flags := flags - {"--cover", "--real-charts", "--helm4", "--back"}:
        print(__doc__)
        return 0 if unknown_flags <= {"--help", "-h"} else 2
    slugs = [word for word in left if word not in flags]
    if unknown := set(slugs) - set(wholes(SOURCES)):
        print(f"no recipe {', '.join(sorted(unknown))}\n  hint: `clusterbook list` names them all", file=sys.stderr)
        return 2
    how = {"helm": "helm4" if "--helm4" in flags else "helm", "dice": dice, "back": "--back" in flags}
    try:
        return _with_charts(slugs, cover="--cover" in flags, real="--real-charts" in flags, how=how)
    except toolchain.GoMissingError as error:
        print(f"SKIPPED: {error}")
        return 0


def _with_charts(slugs: Sequence[str], *, cover: bool, real: bool, how: Mapping[str, Any]) -> int:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        top = Path(temporary)
        with open_routes(top, slugs, real=real) as (servers, wanted):
            wanted = covering(wanted) if cover else wanted
            count = upgrade(wanted, servers, top, **how)
            made = servers.charts
    total = sum(len(route.slugs) for route in wanted)
    print(f"upgraded {count}/{total}")
    print(
        f"  {len(wanted)} different routes in {(time.monotonic() - begun) / 60:.0f} minutes; "
        f"{sum(chart.real for chart in made)} of {len(made)} charts are upstream's, the others stand in for them"
    )
    return 0 if count == total else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
