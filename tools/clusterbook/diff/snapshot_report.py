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


def report(found: Drift, form: str) -> str:
    """Return `found` as text, markdown, json or yaml, ending in a newline."""
    return _FORMS[form](found)


def document(found: Drift) -> dict[str, Any]:
    """Return the changes as plain data."""
    kinds = Counter(change.kind for change in found.changes)
    severities = Counter(change.severity for change in found.changes)
    return {
        "baselineSource": found.baseline,
        "targetSource": found.target,
        "changes": [change.document() for change in found.changes],
        "summary": {
            **{kind: kinds[kind] for kind in (ADDED, REMOVED, MODIFIED, UNSEEN)},
            **{severity: severities[severity] for severity in SEVERITIES},
            "total": len(found.changes),
        },
        **limits(found),
    }


def limits(found: Drift) -> dict[str, Any]:
    """Return as plain data how far the changes reach: how many are left out, and what was not measured."""
    left_out = {"leftOut": found.left_out} if found.left_out else {}
    return {**left_out, **({"notMeasured": list(found.unmeasured)} if found.unmeasured else {})}


def _text(found: Drift) -> str:
    """Return a line for each change, below a title for each severity, and a last line that counts."""
    if not found.changes:
        return _unchanged(found, found.target, found.baseline) + "\n"
    lines = [f"{found.baseline} → {found.target}"]
    for severity in SEVERITIES:
        changes = [change for change in found.changes if change.severity == severity]
        lines += ["", severity] if changes else []
        lines += [f"  {_SIGNS[change.kind]} {one_line(change.path)}{_sides(change)}" for change in changes]
    return "\n".join([*lines, "", *_limits(found), _counts(found)]) + "\n"


def _unchanged(found: Drift, target: str, baseline: str) -> str:
    """Return that there is nothing to tell, and of what that is not said."""
    limited = " in what was measured and asked for" if _limits(found) else ""
    return "\n".join([f"{target} has not drifted from {baseline}{limited}", *_limits(found)])


def _limits(found: Drift) -> list[str]:
    """Return what was not compared and what was compared but left out, a line each."""
    lines = [f"not measured: {', '.join(found.unmeasured)}"] if found.unmeasured else []
    more = "change is" if found.left_out == 1 else "changes are"
    return [*lines, *([f"{found.left_out} {more} left out"] if found.left_out else [])]


def _counts(found: Drift) -> str:
    counts = Counter(change.severity for change in found.changes)
    return ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])


def _sides(change: SnapshotChange) -> str:
    """Return what a change was and is, behind its path."""
    if change.kind == UNSEEN:
        return ": it could not be seen on one side"
    if change.kind == MODIFIED:
        return f": {_short(change.baseline)} → {_short(change.target)}"
    return f": {_short(change.baseline or change.target)}"


def _short(text: str) -> str:
    """Return a value on one line."""
    line = one_line(text) or '""'
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def _markdown(found: Drift) -> str:
    """Return a table, for pull requests and reports."""
    if not found.changes:
        return (
            "\n\n".join(f"{line}." for line in _unchanged(found, code(found.target), code(found.baseline)).splitlines())
            + "\n"
        )
    lines = [f"## {code(found.baseline)} → {code(found.target)}", "", _counts(found), ""]
    lines += ["| severity | | path | before | after |", "|---|---|---|---|---|"]
    for each in found.changes:
        sides = [code(_short(side)) if side else "" for side in (each.baseline, each.target)]
        lines.append(f"| {each.severity} | {each.kind} | {code(one_line(each.path))} | {sides[0]} | {sides[1]} |")
    for limit in _limits(found):
        lines += ["", f"{limit}."]
    return "\n".join(lines) + "\n"


def _json(found: Drift) -> str:
    return json.dumps(document(found), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _yaml(found: Drift) -> str:
    return dump(document(found))


_FORMS: Mapping[str, Callable[[Drift], str]] = {"text": _text, "markdown": _markdown, "json": _json, "yaml": _yaml}
