"""The changes of a cluster as people and machines read them: text, Markdown, JSON and YAML.

Source: reference row D2.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from clusterbook.diagnostics.printable import one_line
from clusterbook.diff.recipe_report import code
from clusterbook.diff.snapshots import ADDED, MODIFIED, REMOVED, SEVERITIES, UNSEEN, SnapshotChange
from clusterbook.documents.yaml_writer import dump

_SIGNS = {ADDED: "+", REMOVED: "-", MODIFIED: "~", UNSEEN: "?"}
_LONGEST = 100


class Drift(NamedTuple):
    """The changes from one thing to another, both called by where they came from.

    `left_out` counts changes that nobody wanted to hear of, `unmeasured` names what one of the two does not hold.
    """

    baseline: str
    target: str
    changes: Sequence[SnapshotChange]
    left_out: int = 0
    unmeasured: Sequence[str] = ()


def report(drift: Drift, form: str) -> str:
    """Return `drift` as text, markdown, json or yaml, ending in a newline."""
    return _FORMS[form](drift)


def document(drift: Drift) -> dict[str, Any]:
    """Return the changes as plain data."""
    kinds = Counter(change.kind for change in drift.changes)
    severities = Counter(change.severity for change in drift.changes)
    return {
        "baselineSource": drift.baseline,
        "targetSource": drift.target,
        "changes": [change.document() for change in drift.changes],
        "summary": {
            **{kind: kinds[kind] for kind in (ADDED, REMOVED, MODIFIED, UNSEEN)},
            **{severity: severities[severity] for severity in SEVERITIES},
            "total": len(drift.changes),
        },
        **limits(drift),
    }


def limits(drift: Drift) -> dict[str, Any]:
    """Return as plain data how far the changes reach: how many are left out, and what was not measured."""
    left_out = {"leftOut": drift.left_out} if drift.left_out else {}
    return {**left_out, **({"notMeasured": list(drift.unmeasured)} if drift.unmeasured else {})}


def _text(drift: Drift) -> str:
    """Return a line for each change, below a title for each severity, and a last line that counts."""
    if not drift.changes:
        return _no_change_text(drift, drift.target, drift.baseline) + "\n"
    lines = [one_line(f"{drift.baseline} → {drift.target}")]
    for severity in SEVERITIES:
        changes = [change for change in drift.changes if change.severity == severity]
        lines += ["", severity] if changes else []
        lines += [f"  {_SIGNS[change.kind]} {one_line(change.path)}{_sides(change)}" for change in changes]
    return "\n".join([*lines, "", *_limits(drift), _counts(drift)]) + "\n"


def _no_change_text(drift: Drift, target: str, baseline: str) -> str:
    """Return that there is nothing to tell, and of what that is not said."""
    limited = " in what was measured and asked for" if _limits(drift) else ""
    return "\n".join([one_line(f"{target} has not drifted from {baseline}{limited}"), *_limits(drift)])


def _limits(drift: Drift) -> list[str]:
    """Return what was not compared and what was compared but left out, a line each."""
    lines = [one_line(f"not measured: {', '.join(drift.unmeasured)}")] if drift.unmeasured else []
    more = "change is" if drift.left_out == 1 else "changes are"
    return [*lines, *([f"{drift.left_out} {more} left out"] if drift.left_out else [])]


def _counts(drift: Drift) -> str:
    counts = Counter(change.severity for change in drift.changes)
    return ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])


def _sides(change: SnapshotChange) -> str:
    """Return what a change was and is, behind its path."""
    if change.kind == UNSEEN:
        return ": not captured on one side"
    if change.kind == MODIFIED:
        return f": {_one_line(change.baseline)} → {_one_line(change.target)}"
    return f": {_one_line(change.baseline or change.target)}"


def _one_line(text: str) -> str:
    """Return a value on one line."""
    line = one_line(text) or '""'
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def _markdown(drift: Drift) -> str:
    """Return a table, for pull requests and reports."""
    if not drift.changes:
        return (
            "\n\n".join(
                f"{line}." for line in _no_change_text(drift, code(drift.target), code(drift.baseline)).splitlines()
            )
            + "\n"
        )
    lines = [one_line(f"## {code(drift.baseline)} → {code(drift.target)}"), "", _counts(drift), ""]
    lines += ["| severity | | path | before | after |", "|---|---|---|---|---|"]
    for each in drift.changes:
        sides = [code(_one_line(side)) if side else "" for side in (each.baseline, each.target)]
        lines.append(f"| {each.severity} | {each.kind} | {code(one_line(each.path))} | {sides[0]} | {sides[1]} |")
    for limit in _limits(drift):
        lines += ["", f"{limit}."]
    return "\n".join(lines) + "\n"


def _json(drift: Drift) -> str:
    return json.dumps(document(drift), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _yaml(drift: Drift) -> str:
    return dump(document(drift))


_FORMS: Mapping[str, Callable[[Drift], str]] = {"text": _text, "markdown": _markdown, "json": _json, "yaml": _yaml}
