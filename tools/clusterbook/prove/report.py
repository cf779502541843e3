"""The report of proofs: how many values of the recipes do something, and which do not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from clusterbook.catalog.images import covers
from clusterbook.catalog.proofs import DEAD, DEFAULT, LIVE, OWN, REFUSED, Proof
from clusterbook.prove.subjects import Case
from clusterbook.prove.values import leaves

UNPROVEN = "unproven"
COLUMNS = (LIVE, DEFAULT, DEAD, OWN, REFUSED, UNPROVEN)


class EffectRow(NamedTuple):
    """One component: how many values of how many recipes have which effect, and the charts that were rendered."""

    component: str
    recipes: int
    counts: Mapping[str, int]
    charts: tuple[str, ...]
    exact: bool


class IdleValue(NamedTuple):
    """A value that is dead or refused, in how many recipes of all that have it; in the others it does something."""

    component: str
    path: str
    effect: str
    why: str
    near: str
    recipes: int
    of: int


class Refusal(NamedTuple):
    """A Kubernetes that recipes allow and a chart refuses."""

    component: str
    kubernetes: str
    why: str
    recipes: int


class UnlistedImage(NamedTuple):
    """An image that a pinned chart starts and its list does not have; `setting` is the value that sets it."""

    component: str
    image: str
    setting: str


class ProofSummary(NamedTuple):
    """What a catalog's proofs say together."""

    rows: tuple[EffectRow, ...]
    idle: tuple[IdleValue, ...]
    refusals: tuple[Refusal, ...]
    unlisted: tuple[UnlistedImage, ...]

    @property
    def total(self) -> Counter[str]:
        """Return how many values of all recipes have which effect."""
        return sum((Counter(row.counts) for row in self.rows), Counter())


def summarise(
    cases: Iterable[Case], proofs: Mapping[str, Proof], images: Mapping[str, Sequence[str]] | None = None
) -> ProofSummary:
    """Return what the proofs of `cases` say; every value counts once in each recipe that has it.

    Args:
        cases: what was to prove.
        proofs: what holds, by key.
        images: the image lists that there are, by component.
    """
    refusals: dict[tuple[str, str, str], set[str]] = {}
    unlisted: set[UnlistedImage] = set()
    rows: dict[str, tuple[Counter[str], set[str], set[str], list[bool]]] = {}
    idle: dict[tuple[str, str, str, str, str], set[str]] = {}
    having: Counter[tuple[str, str]] = Counter()
    for case in cases:
        name = case.subject.component
        counts, slugs, charts, exact = rows.setdefault(name, (Counter(), set(), set(), []))
        slugs |= set(case.recipes)
        proof = proofs.get(case.subject.key())
        if proof is None or proof.refusal:
            counts[UNPROVEN] += len(case.recipes) * len(list(leaves(case.subject.values)))
            continue
        charts |= {f"{proof.archive.name} {proof.archive.version}"} if proof.archive.name else set()
        exact.append(proof.archive.exact)
        for fact in proof.facts.get("kubernetes", ()):
            if "refused" in fact:
                refusals.setdefault((name, fact["refused"], fact["why"]), set()).update(case.recipes)
        for fact in proof.facts.get("images", ()) if proof.archive.exact and name in (images or {}) else ():
            if not any(covers(listed, fact["image"]) for listed in (images or {})[name]):
                unlisted.add(UnlistedImage(name, fact["image"], fact.get("value", "")))
        for path, effect in proof.effects.items():
            counts[effect.effect] += len(case.recipes)
            having[name, path] += len(case.recipes)
            if effect.effect in (DEAD, REFUSED):
                idle.setdefault((name, path, effect.effect, effect.why, effect.near), set()).update(case.recipes)
    return ProofSummary(
        tuple(
            EffectRow(name, len(slugs), dict(counts), tuple(sorted(charts)), all(exact))
            for name, (counts, slugs, charts, exact) in sorted(rows.items())
        ),
        tuple(IdleValue(*said, len(slugs), having[said[:2]]) for said, slugs in sorted(idle.items())),
        tuple(Refusal(*said, len(slugs)) for said, slugs in sorted(refusals.items())),
        tuple(sorted(unlisted)),
    )


def as_text(summary: ProofSummary) -> str:
    """Return the summary for reading: a line a component, then each value that does nothing."""
    head = ["COMPONENT", "RECIPES", *map(str.upper, COLUMNS), "CHART"]
    rows = [
        [
            row.component,
            str(row.recipes),
            *(str(row.counts.get(column, 0) or "-") for column in COLUMNS),
            ", ".join(row.charts) + ("" if row.exact else " (not the pinned one)"),
        ]
        for row in summary.rows
    ]
    total = summary.total
    rows.append(["together", "", *(str(total.get(column, 0) or "-") for column in COLUMNS), ""])
    lines = _table([head, *rows])
    for each in summary.idle:
        near = f"; did you mean {each.near}?" if each.near else ""
        recipes = f"{each.recipes} recipes" if each.recipes == each.of else f"{each.recipes} of {each.of} recipes"
        lines.append(f"{each.component} {each.path} {each.effect} in {recipes}: {each.why}{near}")
    lines += [
        f"{each.component} does not install on Kubernetes {each.kubernetes}, which recipes with it allow: {each.why}"
        for each in summary.refusals
    ]
    lines += [f"{each.component} starts {each.image}, which its image list lacks" for each in summary.unlisted]
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def as_json(summary: ProofSummary) -> str:
    """Return the summary as data: `components`, `idle` and `total`."""
    document: dict[str, Any] = {
        "components": [row._asdict() for row in summary.rows],
        "idle": [each._asdict() for each in summary.idle],
        "refusals": [each._asdict() for each in summary.refusals],
        "unlistedImages": [each._asdict() for each in summary.unlisted],
        "total": dict(sorted(summary.total.items())),
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


FORMATS = {"text": as_text, "json": as_json}
