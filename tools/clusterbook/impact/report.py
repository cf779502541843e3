"""An impact as people and machines read it: text, Markdown for a pull request, JSON.

Markdown stays below the size that GitHub takes for a comment, the most important first; what does not fit is counted.
Source: GitHub REST API, issue comments: a body has at most 65,536 characters.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from clusterbook.diagnostics.findings import Finding
from clusterbook.diff.recipe_report import code, sentence
from clusterbook.diff.recipes import ABSENT
from clusterbook.documents.api_version import API_VERSION
from clusterbook.impact.compare import Cause, Impact, ManualStep, SharedChange
from clusterbook.ledger.version import MAJOR, MINOR, PATCH
from clusterbook.resolve.matching import COMPOSED, CURATED

KIND = "Impact"
LONGEST = 60_000
"""How many characters the Markdown has at most."""
_LONGEST_LINE = 300
_NAMED = 3
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def report(impact: Impact, form: str) -> str:
    """Return an impact in one of FORMATS, ending in a newline."""
    return FORMS[form](impact)


def headline(impact: Impact) -> str:
    """Return in one line how many recipes change, come and go."""
    span = f"{impact.old} → {impact.new}"
    if impact.empty:
        return f"{span}: no recipe changes"
    numbers = [(len(impact.steps), "changed"), (len(impact.added), "new"), (len(impact.removed), "gone")]
    said = [f"{number} {word}" for number, word in numbers if number]
    return f"{span}: {', '.join([*said, f'{impact.unchanged} unchanged'])}"


def _versions(impact: Impact) -> str:
    levels = Counter(step.level for step in impact.steps.values())
    return ", ".join(f"{levels[level]} {level}" for level in (MAJOR, MINOR, PATCH) if levels[level])


def _combinations(impact: Impact) -> str:
    """Return how many more or fewer combinations of criteria are answered as asked, "" where as many are."""
    before, after = (sum(states.get(state, 0) for state in (CURATED, COMPOSED)) for states in impact.states)
    return f"{after:,} combinations are answered as asked, {after - before:+,}" if before != after else ""


def _in(recipes: Sequence[str]) -> str:
    return ", ".join(recipes) if len(recipes) <= _NAMED else f"{len(recipes)} recipes"


def _effects(change: SharedChange) -> str:
    """Return what a value does by proof: `live`, or `live in 12, dead in 3`."""
    if len(change.effects) <= 1:
        return next(iter(change.effects), "")
    counted = sorted(change.effects.items(), key=lambda each: -each[1])
    return ", ".join(f"{word} in {number}" for word, number in counted)


def _sections(impact: Impact) -> Iterator[tuple[str, list[str]]]:
    """Yield what there is to tell, the most important first: a title, and a line for each thing under it."""
    yield "Manual steps of an upgrade", [line for each in impact.manual for line in _manual(each)]
    yield "New findings", list(map(_finding, impact.appeared))
    yield "Fixed findings", list(map(_finding, impact.fixed))
    stale = [f"{each.recipe} {each.version}: {each.name}" for each in impact.stale]
    yield "Evidence that is about an older recipe", stale
    gone = [f"{slug}; take {', '.join(then)}" if then else slug for slug, then in impact.removed.items()]
    yield "Recipes that go", gone
    yield "Recipes that come", list(impact.added)
    reasons = Counter(step.because for step in impact.steps.values() if step.level == MAJOR)
    yield "Why versions move by a major step", [f"{number:4}  {why}" for why, number in reasons.most_common()]
    yield (
        "Recipes whose upgrade cannot be planned without options",
        [f"{number:4}  {why}" for why, number in Counter(impact.unplanned.values()).most_common()],
    )


def _manual(step: ManualStep) -> Iterator[str]:
    what = f"{step.release}: {step.note.text}" if step.release else step.note.text
    do = f": {step.note.do}" if step.note.do else ""
    yield f"{len(step.recipes):4}  {what}{do}"


def _finding(finding: Finding) -> str:
    return f"{finding.place}: {finding.code} {finding.what}"


def _cause_title(cause: Cause) -> str:
    return f"{cause.component or 'recipes themselves'}, in {_in(cause.recipes)}"


def _change(shared: SharedChange) -> str:
    """Return a change without the name of its component, which its cause says already."""
    change = shared.change
    what = sentence(change)
    if change.section != "component":
        what = what.removeprefix(f"{change.component} ") if change.component else what
    beside = [word for word in (_effects(shared), _setters(shared)) if word]
    more = f"  ({'; '.join(beside)})" if beside else ""
    return f"{len(shared.recipes):4} {_SIGNS[change.kind]} {what}{more}"


def _setters(change: SharedChange) -> str:
    setters = change.setters
    return f"{setters[0]}{f' and {len(setters) - 1} more' if len(setters) > 1 else ''}" if setters else ""


def _text(impact: Impact) -> str:
    lines = [headline(impact)]
    lines += [f"versions: {versions}"] if (versions := _versions(impact)) else []
    lines += [combinations] if (combinations := _combinations(impact)) else []
    for title, said in _sections(impact):
        lines += ["", title, *(f"  {line}" for line in said)] if said else []
    for cause in impact.causes:
        lines += ["", _cause_title(cause), *(f"  {_change(change)}" for change in cause.changes)]
    return "\n".join(lines) + "\n"


def _markdown(impact: Impact) -> str:
    """Return an impact for a pull request: numbers, what people have to do, causes, and the recipes folded."""
    lines = [f"### {code(headline(impact))}", ""]
    lines += [f"Versions: {versions}.", ""] if (versions := _versions(impact)) else []
    lines += [f"{combinations}.", ""] if (combinations := _combinations(impact)) else []
    for title, said in _sections(impact):
        lines += [f"#### {title}", "", *_items(said), ""] if said else []
    for cause in impact.causes:
        lines += [f"#### {code(_cause_title(cause))}", "", *_items(map(_change, cause.changes)), ""]
    lines += ["<details><summary>Changed recipes</summary>", "", *_items(impact.steps), "", "</details>"]
    return _cut(lines if impact.steps else lines[:-5])


def _items(said: Iterable[str]) -> Iterator[str]:
    return (f"- {code(_short(line.strip()))}" for line in said)


def _short(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"


def _cut(lines: Sequence[str]) -> str:
    """Return as many lines as fit, and how many more there are."""
    length, kept = 0, len(lines)
    rest = "- … {} more lines: `clusterbook-build impact` has them all\n"
    for number, line in enumerate(lines):
        length += len(line) + 1
        if length > LONGEST - len(rest) - len(str(len(lines))):
            kept = number
            break
    text = "\n".join(lines[:kept]).rstrip("\n") + "\n"
    return text if kept == len(lines) else text + rest.format(len(lines) - kept)


def as_data(impact: Impact) -> dict[str, Any]:
    """Return an impact as a document, recipes by name everywhere."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"from": impact.old, "to": impact.new},
        "spec": {
            "added": list(impact.added),
            "removed": {slug: list(successors) for slug, successors in impact.removed.items()},
            "changed": {slug: step._asdict() for slug, step in impact.steps.items()},
            "unchanged": impact.unchanged,
            "combinations": {"old": dict(impact.states[0]), "new": dict(impact.states[1])},
            "causes": [
                {
                    "component": cause.component,
                    "recipes": list(cause.recipes),
                    "changes": list(map(_data, cause.changes)),
                }
                for cause in impact.causes
            ],
            "manualSteps": [
                {
                    **({"release": step.release} if step.release else {}),
                    **{key: said for key, said in (("text", step.note.text), ("do", step.note.do)) if said},
                    "recipes": list(step.recipes),
                }
                for step in impact.manual
            ],
            "unplanned": dict(impact.unplanned),
            "findings": {
                "new": list(map(_finding_data, impact.appeared)),
                "fixed": list(map(_finding_data, impact.fixed)),
            },
            "staleEvidence": [
                {"recipe": each.recipe, "version": str(each.version), "name": each.name} for each in impact.stale
            ],
        },
    }


def _data(shared: SharedChange) -> dict[str, Any]:
    change = shared.change
    sides = {"old": change.old, "new": change.new}
    return {
        "section": change.section,
        "kind": change.kind,
        **({"key": change.key} if change.key else {}),
        **{key: side for key, side in sides.items() if side is not ABSENT},
        **({"setBy": list(shared.setters)} if shared.setters else {}),
        **({"effects": dict(shared.effects)} if shared.effects else {}),
        "recipes": list(shared.recipes),
    }


def _finding_data(finding: Finding) -> dict[str, Any]:
    place = finding.place
    at = {"file": place.file, "line": place.line}
    return {"code": finding.code, "severity": finding.severity, **at, "what": finding.what}


def _json(impact: Impact) -> str:
    return json.dumps(as_data(impact), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


FORMS: Mapping[str, Callable[[Impact], str]] = {"text": _text, "markdown": _markdown, "json": _json}
"""How an impact is written; the first is for people."""
