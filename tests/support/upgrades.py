"""Upgrades of our own catalog for tests: as few as have every kind of line that a plan can have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from clusterbook.cli import main
from clusterbook.ledger.upgrades import UpgradeFacts
from clusterbook.ledger.write_releases import read_upgrades
from tests.support import sites


@cache
def ours() -> UpgradeFacts:
    """Return every upgrade of our own catalog."""
    return read_upgrades(sites.OURS / "registry")


def kinds_of(plan: Mapping[str, Any]) -> Iterator[str]:
    """Yield what kinds of lines a plan has."""
    spec = plan["spec"]
    for need in spec["needsYou"]:
        yield f"need {need['topic']} of {'a release' if 'release' in need else 'the cluster'}, {'do' in need}"
    for step in spec["releases"]:
        yield f"action {step['action']}"
        yield f"undo {step['undo']['possible']}"
        yield from (
            f"has {key}" for key in ("values", "manifests", "kinds", "record", "notes", "unproven") if key in step
        )
        yield from (
            f"effect {each['effect']}{' removed' if 'after' not in each else ''}" for each in step.get("values", ())
        )
        yield from (f"kind {each['change']}{' lost' if 'lost' in each else ''}" for each in step.get("kinds", ()))
        yield f"verdict {step['record']['verdict']}" if "record" in step else "no verdict"
        yield from (f"note {each['topic']} {each['needsYou']}" for each in step.get("notes", ()))
        if "before" in step and "after" in step:
            yield from (f"other {key}" for key in step["after"] if step["before"].get(key) != step["after"][key])


@cache
def covering() -> tuple[tuple[str, str], ...]:
    """Return a few upgrades, from and to, that have every kind of line, those with the most first."""
    left = {
        (old, new): set(kinds_of(ours().plan(old, new) or {}))
        for new, plans in sorted(ours().plans.items())
        for old in plans
    }
    found = []
    while any(left.values()):
        best = max(left, key=lambda pair: (len(left[pair]), pair))
        had = left.pop(best)
        found.append(best)
        left = {pair: kinds - had for pair, kinds in left.items()}
    return tuple(found)


def of_command(capture: Any, old: str, new: str) -> dict[str, Any]:
    """Return the document that the command writes; `capture` is pytest's capsys, and the folder is our checkout."""
    capture.readouterr()
    main.run(["upgrade", "plan", old, new, "-t", "json", "--registry", str(sites.OURS / "registry")], {})
    found: dict[str, Any] = json.loads(capture.readouterr().out)
    return found
