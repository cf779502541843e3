"""A diff of recipes as people and machines read it: text, Markdown, JSON and YAML, and the few lines a release keeps.

Same diff, same text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from clusterbook.diff.recipes import ABSENT, Change, Diff
from clusterbook.documents.yaml_writer import dump, scalar

_TITLES = {
    "recipe": "Recipe",
    "component": "Components",
    "field": "Components",
    "value": "Values",
    "dynamic": "Set at install time",
    "manifest": "Manifests",
    "image": "Images",
    "registry": "Component registry",
    "constraint": "Constraints",
    "phase": "Validation phases",
    "check": "Checks",
    "order": "Order",
    "option": "Options of the bundle",
    "edit": "Files edited since the bundle was made",
}
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_COUNTED = {
    "value": "value",
    "dynamic": "install-time value",
    "manifest": "manifest",
    "image": "image",
    "registry": "registry fact",
    "field": "field",
}
_DIGESTS = ("healthCheck", "readiness")
_TICKS = re.compile("`+")
_LONGEST_DIGEST = len("sha256:") + 12


def report(diff: Diff, form: str) -> str:
    """Return `diff` in one of FORMATS, ending in a newline."""
    return _FORMS[form](diff)


def groups(diff: Diff) -> Iterator[tuple[str, list[Change]]]:
    """Yield the changes by title, a component's own fields below its coming and going."""
    for title, changes in groupby(diff.changes, key=lambda change: _TITLES[change.section]):
        yield title, list(changes)


def title(section: str) -> str:
    """Return what the changes of a section are called together."""
    return _TITLES[section]


def text(diff: Diff) -> str:
    """Return a line for each change, below a title for each kind, and who had the last word where that is known."""
    if not diff:
        return f"{diff.old} and {diff.new} do not differ\n"
    lines = [f"{diff.old} → {diff.new}", *(["", remark] if (remark := uncompared_text(diff)) else [])]
    for title, changes in groups(diff):
        lines += ["", title]
        for change in changes:
            lines.append(f"  {_SIGNS[change.kind]} {sentence(change)}")
            lines += [f"      {word} {by}" for word, by in _authors(change)]
    lines += ["", f"{_count(len(diff.changes), 'difference')}"]
    return "\n".join(lines) + "\n"


def uncompared_text(diff: Diff) -> str:
    """Return what nobody could compare, "" where all was."""
    if not diff.uncompared:
        return ""
    return f"not compared: manifests, images and registry facts, not available for {_join_words(diff.uncompared)}"


def _join_words(words: Sequence[str]) -> str:
    return " and ".join(dict.fromkeys(words))


def _authors(change: Change) -> Iterator[tuple[str, str]]:
    if change.old_origin and change.kind != "added" and change.old_origin != change.new_origin:
        yield "was:", change.old_origin
    if change.new_origin:
        yield "now:" if change.kind != "removed" else "removed by:", change.new_origin


def sentence(change: Change) -> str:
    """Return what a change says: where, and the old and the new value."""
    where = place(change.section, change.component, change.key)
    if change.section == "component":
        side = change.new if change.old is ABSENT else change.old
        named = side.get("version") or side.get("tag") or ""
        if change.kind == "changed":
            return f"{where} is {'deployed' if change.new['deployed'] else 'no longer deployed'}"
        return f"{where} {named}".rstrip()
    if change.kind != "changed":
        value = change.old if change.new is ABSENT else change.new
        return where if value == {} and change.section in NAMED else f"{where}: {_change_text(change, value)}"
    return f"{where}: {_change_text(change, change.old)} → {_change_text(change, change.new)}"


NAMED = ("phase", "check")
"""Sections in which a fact may say no more than that it is there."""


def place(section: str, component: str, key: str) -> str:
    """Return what a fact is about, in words."""
    if not component:
        return key
    if section == "image" and not key:
        return f"{component} images"
    return f"{component} {key}".rstrip()


def _change_text(change: Change, value: Any) -> str:
    return value_text(change.section, change.key, value)


def value_text(section: str, key: str, value: Any) -> str:
    """Return a value on one line: text as it is where nobody can take it for something else, all else as JSON."""
    if section == "component":
        return str(value.get("version") or value.get("tag") or "") if value["deployed"] else "not deployed"
    if section == "constraint" and isinstance(value, dict):
        more = "; ".join(f"{key} {value[key]}" for key in sorted(value) if key != "value")
        return f"{value.get('value', '')}{f' ({more})' if more else ''}"
    if section == "image" and isinstance(value, list):
        return f"{len(value)} listed"
    if section == "manifest" or key in _DIGESTS:
        return str(value)[:_LONGEST_DIGEST]
    elements = value if isinstance(value, list) else [value]
    nested = any(isinstance(element, dict | list) for element in elements)
    if section in ("field", "image", "order", "recipe", "option", "edit") and not nested:
        plain = ", ".join(map(str, value)) if isinstance(value, list) else scalar(value)
        if plain and plain.isprintable():
            return plain
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def headlines(diff: Diff) -> list[str]:
    """Return a diff in few lines: components, versions, constraints and checks one by one, the rest in numbers.

    This is what a release keeps; the ledger has both sides, so the rest can always be had again.
    """
    return [*told(diff), *counted(diff)]


def told(diff: Diff) -> list[str]:
    """Return what is told by itself: components that come and go, versions, constraints, checks, the order."""
    return [headline(change) for change in diff.changes if _is_headline(change)]


def counted(diff: Diff) -> list[str]:
    """Return what is told in numbers: values, images and facts that differ, component by component."""
    counts: dict[tuple[str, str], list[str]] = {}
    for change in diff.changes:
        if change.component and not _is_headline(change):
            counts.setdefault((change.component, change.section), []).append(change.key)
    lines = []
    for (component, section), keys in sorted(counts.items()):
        many = f"{_count(len(keys), _COUNTED[section])} differ{'s' if len(keys) == 1 else ''}"
        lines.append(f"{component}: {', '.join(keys)}" if section == "field" else f"{component}: {many}")
    return lines


def headline(change: Change) -> str:
    """Return what one change says, in a line that needs no sign before it."""
    if change.section == "order":
        return f"{change.key}: another order"
    if change.kind == "changed":
        return sentence(change)
    verb = {"added": "comes", "removed": "goes"}[change.kind]
    return f"{sentence(change)} {verb}"


def _is_headline(change: Change) -> bool:
    """Return whether a change is told by itself."""
    return not change.component or change.section == "component" or change.key in ("version", "tag")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def markdown(diff: Diff) -> str:
    """Return a table for each kind of change, for pull requests and release notes."""
    if not diff:
        return f"{code(diff.old)} and {code(diff.new)} do not differ.\n"
    lines = [
        f"## {code(diff.old)} → {code(diff.new)}",
        *(["", f"{remark}."] if (remark := uncompared_text(diff)) else []),
    ]
    for title, changes in groups(diff):
        lines += ["", f"### {title}", "", "| | what | old | new | set by |", "|---|---|---|---|---|"]
        lines += [_row(change) for change in changes]
    return "\n".join(lines) + "\n"


def _row(change: Change) -> str:
    sides = ["" if side is ABSENT else code(_cell(change, side)) for side in (change.old, change.new)]
    what, by = place(change.section, change.component, change.key), change.new_origin or change.old_origin
    return f"| {change.kind} | {code(what)} | {sides[0]} | {sides[1]} | {code(by)} |"


def _cell(change: Change, side: Any) -> str:
    return "" if side == {} and change.section in NAMED else _change_text(change, side)


def code(plain: str) -> str:
    """Return text that Markdown shows as it is, inside a table too. Source: GFM 0.29, sections 4.10 and 6.3."""
    if not plain:
        return ""
    fence = "`" * (max(map(len, _TICKS.findall(plain)), default=0) + 1)
    pad = " " if plain[0] == "`" or plain[-1] == "`" else ""
    escaped = plain.replace("|", "\\|").replace("\n", "\\n")
    return f"{fence}{pad}{escaped}{pad}{fence}"


def as_json(diff: Diff) -> str:
    """Return an object with old, new and changes; a side that lacks the fact has no `old` or no `new`."""
    return json.dumps(document(diff), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def as_yaml(diff: Diff) -> str:
    """Return the same object as YAML."""
    return dump(document(diff))


def document(diff: Diff) -> dict[str, Any]:
    """Return a diff as data; `notCompared` has the sides of which not all is at hand, where there are any."""
    partial = {"notCompared": list(dict.fromkeys(diff.uncompared))} if diff.uncompared else {}
    return {"old": diff.old, "new": diff.new, "changes": [_entry(change) for change in diff.changes], **partial}


def _entry(change: Change) -> dict[str, Any]:
    found = {"section": change.section, "kind": change.kind, "component": change.component, "key": change.key}
    sides = {"old": change.old, "new": change.new}
    origins = {"oldOrigin": change.old_origin, "newOrigin": change.new_origin}
    shown = {key: side for key, side in sides.items() if side is not ABSENT}
    return {key: value for key, value in found.items() if value} | shown | {k: by for k, by in origins.items() if by}


_FORMS: dict[str, Callable[[Diff], str]] = {"text": text, "markdown": markdown, "json": as_json, "yaml": as_yaml}
FORMATS: Sequence[str] = tuple(_FORMS)
"""The forms a report may have; the first is for people."""
