"""The preview of an upgrade: what becomes of our values, kinds, images and rights with another version of a chart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from clusterbook.catalog.proofs import Archive, Effect, Fact, Proof
from clusterbook.prove.rights import difference
from clusterbook.prove.subjects import Case
from clusterbook.snapshot.constraint import parse_version

NAMES = {"kinds": "name", "images": "image", "webhooks": "object", "clusterRoles": "object", "roles": "object",
         "bindings": "object", "hooks": "object", "owned": "object", "podSecurity": "level",
         "kubernetes": "range"}  # fmt: skip
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
    one = {_name(each, NAMES[kind]): each for each in before.get(kind, ())}
    two = {_name(each, NAMES[kind]): each for each in after.get(kind, ())}
    for name in sorted(one.keys() | two.keys()):
        if _meaning(one.get(name)) != _meaning(two.get(name)):
            yield FactChange(kind, name, one.get(name), two.get(name))


def _name(fact: Fact, field: str) -> str:
    """Return what a fact is about; two namespaces may have objects of one name."""
    return f"{fact.get(field, '')}{f' in {namespace}' if (namespace := fact.get('namespace')) else ''}"


def _meaning(fact: Fact | None) -> Fact | None:
    """Return a fact without what may be another number although nothing else is: how rules are cut up."""
    return fact and {name: value for name, value in fact.items() if name != "rules"}


def as_text(previews: Iterable[Preview]) -> str:
    """Return the previews for reading, one section a set of values."""
    return "".join(f"{line}\n" for preview in previews for line in _section(preview)) or "no recipe has this chart\n"


def _section(preview: Preview) -> Iterator[str]:
    first, more = preview.recipes[0], len(preview.recipes) - 1
    where = f"{first} and {more} more recipe{'' if more == 1 else 's'}" if more else first
    old, new = preview.before, preview.after
    exact = "" if old.exact else " (not the pinned one)"
    older = " (older)" if _is_older(new, old) else ""
    yield f"{preview.component}: {old.name} {old.version}{exact} → {new.name} {new.version}{older}, in {where}"
    if preview.refusal:
        yield f"  does not render: {preview.refusal}"
    if not preview.values and not preview.facts and not preview.refusal:
        yield "  nothing changes"
    for change in preview.values:
        yield f"  value {change.path}: {_effect(change.before)} → {_effect(change.after)}"
    moved = _moved_images(preview.facts)
    for repository, (before, after) in sorted(moved.items()):
        yield f"  images {repository}: {before} → {after}"
    for fact in preview.facts:
        if fact.kind != "images" or _repository(fact.name)[0] not in moved:
            yield f"  {fact.kind} {fact.name}: {_fact(fact)}"


def _moved_images(facts: Iterable[FactChange]) -> dict[str, tuple[str, str]]:
    """Return (old, new) tag of each repository of which one image goes and one comes."""
    goes: dict[str, list[str]] = {}
    comes: dict[str, list[str]] = {}
    for each in facts:
        if each.kind == "images":
            repository, tag = _repository(each.name)
            if each.after is None:
                goes.setdefault(repository, []).append(tag)
            elif each.before is None:
                comes.setdefault(repository, []).append(tag)
            else:  # what sets it is another value: it has a line of its own, and so have those beside it
                goes.setdefault(repository, []).extend(("", ""))
    return {
        name: (tags[0], comes[name][0])
        for name, tags in goes.items()
        if len(tags) == 1 and len(comes.get(name, ())) == 1
    }


def _repository(image: str) -> tuple[str, str]:
    """Return (repository, tag or digest) of an image."""
    name, at, digest = image.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return f"{head}{slash}{last}", f"{tag}{at}{digest}"


def _is_older(new: Archive, old: Archive) -> bool:
    """Return whether a version comes before another; one that is called otherwise counts its versions anew."""
    versions = parse_version(new.version), parse_version(old.version)
    return new.name == old.name and None not in versions and versions[0] < versions[1]  # type: ignore[operator]


def _effect(effect: Effect | None) -> str:
    if effect is None:
        return "unproven"
    if effect.changes:
        more = f" and {effect.more} more" if effect.more else ""
        return f"{effect.effect} ({', '.join(effect.changes[:2])}{more})"
    near = f"; did you mean {effect.near}?" if effect.near else ""
    return f"{effect.effect} ({effect.why}{near})" if effect.why else effect.effect


def _fact(change: FactChange) -> str:
    rights = _rights(change)
    if change.before is None or change.after is None:
        return f"{'comes' if change.before is None else 'goes'}{f': {rights}' if rights else ''}"
    fields = sorted((change.before.keys() | change.after.keys()) - {"grants", "rules"})
    pairs = [(name, change.before.get(name), change.after.get(name)) for name in fields]
    found = [f"{name} {_difference(one, two)}" for name, one, two in pairs if one != two]
    return ", ".join([*found, *([rights] if rights else [])])


def _rights(change: FactChange) -> str:
    """Return the rights that come and go with a role, or what somebody is given, "" where it is about neither."""
    if "role" in (change.after or change.before or {}) and None in (change.before, change.after):
        fact = change.after or change.before or {}
        return f"{fact['role']} for {', '.join(fact['subjects'])}"
    comes, goes = _grants(change)
    return "; ".join([*(f"+{each}" for each in comes), *(f"-{each}" for each in goes)])


def _grants(change: FactChange) -> tuple[list[str], list[str]]:
    return difference((change.before or {}).get("grants", ()), (change.after or {}).get("grants", ()))


def _difference(one: object, two: object) -> str:
    """Return how a field changes; of a list what comes and what goes."""
    if isinstance(one, list) and isinstance(two, list):
        signs = [f"+{each}" for each in two if each not in one] + [f"-{each}" for each in one if each not in two]
        return ", ".join(signs) or "reordered"
    return f"{json.dumps(one)} → {json.dumps(two)}"


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
        "facts": [_fact_document(each) for each in preview.facts],
    }


def _fact_document(change: FactChange) -> dict[str, Any]:
    comes, goes = _grants(change)
    rights = {"rights": {"comes": comes, "goes": goes}} if comes or goes else {}
    return {**change._asdict(), **rights}


FORMATS = {"text": as_text, "json": as_json}
