"""Fleets: one table about many snapshots, those that need a look first.

A snapshot that cannot be read is a row of the table, and not the end of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from clusterbook.cli.command import Request
from clusterbook.cli.question import read_where
from clusterbook.cli.render import render, table
from clusterbook.cli.reply import Reply
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.diagnostics.printable import one_line
from clusterbook.diff import snapshot_report
from clusterbook.diff.recipe_report import code
from clusterbook.diff.snapshot_report import Drift
from clusterbook.diff.snapshots import SEVERITIES, UNSEEN
from clusterbook.files.read import is_file, is_folder
from clusterbook.inputs.fast import read_snapshot
from clusterbook.lookup.find import open_shelf
from clusterbook.resolve.matching import CURATED
from clusterbook.snapshot.model import Snapshot
from clusterbook.validate.fit import FITS, UNKNOWN, Fit, fit_recipes

ENDINGS = (".yaml", ".yml", ".json")
_AS_WANTED, _AS_MEASURED = "as desired", "as desired, as far as measured"
DIFFER, UNREADABLE = 10, 2
"""Exit statuses: of some cluster it does not hold; some snapshot cannot be read. Source: design, section 10."""


class ClusterRow(NamedTuple):
    """What is to be said about one cluster: `found` of a snapshot that could be read, else `error`."""

    cluster: str
    taken: str
    found: Any = None
    error: str = ""


def snapshot_files(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return label and path of every snapshot that files and folders name.

    What a name with a dot hides is left out: editors keep copies so, and a mounted ConfigMap has each file twice.

    Raises:
        InvalidRequest: a folder holds none.
    """
    found = []
    for word in words:
        if not is_folder(word):
            found.append((word, word))
            continue
        files = {path.relative_to(word): path for path in Path(word).rglob("*") if path.suffix.lower() in ENDINGS}
        shown = {label: path for label, path in files.items() if not any(part.startswith(".") for part in label.parts)}
        labels = sorted(label for label, path in shown.items() if not path.is_dir())
        if not labels:
            raise InvalidRequest(f"{word} holds no snapshots", hint="snapshots end in .yaml, .yml or .json")
        found += [(label.as_posix(), str(shown[label])) for label in labels]
    return found


def _rows(words: Sequence[str], ask: Callable[[str, Snapshot], Any], *, kubeconfig: str = "") -> list[ClusterRow]:
    """Return a row for each snapshot."""
    rows = []
    for label, path in snapshot_files(words):
        try:
            if path not in words and not is_file(path):  # of a folder; what is typed may be a pipe
                raise InvalidRequest(f"{path} is not a readable file", hint="remove it from the folder")
            _, taken = read_snapshot(path, kubeconfig=kubeconfig)
            rows.append(ClusterRow(label, str(taken.metadata.get("timestamp") or ""), ask(label, taken)))
        except ClusterbookError as error:
            rows.append(ClusterRow(label, "", error=error.what))
    return rows


# --- fit --------------------------------------------------------------------------------------------------------------


def fit_fleet(request: Request, words: Sequence[str]) -> Reply:
    """Return which recipe of a catalog each cluster of a fleet could be given.

    Raises:
        InvalidRequest: nodes of one cluster were picked, or a folder holds no snapshot.
    """
    if request.says("pool") or request.says("node_selector"):
        raise InvalidRequest("--pool and --node-selector select nodes of one cluster", hint="name one snapshot")
    shelf = open_shelf(*read_where(request))
    lines = [line for line in shelf.lines() if "all" in request.switches or line["state"] == CURATED]
    recipes = ((str(line["name"]), shelf.recipe_by_slug(line["slug"])) for line in lines)
    reply = fit_report(recipes, words, request.text("format", "table"), kubeconfig=request.text("kubeconfig"))
    return reply._replace(notes=(*reply.notes, *shelf.remarks), output=request.text("output"))


def fit_report(
    recipes: Iterable[tuple[str, Mapping[str, Any]]], words: Sequence[str], form: str, *, kubeconfig: str = ""
) -> Reply:
    """Return which recipe each cluster of a fleet could be given: those first that nothing but the base fits."""
    documents = list(recipes)
    rows = _rows(words, lambda _, taken: fit_recipes(documents, taken), kubeconfig=kubeconfig)
    rows.sort(key=lambda row: (not row.error, _fits(row), row.cluster))
    bare = [row for row in rows if not row.error and not _best(row)]
    if form == "table":
        cells = [[row.cluster, row.taken or "-", str(_fits(row)), _best(row) or "-", _why(row)] for row in rows]
        text = table(["CLUSTER", "TAKEN", "FITS", "BEST", "WHY"], cells)
    else:
        text = render([_fit_document(row) for row in rows], form)
    unread = sum(bool(row.error) for row in rows)
    note = f"{len(rows) - len(bare) - unread} of {len(rows)} clusters fit a recipe"
    note += f", {unread} snapshots cannot be read" if unread else ""
    return Reply(text, (note,), UNREADABLE if unread else DIFFER if bare else 0)


def _fits(row: ClusterRow) -> int:
    return sum(each.fit == FITS for each in row.found or ())


def _best(row: ClusterRow) -> str:
    """Return the most specific recipe that fits, "" where that is one for every cluster."""
    first: Fit | None = next(iter(row.found or ()), None)
    return first.recipe if first and first.fit == FITS and first.specificity else ""


def _why(row: ClusterRow) -> str:
    """Return why no recipe fits: what is said of the most specific one that nobody can tell of, or of any."""
    if row.error or _best(row):
        return row.error
    near = next((each for each in row.found if each.fit == UNKNOWN), None) or next(
        (each for each in row.found if each.why), None
    )
    return f"{near.recipe}: {near.why}" if near else ""


def _fit_document(row: ClusterRow) -> dict[str, Any]:
    found = {"cluster": row.cluster, "taken": row.taken}
    if row.error:
        return {**found, "error": row.error}
    return {**found, "best": _best(row), "recipes": [each.document() for each in row.found]}


# --- drift ------------------------------------------------------------------------------------------------------------


def drift_report(compare: Callable[[str, Snapshot], Drift], folder: str, form: str) -> tuple[str, int]:
    """Return how each cluster of a fleet differs from what was wanted, the worst first, and the exit status."""
    rows = _rows([folder], compare)
    rows.sort(key=lambda row: (not row.error, *(-count for count in _counts(row)), row.cluster))
    if form in ("text", "markdown"):
        cells = [[row.cluster, row.taken or "-", *map(str, _counts(row)), _first(row)] for row in rows]
        heading = ["CLUSTER", "TAKEN", *(each.upper() for each in SEVERITIES[:3]), "UNSEEN", "FIRST"]
        text = table(heading, cells) if form == "text" else _markdown(heading, cells)
    else:
        text = render([_drift_document(row) for row in rows], form)
    differ = any(row.found is not None and row.found.changes for row in rows)
    return text, UNREADABLE if any(row.error for row in rows) else DIFFER if differ else 0


def _counts(row: ClusterRow) -> list[int]:
    """Return how many changes have which severity, and how many parts could not be seen."""
    changes = row.found.changes if row.found else ()
    counts = [sum(each.severity == severity and each.kind != UNSEEN for each in changes) for severity in SEVERITIES[:3]]
    return [*counts, sum(each.kind == UNSEEN for each in changes)]


def _first(row: ClusterRow) -> str:
    if row.error or row.found.changes:
        return row.error or row.found.changes[0].path
    return _AS_MEASURED if row.found.unmeasured or row.found.left_out else _AS_WANTED


def _markdown(heading: list[str], rows: list[list[str]]) -> str:
    """Return a table; what clusters and files say is code, so that it is shown and means nothing."""
    ours = ("-", _AS_WANTED, _AS_MEASURED)
    cells = [[cell if cell.isdecimal() or cell in ours else code(one_line(cell)) for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in (heading, *cells)]
    return "\n".join([lines[0], "|" + "---|" * len(heading), *lines[1:]]) + "\n"


def _drift_document(row: ClusterRow) -> dict[str, Any]:
    found = {"cluster": row.cluster, "taken": row.taken}
    if row.error:
        return {**found, "error": row.error}
    counts = dict(zip((*SEVERITIES[:3], "unseen"), _counts(row), strict=True))
    changes = [each.document() for each in row.found.changes]
    return {**found, "counts": counts, **snapshot_report.limits(row.found), "changes": changes}
