"""The preview of an upgrade: what becomes of our values, kinds, images and rights with another version of a chart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from clusterbook.catalog.proofs import Archive, Effect, Fact, Proof
from clusterbook.prove.subjects import Case

NAMES = {"kinds": "name", "images": "image", "webhooks": "object", "clusterRoles": "object", "hooks": "object",
         "owned": "object", "podSecurity": "level", "kubernetes": "range"}  # fmt: skip
"""The kinds of facts that an upgrade can change, and the field by which two facts are about the same."""


class EffectChange(NamedTuple):
    """A value whose effect is another one. An effect is None where it is not known, since a chart does not render."""

    path: str
    before: Effect | None
    after: Effect | None


class FactChange(NamedTuple):
    """Something that comes (`before` is None), goes (`after` is None) or changes."""

    kind: str
    name: str
    before: Fact | None
    after: Fact | None


class Preview(NamedTuple):
    """What another version of a chart brings to one set of values, in the recipes that have it."""

    component: str
    recipes: tuple[str, ...]
    before: Archive
    after: Archive
    values: tuple[EffectChange, ...]
    facts: tuple[FactChange, ...]
    refusal: str


def compare(case: Case, before: Proof, after: Proof) -> Preview:
    """Return what changes for one case from one proof to another."""
    return Preview(
        case.subject.component,
        case.recipes,
        before.archive,
        after.archive,
        tuple(_values(before.effects, after.effects)),
        tuple(each for kind in NAMES for each in _facts(kind, before.facts, after.facts)),
        after.refusal,
    )


def _values(before: Mapping[str, Effect], after: Mapping[str, Effect]) -> Iterator[EffectChange]:
    for path in sorted(before.keys() | after.keys()):
        one, two = before.get(path), after.get(path)
        if one is None or two is None or (one.effect, one.changes, one.more) != (two.effect, two.changes, two.more):
            yield EffectChange(path, one, two)


def _facts(
    kind: str, before: Mapping[str, Iterable[Fact]], after: Mapping[str, Iterable[Fact]]
) -> Iterator[FactChange]:
    field = NAMES[kind]
    one = {str(each.get(field, "")): each for each in before.get(kind, ())}
    two = {str(each.get(field, "")): each for each in after.get(kind, ())}
    for name in sorted(one.keys() | two.keys()):
        if one.get(name) != two.get(name):
            yield FactChange(kind, name, one.get(name), two.get(name))


def as_text(previews: Iterable[Preview]) -> str:
    """Return the previews for reading, one section a set of values."""
    return "".join(f"{line}\n" for preview in previews for line in _section(preview)) or "no recipe has this chart\n"


def _section(preview: Preview) -> Iterator[str]:
    first, more = preview.recipes[0], len(preview.recipes) - 1
    where = f"{first} and {more} more recipes" if more else first
    old, new = preview.before, preview.after
    exact = "" if old.exact else " (not the pinned one)"
    yield f"{preview.component}: {old.name} {old.version}{exact} → {new.name} {new.version}, in {where}"
    if preview.refusal:
        yield f"  does not render: {preview.refusal}"
    if not preview.values and not preview.facts and not preview.refusal:
        yield "  nothing changes"
    for change in preview.values:
        yield f"  value {change.path}: {_effect(change.before)} → {_effect(change.after)}"
    for fact in preview.facts:
        yield f"  {fact.kind} {fact.name}: {_fact(fact)}"


def _effect(effect: Effect | None) -> str:
    if effect is None:
        return "unproven"
    if effect.changes:
        more = f" and {effect.more} more" if effect.more else ""
        return f"{effect.effect} ({', '.join(effect.changes[:2])}{more})"
    near = f"; did you mean {effect.near}?" if effect.near else ""
    return f"{effect.effect} ({effect.why}{near})" if effect.why else effect.effect


def _fact(change: FactChange) -> str:
    if change.before is None or change.after is None:
        return "comes" if change.before is None else "goes"
    fields = sorted(change.before.keys() | change.after.keys())
    pairs = [(name, change.before.get(name), change.after.get(name)) for name in fields]
    return ", ".join(f"{name} {json.dumps(one)} → {json.dumps(two)}" for name, one, two in pairs if one != two)


def as_json(previews: Iterable[Preview]) -> str:
    """Return the previews as data."""
    return json.dumps([_document(each) for each in previews], ensure_ascii=False, indent=2) + "\n"


def _document(preview: Preview) -> dict[str, Any]:
    return {
        "component": preview.component,
        "recipes": list(preview.recipes),
        "before": {"chart": preview.before.name, "version": preview.before.version, "exact": preview.before.exact},
        "after": {"chart": preview.after.name, "version": preview.after.version},
        **({"refusal": preview.refusal} if preview.refusal else {}),
        "values": [
            {
                "path": each.path,
                "before": each.before.document() if each.before else None,
                "after": each.after.document() if each.after else None,
            }
            for each in preview.values
        ],
        "facts": [each._asdict() for each in preview.facts],
    }


FORMATS = {"text": as_text, "json": as_json}
