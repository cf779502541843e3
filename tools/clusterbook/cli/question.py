"""Which recipe a command line asks for. Part of every look-up and bundle, so it imports next to nothing."""

from __future__ import annotations

from clusterbook.catalog.criteria import DIMENSIONS
from clusterbook.cli.command import Request
from clusterbook.lookup.find import Question


def read_question(request: Request) -> Question:
    """Return which recipe a command line asks for."""
    return Question(
        request.text("slug"),
        {name: request.values[name] for name in (*DIMENSIONS, "nodes") if name in request.values},
        strict="criteria_strict" in request.switches,
        allow_inherited="allow_inherited" in request.switches,
        document=request.values.get("recipe"),
        snapshot=request.values.get("snapshot"),
        source=request.text("source"),
        data=request.text("data"),
    )
