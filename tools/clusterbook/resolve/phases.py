"""Validation phases: what layers say about them, merged; checks and constraints add up, other fields are replaced.

Source: reference rows R17, R33.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clusterbook.catalog.layers import Layer
from clusterbook.catalog.values import Origin, Origins


@dataclass(frozen=True, slots=True)
class Phase:
    """One validation phase: checks and constraints in order, the other fields by name, and what was dropped."""

    declared: Origins
    checks: tuple[Origin, ...]
    constraints: tuple[tuple[str, Origins], ...]
    others: Mapping[str, Origins]
    dropped: Mapping[str, Origins]


def merge_phases(layers: Sequence[Layer]) -> dict[str, Phase]:
    """Return the merged validation phases. Source: reference row R33."""
    phases: dict[str, Phase] = {}
    for layer in layers:
        for name, said in layer.phases.items():
            phase = phases.get(name, Phase((), (), (), {}, {}))
            phases[name] = Phase(
                declared=(*phase.declared, said.declared),
                checks=_merge_checks(phase.checks, said.checks),
                constraints=_merge_constraints(phase.constraints, said.constraints),
                others=_append_origins(phase.others, said.others),
                dropped=_append_origins(phase.dropped, said.cleared),
            )
    return phases


def _append_origins(lower: Mapping[str, Origins], upper: Mapping[str, Origin]) -> dict[str, Origins]:
    """Return the origins by field, with those of one more layer behind."""
    return {**lower, **{field: (*lower.get(field, ()), origin) for field, origin in upper.items()}}


def _merge_checks(lower: tuple[Origin, ...], upper: tuple[Origin, ...] | None) -> tuple[Origin, ...]:
    """Return the union in order; nothing said inherits, an empty list drops."""
    if upper is None:
        return lower
    if not upper:
        return ()
    seen: set[object] = set()
    union = []
    for origin in (*lower, *upper):
        if origin.value not in seen:
            seen.add(origin.value)
            union.append(origin)
    return tuple(union)


def _merge_constraints(
    lower: tuple[tuple[str, Origins], ...], upper: tuple[tuple[str, Origin], ...] | None
) -> tuple[tuple[str, Origins], ...]:
    """Return the union by name, the later entry replacing; nothing said inherits, an empty list drops."""
    if upper is None:
        return lower
    if not upper:
        return ()
    merged = dict(lower)
    for name, origin in upper:
        merged[name] = (*merged.get(name, ()), origin)
    return tuple(merged.items())
