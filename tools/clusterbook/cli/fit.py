"""Which recipes fit a snapshot, and why the others do not; and which nodes of a snapshot are judged.

Has 60 ms for the whole process, so what only some requests need is imported where they need it.
"""

from __future__ import annotations

from clusterbook import __version__
from clusterbook.cli.command import OF_ACCESS, OF_CLUSTERS, OF_LEDGER, OF_TRUST, Argument, Caller, Command, Request
from clusterbook.cli.flags import FILE, KUBECONFIG, WHERE, Flag
from clusterbook.cli.question import read_where
from clusterbook.cli.reply import MissingFlag, Reply
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.files.read import is_folder
from clusterbook.inputs.fast import read_snapshot
from clusterbook.lookup.find import open_shelf
from clusterbook.snapshot.model import Snapshot, snapshot_age

ALONE = "this is a snapshot of one machine; capture its cluster: clusterbook snapshot --cluster -o cluster.yaml"


def pick(request: Request, snapshot: Snapshot) -> Snapshot:
    """Return a snapshot with the nodes that are to be judged: a pool, or those with a label; else all of them.

    With --agent and --run a selector says where a pod may run, which says nothing about which nodes are judged.
    """
    selector = () if request.switches & {"agent", "run"} else request.lists.get("node_selector", ())
    if not (selector or request.says("pool")):
        return snapshot
    if request.says("evidence"):
        raise InvalidRequest("evidence covers a whole cluster, not some nodes", hint="leave --evidence out")
    names = snapshot.nodes.pool(request.text("pool")) if request.says("pool") else None
    if selector:
        from clusterbook.kubernetes.placement import read_selector

        labelled = snapshot.labelled(read_selector(selector))
        names = labelled if names is None else names & labelled
    if not names:
        raise InvalidRequest("no node of that pool has that label", hint="give --pool or --node-selector")
    return snapshot.pick(names)


def fit(request: Request, _caller: Caller) -> Reply:
    """Return which recipes of the index fit a snapshot, and why the others do not.

    Raises:
        InvalidRequest: the document is no snapshot.
    """
    from clusterbook.cli.render import render, table
    from clusterbook.resolve.matching import CURATED
    from clusterbook.validate.fit import FITS, MISSES, fit_recipes

    words = request.lists.get("snapshots", ())
    if not any(words):
        raise MissingFlag("the snapshot is missing", hint="type clusterbook fit FILE")
    if len(words) > 1 or is_folder(words[0]):
        from clusterbook.cli.fleet import fit_fleet

        return fit_fleet(request, words)
    document, whole = read_snapshot(words[0], kubeconfig=request.text("kubeconfig"))
    taken = pick(request, whole)
    shelf = open_shelf(*read_where(request))
    every = "all" in request.switches
    lines = [line for line in shelf.lines() if every or line["state"] == CURATED]
    found = fit_recipes(((str(line["name"]), shelf.recipe_by_slug(line["slug"])) for line in lines), taken)
    form = request.text("format", "table")
    fitting = sum(each.fit == FITS for each in found)
    missing = sum(each.fit == MISSES for each in found)
    what = "recipes" if every else "curated recipes"
    note = f"{fitting} of {len(found)} {what} fit, {missing} do not, {len(found) - fitting - missing} are unknown"
    if form == "table":
        text = table(["RECIPE", "FIT", "WHY"], [[each.recipe, each.fit, each.why] for each in found])
    else:
        text = render([each.document() for each in found], form)
    aged = snapshot_age(document, __version__)
    notes = (*((ALONE,) if taken.alone else ()), *((aged,) if aged else ()), note, *shelf.remarks)
    return Reply(text, notes, output=request.text("output"))


POOL = Flag("pool", ("--pool",), "Validate only the nodes of this pool.", "NAME")
_FLAGS = (
    Flag("all", ("--all",), "Include composed recipes."),
    POOL,
    Flag(
        "node_selector",
        ("--node-selector",),
        "Consider only nodes with this label. May be repeated.",
        "KEY=VALUE",
        repeated=True,
    ),
    *WHERE,
    KUBECONFIG,
    Flag("format", ("--format", "-t"), "Output format.", values=("table", "json", "yaml")),
    FILE,
)
FIT = Command(
    "fit",
    _FLAGS,
    (Argument("snapshots", "[FILE|DIR]...", many=True),),
    fit,
    "List which recipes fit a cluster, and why the others do not.\n\nA recipe fits when the cluster is what it"
    " is for and all its constraints hold; what was not measured does not count as met. A folder or several "
    "files give one table with a line for each cluster, those that no recipe fits first; the exit "
    "status is 10 when there are any, and 2 when a snapshot cannot be read.",
    "clusterbook fit cluster.yaml\n  clusterbook fit snapshots/ -t json",
    rules=(OF_TRUST, OF_ACCESS, OF_LEDGER, OF_CLUSTERS._replace(needs=("snapshots",))),
)
"""The command."""
