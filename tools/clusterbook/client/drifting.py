"""Drift from files: two snapshots, or a recipe and a snapshot.

Knows which kind of document is which. Does not know what a difference means (`core.drift`).
"""

from __future__ import annotations

from collections.abc import Sequence

from clusterbook.client.answers import Reply, render, table
from clusterbook.client.handed import read_document
from clusterbook.core import drift, snapshot
from clusterbook.core.judge.subject import Document

DRIFT = 10
"""Exit status where something differs. Source: design, section 10."""


def snapshot_drift(
    baseline: str, target: str, *, ignore: Sequence[str] = (), least: str = drift.INFO, form: str = "table"
) -> Reply:
    """Return what is different between the snapshots in two files; exit status 10 where anything is.

    Raises:
        InvalidRequest: one of them is no snapshot.
    """
    before, after = (snapshot.read(read_document(where)) for where in (baseline, target))
    return _reply(drift.drift(before, after, ignore=ignore, least=least), baseline, target, form)


def recipe_drift(
    recipe: Document, target: str, *, ignore: Sequence[str] = (), least: str = drift.INFO, form: str = "table"
) -> Reply:
    """Return how what a snapshot shows installed differs from `recipe`; exit status 10 where anything does.

    Raises:
        InvalidRequest: the file is no snapshot.
        Unseen: the snapshot does not say what is installed.
    """
    taken = snapshot.read(read_document(target))
    changes = drift.chosen(drift.installed_drift(recipe, taken), ignore=ignore, least=least)
    metadata = recipe.get("metadata") or {}
    return _reply(changes, str(metadata.get("slug") or ""), target, form)


def _reply(changes: Sequence[drift.Change], baseline: str, target: str, form: str) -> Reply:
    counted = drift.document(changes, baseline, target)
    text = render(counted, form, lambda _: table(["SEVERITY", "KIND", "PATH", "BEFORE", "AFTER"], drift.rows(changes)))
    counts = ", ".join(f"{counted['summary'][each]} {each}" for each in drift.SEVERITIES if counted["summary"][each])
    if form == "table" and not changes:
        text = ""
    return Reply(text, (counts or "no drift",), DRIFT if changes else 0)
